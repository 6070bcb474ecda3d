"""The page: what rendering it takes, how soon a browser has an event, and what serving it takes while nothing happens."""

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
import urllib.request

from measure import free_port, measure, row, wait_for, write

CHECKS = 2_000
EVENTS = 50


class Browser:
    """Debian's Chromium with one page, by its driver (W3C WebDriver)."""

    def __init__(self, folder, url):
        port = free_port()
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.driver = subprocess.Popen(["chromedriver", f"--port={port}"], **quiet)
        wait_for(port, self.driver)
        self.base = f"http://127.0.0.1:{port}/session"
        words = ["--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}/browser"]
        wanted = {"capabilities": {"alwaysMatch": {"goog:chromeOptions": {"args": words}}}}
        self.base += "/" + self.ask("", wanted)["sessionId"]
        self.ask("/url", {"url": url})

    def ask(self, path, body):
        asked = urllib.request.Request(self.base + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(asked, timeout=30) as answer:
            return json.load(answer)["value"]

    def script(self, script):
        return self.ask("/execute/sync", {"script": script, "args": []})

    def end(self):
        urllib.request.urlopen(urllib.request.Request(self.base, method="DELETE"), timeout=30).close()
        self.driver.terminate()
        self.driver.wait(10)


LISTEN = """
    window.took = [];
    const source = new EventSource("/events?after=" + document.getElementById("live").dataset.last);
    source.addEventListener("event", (message) => window.took.push(Date.now() - Date.parse(JSON.parse(message.data).told[0].at)));
    await new Promise((open) => source.addEventListener("open", open));
"""


def resident(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) / 1024


def rendered(program, folder, rounds):
    """A page of 2,000 checks, every fourth of which failed, as the command makes it from the journal."""
    ports = [free_port(), free_port()]
    checks = "".join(
        f'  - {{ id: c-{number}, tcp: {{ address: "127.0.0.1:{ports[number % 2]}" }}, severity: info }}\n'
        for number in range(CHECKS)
    )
    write(folder, "gonogo.yaml", "gonogo: 1\nname: night\nchecks:\n" + checks)
    measure([program, "run"], folder, codes=(0, 1))
    page = [program, "report", "--format", "html"]
    seconds = statistics.median(measure(page, folder)[0] for _ in range(max(rounds, 5)))
    size = os.path.getsize(f"{folder}/output") / 1e6
    row(f"page of {CHECKS:,} checks", f"{seconds * 1000:.0f} ms", "under 200 ms", seconds < 0.2)
    row("  its size", f"{size:.2f} MB", "under 1 MB", size < 1)


def served(program, folder):
    port = free_port()
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    server = subprocess.Popen([program, "serve", "--listen", f"127.0.0.1:{port}"], cwd=folder, **quiet)
    browser = None
    try:
        wait_for(port, server)
        url = f"http://127.0.0.1:{port}/"
        time.sleep(2)
        urllib.request.urlopen(url, timeout=30).read()
        time.sleep(2)
        row(f"serve, idle, {CHECKS:,} checks", f"{resident(server.pid):.0f} MB", "under 30 MB", resident(server.pid) < 30)
        browser = Browser(folder, url)
        browser.ask("/execute/async", {"script": f"const done = arguments[0]; (async () => {{ {LISTEN} }})().then(done)", "args": []})
        for number in range(EVENTS):
            measure([program, "note", f"number {number}", "--by", "bench"], folder)
            time.sleep(0.1)
        time.sleep(0.5)
        took = browser.script("return window.took")
        if len(took) != EVENTS:
            sys.exit(f"bench: the browser got {len(took)} of {EVENTS} events")
        median = statistics.median(took)
        row("event in the journal to a browser", f"{median:.0f} ms", "under 100 ms", median < 100)
    finally:
        if browser:
            browser.end()
        server.terminate()
        server.wait(10)


def page(program, folder, rounds):
    for needed in ("chromium", "chromedriver"):
        if not shutil.which(needed):
            sys.exit(f"bench: {needed} is missing (make setup)")
    rendered(program, folder, rounds)
    served(program, folder)
