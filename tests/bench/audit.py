"""The permission audit of a large database, beside reading its raw ACLs, pg_dump and has_table_privilege."""

import glob
import os
import pwd
import re
import shutil
import statistics
import subprocess
import sys
import time

from measure import ROOT, free_port, measure, row, write

TABLES, COLUMNS, ROLES, STATEMENTS = 5_000, 8, 300, 1_000
# 200,000 grants: 5,000 tables to 36 roles each, 10,000 columns to one, 500 functions to 20.
CONTENT = f"""
set client_min_messages = error;
select format('create role r%s %s', n, case when n > 200 then 'login' else '' end) from generate_series(1, {ROLES}) n \\gexec
-- Three deep: r201..r300 are in r101..r200, and those in r1..r100.
select format('grant r%s to r%s', n, n + 100), format('grant r%s to r%s', n % 100 + 1, n + 100)
from generate_series(1, 200) n where n <= 200 \\gexec
create schema private;
select format('create schema s%s', n), format('grant usage on schema s%s to public', n) from generate_series(0, 19) n \\gexec
create function private.fill(first int, last int) returns void language plpgsql as $$
begin
    for n in first..last loop
        execute format('create table s%s.t%s (a int, b text, c date, d int, e text, f int, g int, h int)', n % 20, n);
        execute format('grant select, insert on s%s.t%s to %s', n % 20, n,
            (select string_agg('r' || (n * 7 + k * 8) % 300 + 1, ', ') from generate_series(0, 35) k));
        execute format('grant select (a), update (b) on s%s.t%s to r%s', n % 20, n, n % 300 + 1);
    end loop;
end $$;
select format('select private.fill(%s, %s)', n * 100, n * 100 + 99) from generate_series(0, {TABLES // 100 - 1}) n \\gexec
select format('create function s%s.f%s(a int) returns int language sql as ''select a''', n % 20, n),
       format('grant execute on function s%s.f%s to %s', n % 20, n,
           (select string_agg('r' || (n * 7 + k * 8) % 300 + 1, ', ') from generate_series(0, 19) k))
from generate_series(0, 499) n \\gexec
drop function private.fill;
create extension pg_stat_statements;
vacuum analyze;
select pg_stat_statements_reset();
"""
RAW = (
    "copy (select oid, relacl from pg_class) to stdout; "
    "copy (select attrelid, attnum, attacl from pg_attribute) to stdout; "
    "copy (select oid, proacl from pg_proc) to stdout"
)
CROSS = (
    "select count(*) from pg_roles r, pg_class c, (values ('select'), ('insert'), ('update'), ('delete'), ('truncate'), "
    "('references'), ('trigger')) p (privilege) where c.relkind = 'r' and has_table_privilege(r.oid, c.oid, privilege)"
)


class Server:
    """A PostgreSQL server of its own, on a free port, as an account that is not root."""

    def __init__(self, folder):
        found = [shutil.which("initdb")] + sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))
        found = [program for program in found if program and os.path.exists(os.path.join(os.path.dirname(program), "pg_dump"))]
        if not found:
            sys.exit("bench: PostgreSQL is missing (make setup)")
        self.programs = os.path.dirname(found[-1])
        self.folder, self.port = os.path.join(folder, "postgres"), free_port()
        os.mkdir(self.folder)
        self.account = {}
        if os.geteuid() == 0:
            account = next(pwd.getpwnam(name) for name in ("postgres", "nobody"))
            os.chown(self.folder, account.pw_uid, account.pw_gid)
            self.account = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        data = os.path.join(self.folder, "data")
        quiet = {"check": True, "stdout": subprocess.DEVNULL, "cwd": self.folder, **self.account}
        subprocess.run([self.program("initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-N"], **quiet)
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -k {self.folder} -c fsync=off -c max_locks_per_transaction=2000"
        options += " -c shared_buffers=512MB -c shared_preload_libraries=pg_stat_statements -c pg_stat_statements.max=20000"
        self.control = [self.program("pg_ctl"), "-D", data, "-w", "-l", os.path.join(self.folder, "log"), "-o", options]
        subprocess.run([*self.control, "start"], **quiet)
        self.quiet = quiet

    def program(self, name):
        return os.path.join(self.programs, name)

    def url(self, user="postgres", database="large"):
        return f"postgres://{user}@127.0.0.1:{self.port}/{database}?sslmode=disable"

    def psql(self, *more, user="postgres", database="large"):
        return [self.program("psql"), "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", self.url(user, database), *more]

    def stop(self):
        subprocess.run([*self.control, "-m", "immediate", "stop"], **self.quiet)


def median(command, folder, rounds, codes=(0,)):
    """Median wall milliseconds and the largest resident set in MB of some runs."""
    runs = [measure(command, folder, codes) for _ in range(rounds)]
    return statistics.median(run[0] for run in runs) * 1000, max(run[2] for run in runs)


def milliseconds(what, value, limit):
    row(what, f"{value:.0f} ms", f"at most {limit:g} ms", value <= limit)


def fill(server, folder):
    subprocess.run(server.psql("-c", "create database large", database="postgres"), check=True)
    content = write(folder, "content.sql", CONTENT)
    subprocess.run(server.psql("-f", content), check=True, stdout=subprocess.DEVNULL)
    statements = []
    for n in range(STATEMENTS):
        # Tables of which r300 is told SELECT through a group or not: replay has to say which.
        table = n * 4 % TABLES
        statements.append(f"select a, b, count(*) from s{table % 20}.t{table} where c > '2007-09-01' and d = {n} group by a, b;")
    workload = write(folder, "workload.sql", "\n".join(statements))
    command = server.psql("-v", "ON_ERROR_STOP=0", "-f", workload, user="r300")
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def audit(program, folder, rounds):
    folder = os.path.join(folder, "audit")
    os.mkdir(folder)
    os.chmod(folder, 0o755)
    server = Server(folder)
    try:
        fill(server, folder)
        rows(server, program, folder, rounds)
    finally:
        server.stop()


def rows(server, program, folder, rounds):
    before, after = os.path.join(folder, "before.json"), os.path.join(folder, "after.json")
    snapshot = [program, "grants", "snapshot", server.url()]
    raw, _ = median(server.psql("-c", RAW), folder, rounds)
    dump, _ = median([server.program("pg_dump"), "-s", "-d", server.url()], folder, rounds)
    ours, used = median([*snapshot, "--no-references", "-o", before], folder, rounds)
    crossing, used_crossing = median([*snapshot, "-o", after], folder, rounds)
    grants = f"{TABLES} tables of {COLUMNS} columns, {ROLES} roles, 200,000 grants"
    row(f"audit of {grants}", "")
    row("  raw ACLs of relations, columns, functions (psql)", f"{raw:.0f} ms")
    milliseconds("  grants snapshot --no-references", ours, 500)
    row("  snapshot : raw ACLs", f"{ours / raw:.1f}", "at most 3", ours / raw <= 3)
    milliseconds("  grants snapshot, with references", crossing, 1500)
    row("  pg_dump --schema-only", f"{dump:.0f} ms")
    row("  pg_dump : snapshot", f"{dump / ours:.1f}", "at least 2", dump / ours >= 2)
    diff, used_diff = median([program, "grants", "diff", before, after], folder, rounds)
    milliseconds("  grants diff of two", diff, 300)
    cross, _ = median(server.psql("-c", CROSS), folder, 1)
    effective = effective_set(before)
    milliseconds("  effective set, tables and columns", effective, 100)
    row("  has_table_privilege, cross join", f"{cross:.0f} ms")
    row("  has_table_privilege : effective set", f"{cross / effective:.0f}", "at least 50", cross / effective >= 50)
    workload = os.path.join(folder, "workload.json")
    measure([*snapshot, "--workload", "-o", workload], folder)
    replayed, used_replay = median([program, "grants", "replay", workload, server.url("r300"), "--role", "r300"], folder, rounds, (0, 1))
    with open(os.path.join(folder, "output")) as output:
        count = int(re.search(r"(\d+) statements", output.read()).group(1))
    each = replayed / count
    row(f"  grants replay, {count} statements, each", f"{each:.2f} ms", "at most 1 ms", each <= 1)
    most = max(used, used_crossing, used_diff, used_replay)
    row("  memory", f"{most:.0f} MB", "under 300 MB", most < 300)


def effective_set(snapshot):
    """Milliseconds of the computation alone, in process, told by the library's own bench."""
    command = ["cargo", "bench", "--profile", "soak", "--locked", "--quiet", "--bench", "effective", "--", snapshot]
    text = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout
    return float(re.search(r"([\d.]+) ms", text).group(1))
