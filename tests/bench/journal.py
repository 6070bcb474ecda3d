"""The journal: what an append costs, and what reading a long one takes."""

import glob
import hashlib
import json
import os
import statistics
import subprocess
import sys

from measure import ROOT, free_port, measure, row, write

NIGHT = 200
LONG = 100_000
CHECKS = 10_000
LONGEST = 1_000_000


def appends(folder):
    command = ["cargo", "bench", "--profile", "soak", "--locked", "--quiet", "--bench", "journal", "--", folder]
    out = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    bare, alone, grouped = (float(word) for word in out.split()[-3:])
    row("append with fsync : bare fdatasync", f"{alone:.0f} us : {bare:.0f} us", "at most 1.5", alone <= 1.5 * bare)
    row("  32 writers, group commit", f"{grouped:,.0f} events/s", "at least 20,000/s", grouped >= 20_000)


def grow(path, wanted):
    """Repeat the rounds of a journal until it has so many events, its chain made anew."""
    with open(path, encoding="utf-8") as journal:
        header, *lines = journal.read().splitlines()
    events = [json.loads(line) for line in lines]
    again = [event for event in events if event["what"]["event"] != "run_started"]
    with open(path, "w", encoding="utf-8") as journal:
        journal.write(header + "\n")
        before, seq = hashlib.sha256(header.encode()).hexdigest(), 0
        part = events
        while seq < wanted:
            for event in part[: wanted - seq]:
                seq += 1
                event["seq"], event["prev"] = seq, before
                line = json.dumps(event, separators=(",", ":"), ensure_ascii=False)
                before = hashlib.sha256(line.encode()).hexdigest()
                journal.write(line + "\n")
            part = again


def night(program, folder, checks, wanted):
    """A run of so many checks, its journal grown."""
    os.makedirs(folder)
    port = free_port()
    plan = "gonogo: 1\nchecks:\n" + "".join(
        f'  - {{ id: c-{number}, tcp: {{ address: "127.0.0.1:{port}" }}, severity: info }}\n' for number in range(checks)
    )
    write(folder, "gonogo.yaml", plan)
    measure([program, "run"], folder, codes=(0, 1))
    path = glob.glob(f"{folder}/.gonogo/runs/*/journal.jsonl")[0]
    # In a process of its own: what is started from a large one is taken for as large (getrusage(2), ru_maxrss).
    subprocess.run([sys.executable, __file__, path, str(wanted)], check=True)


def journal(program, folder, rounds):
    appends(folder)
    night(program, f"{folder}/night", NIGHT, LONG)
    took = [measure([program, "report"], f"{folder}/night") for _ in range(rounds)]
    seconds = statistics.median(one[0] for one in took)
    row(f"report on {LONG:,} events, {NIGHT} checks", f"{seconds * 1000:.0f} ms", "under 500 ms", seconds < 0.5)
    night(program, f"{folder}/longest", CHECKS, LONGEST)
    command = [program, "report", "--format", "github"]
    memory = measure(command, f"{folder}/longest")[2]
    row(f"fold of {LONGEST:,} events, {CHECKS:,} checks", f"{memory:.0f} MB", "under 200 MB", memory < 200)


if __name__ == "__main__":
    grow(sys.argv[1], int(sys.argv[2]))
