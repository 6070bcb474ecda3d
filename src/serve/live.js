// Keeps the page up to date: events as they happen, and the body once more when they have settled.
(() => {
  const QUIET = 250;
  const PAUSE = 3000;
  const feed = document.createElement("section");
  feed.id = "feed";
  feed.setAttribute("aria-labelledby", "feed-title");
  const title = document.createElement("h2");
  title.id = "feed-title";
  title.textContent = "Happening now";
  const state = document.createElement("p");
  state.setAttribute("role", "status");
  const list = document.createElement("ol");
  feed.append(title, state, list);

  const last = () => document.getElementById("live")?.dataset.last ?? "";
  let seen = last();
  let timer = 0;
  let loading = false;
  let again = false;

  const place = () => (document.querySelector("main") ?? document.body).append(feed);

  const load = async () => {
    if (loading) {
      again = true;
      return;
    }
    loading = true;
    try {
      const answer = await fetch("/body", { cache: "no-store" });
      if (answer.status === 401) location.reload();
      if (!answer.ok) throw new Error(answer.statusText);
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      const open = new Set([...document.querySelectorAll("details[open][id]")].map((details) => details.id));
      const focus = document.activeElement?.id;
      document.body.replaceChildren(...fresh.body.childNodes);
      for (const id of open) document.getElementById(id)?.setAttribute("open", "");
      place();
      if (focus) document.getElementById(focus)?.focus({ preventScroll: true });
      document.dispatchEvent(new Event("gonogo:body"));
    } catch {
      settle(PAUSE);
    } finally {
      loading = false;
      if (again) {
        again = false;
        settle();
      }
    }
  };

  const settle = (after = QUIET) => {
    clearTimeout(timer);
    timer = setTimeout(load, after);
  };

  const numbered = (id) => Number(id.slice(id.lastIndexOf(":") + 1));

  const source = new EventSource(`/events?after=${encodeURIComponent(seen)}`);
  source.addEventListener("open", () => (state.textContent = "Connected: this page is live."));
  source.addEventListener("error", () => {
    // An answer that is no stream, such as one that wants the token again, ends it for good (HTML, section 9.2.2).
    const next = source.readyState === EventSource.CLOSED ? "Load the page again." : "Trying again.";
    state.textContent = `Connection lost: what you see may be old. ${next}`;
  });
  source.addEventListener("run", () => settle());
  source.addEventListener("reload", () => settle());
  source.addEventListener("event", (message) => {
    const { run, seq, told } = JSON.parse(message.data);
    if (seen.startsWith(`${run}:`) && seq <= numbered(seen)) return;
    seen = `${run}:${seq}`;
    for (const { local, text } of told) {
      const item = document.createElement("li");
      item.textContent = `${local}  ${text}`;
      list.prepend(item);
    }
    while (list.childElementCount > 12) list.lastElementChild.remove();
    feed.dataset.last = seen;
    settle();
  });
  // The clock goes on when nothing happens.
  setInterval(() => settle(), 30000);
  place();
})();
