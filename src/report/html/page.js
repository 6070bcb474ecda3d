"use strict";
// The filters of the checks. What is chosen is kept in the address, after the #, so that it can be sent to somebody.
(() => {
  const names = ["outcome", "stage", "owner", "text"];
  const form = () => document.getElementById("filter");

  const matches = (row, chosen) => {
    const cells = row.cells;
    return (
      (!chosen.outcome || row.dataset.is.split(" ").includes(chosen.outcome)) &&
      (!chosen.stage || cells[4].textContent === chosen.stage) &&
      (!chosen.owner || cells[5].textContent === chosen.owner) &&
      (!chosen.text || row.textContent.toLowerCase().includes(chosen.text.toLowerCase()))
    );
  };

  const apply = () => {
    const filter = form();
    if (!filter) return;
    filter.hidden = false;
    const chosen = Object.fromEntries(names.map((name) => [name, filter.elements[name].value.trim()]));
    const active = names.some((name) => chosen[name]);
    let all = 0;
    let shown = 0;
    for (const group of document.querySelectorAll("details.checks")) {
      let found = 0;
      for (const row of group.querySelectorAll("tbody tr")) {
        const match = !active || matches(row, chosen);
        if (row.hidden === match) row.hidden = !match;
        found += match ? 1 : 0;
        all += 1;
      }
      shown += found;
      if (active) {
        group.dataset.was ??= group.open ? "open" : "closed";
        group.open = found > 0;
      } else if (group.dataset.was) {
        group.open = group.dataset.was === "open";
        delete group.dataset.was;
      }
      group.hidden = active && found === 0;
    }
    filter.elements.shown.value = active ? `${shown} of ${all} shown` : "";
  };

  const keep = () => {
    const chosen = new URLSearchParams();
    for (const name of names) {
      const value = form().elements[name].value.trim();
      if (value) chosen.set(name, value);
    }
    const text = chosen.toString();
    history.replaceState(null, "", text ? `#${text}` : location.pathname + location.search);
  };

  // An address without any filter leads to a section, and changes none.
  const read = () => {
    const filter = form();
    const chosen = new URLSearchParams(location.hash.slice(1));
    if (filter && names.some((name) => chosen.has(name))) {
      for (const name of names) filter.elements[name].value = chosen.get(name) ?? "";
      document.getElementById("checks").scrollIntoView();
    }
    apply();
  };

  const changed = (event) => {
    if (event.target.form === form() && form()) {
      keep();
      apply();
    }
  };
  document.addEventListener("input", changed);
  document.addEventListener("submit", (event) => event.target === form() && event.preventDefault());
  // The fields are empty only after the event.
  document.addEventListener("reset", (event) => event.target === form() && setTimeout(() => (keep(), apply())));
  // Whoever puts a new body into the page says so.
  document.addEventListener("gonogo:body", read);
  addEventListener("hashchange", read);
  read();
})();
