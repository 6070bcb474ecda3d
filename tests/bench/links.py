"""Vantages and diagnosis: what a look from elsewhere costs, and how soon a cause is named."""

import json
import os
import shutil
import socket
import statistics
import subprocess
import threading
import time
from contextlib import ExitStack
from datetime import datetime

from measure import free_port, measure, row, wait_for, write

PROBES = 500
SSHD = "/usr/sbin/sshd"


def exec_vantage(program, folder, port):
    """One process, one hello and one probe, over words that do nothing: what the vantage itself adds."""

    def wall(*more):
        command = [program, "probe", f"tcp://127.0.0.1:{port}", *more]
        return statistics.median(measure(command, folder)[0] for _ in range(30)) * 1000

    here, there = wall(), wall("--from", "exec:env")
    row("one tcp probe from here (median of 30)", f"{here:.1f} ms")
    row("  over an exec vantage, hello and all", f"{there:.1f} ms")
    row("  more", f"{there - here:.1f} ms", "at most 15 ms", there - here <= 15)


def sshd(folder):
    """A server of our own, which takes our key; its configuration for clients."""
    os.makedirs("/run/sshd", exist_ok=True)
    for key in ("host", "key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{folder}/{key}"], check=True)
    port = free_port()
    settings = (
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/key.pub\n"
        "StrictModes no\nPidFile none\nPermitRootLogin yes\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nUsePAM no\n"
        "MaxStartups 1000\n"
    )
    write(folder, "sshd_config", settings)
    with open(f"{folder}/host.pub", encoding="ascii") as key:
        write(folder, "known", f"[127.0.0.1]:{port} {key.read()}")
    client = (
        f"Host app1\n  HostName 127.0.0.1\n  Port {port}\n  User root\n  IdentityFile {folder}/key\n"
        f"  IdentitiesOnly yes\n  UserKnownHostsFile {folder}/known\n"
    )
    config = write(folder, "ssh_config", client)
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    server = subprocess.Popen([SSHD, "-D", "-e", "-f", f"{folder}/sshd_config"], **quiet)
    wait_for(port, server)
    return server, config


def ssh_vantage(program, folder, port, rounds):
    if not shutil.which("ssh") or not os.path.exists(SSHD) or os.geteuid() != 0:
        row(f"{PROBES} probes over ssh", "skipped: needs sshd, as root")
        return
    server, config = sshd(folder)
    try:
        one = ["ssh", "-F", config, "-o", "BatchMode=yes", "app1", "true"]
        alone = statistics.median(measure(one, folder)[0] for _ in range(20)) * PROBES
        checks = "".join(
            f"  - {{ id: check-{n}, from: app1, tcp: {{ address: '127.0.0.1:{port}' }} }}\n" for n in range(PROBES)
        )
        vantage = f"vantages: {{ app1: {{ ssh: {{ host: app1, config: {config} }} }} }}\n"
        plan = write(folder, "ssh.yaml", f"gonogo: 1\n{vantage}checks:\n{checks}")
        command = [program, "run", "-f", plan, "--fresh", "--per-target", "32"]
        ours = statistics.median(measure(command, folder)[0] for _ in range(rounds))
        row(f"{PROBES} separate ssh commands (median times {PROBES})", f"{alone:.1f} s")
        row(f"  one run of as many over one ssh vantage", f"{ours:.2f} s")
        row("  faster", f"{alone / ours:.0f} times", "at least 50", alone / ours >= 50)
    finally:
        server.terminate()
        server.wait(10)


def moment(event):
    return datetime.fromisoformat(event["at"]).timestamp()


def diagnosis(program, folder):
    """A link whose target accepts no more: the slowest kind of failure, for everything that is asked times out too."""
    with ExitStack() as stack:
        full = stack.enter_context(socket.socket())
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        for _ in range(8):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", port))
        time.sleep(0.5)
        plan = f"""gonogo: 1
vantages: {{ a: {{ exec: {{ prefix: [env] }} }}, b: {{ exec: {{ prefix: [env] }} }} }}
apps: {{ app1: {{ runs_on: a }}, app2: {{ runs_on: b }} }}
links: [{{ id: app1-to-app2, from: app1, to: app2, http: {{ url: 'http://127.0.0.1:{port}/' }} }}]
"""
        journal = os.path.join(folder, "diagnosis")
        command = [program, "run", "-f", write(folder, "link.yaml", plan), "--journal", journal]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run(command, cwd=folder, check=False, **quiet)
    (run,) = os.listdir(os.path.join(journal, "runs"))
    with open(os.path.join(journal, "runs", run, "journal.jsonl"), encoding="utf-8") as lines:
        events = [line for line in map(json.loads, lines) if "what" in line]
    seen, examined = (
        next(event for event in events if event["what"]["event"] == kind) for kind in ("seen", "examined")
    )
    took = moment(examined) - moment(seen)
    row("a failed link diagnosed, everything timing out", f"{took:.1f} s", "at most 5 s", took <= 5)


def accept(listening):
    """Take connections and drop them, until the listener is closed."""
    while True:
        try:
            listening.accept()[0].close()
        except OSError:
            return


def links(program, folder, rounds):
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listening:
        threading.Thread(target=accept, args=(listening,), daemon=True).start()
        port = listening.getsockname()[1]
        exec_vantage(program, folder, port)
        ssh_vantage(program, folder, port, rounds)
    diagnosis(program, folder)
