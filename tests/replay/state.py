#!/usr/bin/env python3
"""What lasts over a restart, through the real program: kills, damage, full disks, permissions, clocks.

usage: tests/replay/state.py PROGRAM [KILLS]

A log of transactions is made up (seeded).  It is replayed once without a restart, and then with the
program killed at random moments, over and over, until it comes to its end.  In the end both have
raised the same alerts, and the ledgers have the same sums.
"""
import fcntl
import json
import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

RULES = """rules:
- {id: rows, name: Many rows, severity: low, when: 'event.action == "read"', by: user.name,
   measure: sum(db.response.returned_rows), over: 2h, above: 2500, quiet: 4h}
- {id: tables, name: Many tables, severity: low, when: 'event.action == "read"', by: [user.name, client.ip],
   measure: distinct(db.collection.name), over: 1d, above: 14, quiet: 1d}
- {id: new-address, name: New address, severity: low, by: user.name, first: client.ip, learn: 6h, forget: 30d}
- {id: shared, name: Many places, severity: low, by: user.name, together: 4, of: client.ip, over: 1h}
- {id: failed-then-in, name: Guessed, severity: low, by: client.ip, within: 1h, steps: [
    {when: 'event.action == "login" and event.outcome == "failure"', measure: count, above: 3},
    {when: 'event.action == "login" and event.outcome == "success"', measure: count, above: 0}]}
- {id: no-login, name: No login before, severity: low, when: 'event.action == "read"', by: user.name, quiet: 3h,
   unless before: {when: 'event.action == "login"', by: user.name, within: 40m}}
"""

problems = []


def check(is_good, text):
    if not is_good:
        problems.append(text)
        print("state:", text, file=sys.stderr)


def make_log(path, count, seed=7):
    """Transactions of 60 accounts, each with a time of its own, so that the log can be cut anywhere."""
    r = random.Random(seed)
    at = 1767600000 * 10**9
    with open(path, "w") as f:
        for i in range(count):
            at += r.randrange(1, 4 * 10**9)
            user = r.randrange(60)
            action = r.choices(["read", "login", "write"], [8, 1, 1])[0]
            seconds, ns = divmod(at, 10**9)
            stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
            place = r.randrange(3) if r.random() < 0.97 else r.randrange(200)
            f.write(json.dumps({
                "@timestamp": f"{stamp}.{ns:09}Z",
                "event": {"dataset": "seepwatch.transaction", "action": action,
                          "outcome": "failure" if action == "login" and r.random() < 0.4 else "success"},
                "network": {"protocol": "postgresql", "transport": "tcp"},
                "client": {"ip": f"10.{user}.0.{place}", "bytes": 200},
                "server": {"ip": "10.200.0.1", "port": 5432, "bytes": 1000},
                "user": {"name": f"agent{user}"},
                "db": {"system": {"name": "postgresql"},
                       "collection": {"name": [f"t{r.randrange(40)}"]},
                       "response": {"returned_rows": int(r.paretovariate(1.1))}}}) + "\n")


class Work:
    def __init__(self, program):
        self.program = os.path.abspath(program)
        self.folder = tempfile.mkdtemp(prefix="seepwatch-state-")
        os.chmod(self.folder, 0o755)
        self.write("rules.yaml", RULES)
        self.write("fast.yaml", "state: {interval: 20ms}\n")
        make_log(self.path("log.jsonl"), 60000)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w") as f:
            f.write(text)

    def command(self, log, state, alerts, *more):
        return [self.program, "replay", self.path(log), "-c", self.path("fast.yaml"),
                "-r", self.path("rules.yaml"), "-s", self.path(state) if state != "none" else "none",
                "--alerts", self.path(alerts), "--summary", self.path("summary.json"), *more]

    def replay(self, log, state, alerts, *more, **options):
        done = subprocess.run(self.command(log, state, alerts, *more), stderr=subprocess.PIPE, text=True, **options)
        return done.returncode, done.stderr

    def must_replay(self, *more, **options):
        code, errors = self.replay(*more, **options)
        if code != 0:
            sys.exit(f"state: a replay failed with {code}: {errors}")
        return errors

    def alerts(self, name):
        found = {}
        with open(self.path(name)) as f:
            for line in f:
                a = read_line(line)
                if a and "alert" in a:  # a digest tells what a run did, not what is so
                    found[(a["rule"]["id"], a["@timestamp"], json.dumps(a.get("user")),
                           json.dumps(a.get("client")))] = a["alert"]
        return found

    def summary(self):
        with open(self.path("summary.json")) as f:
            return json.load(f)["state"]

    def ledger(self, state):
        with sqlite3.connect(f"file:{self.path(state)}?mode=ro", uri=True) as db:
            return db.execute("SELECT time, user, source, server, port, action, requests, failures, records, "
                              "client_bytes, server_bytes, customers FROM ledger ORDER BY 1, 2, 3, 4, 5, 6").fetchall()

    def aside(self, state):
        return sorted(f for f in os.listdir(self.folder)
                      if f.startswith(state + ".") and not f.endswith((".lock", "-wal", "-shm")))

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)


def read_line(line):
    """None of a line that a kill cut."""
    try:
        return json.loads(line)
    except ValueError:
        return None


def without_sessions(alert):
    """Sessions end with the program, and begin anew with the next."""
    return {**alert, "evidence": [{k: v for k, v in e.items() if k != "session"} for e in alert["evidence"]]} \
        if "evidence" in alert else alert


def same_alerts(wanted, found, what, is_restarted=True):
    check(set(wanted) == set(found), f"{what}: {len(set(wanted) - set(found))} alerts are missing, "
          f"{len(set(found) - set(wanted))} are new, of {len(wanted)}: "
          f"{sorted(set(wanted) ^ set(found))[:3]}")
    if is_restarted:
        wanted, found = ({k: without_sessions(a) for k, a in alerts.items()} for alerts in (wanted, found))
    other = [k for k in wanted if k in found and wanted[k] != found[k]]
    check(not other, f"{what}: {len(other)} alerts say something else: "
          f"{[(k, wanted[k], found[k]) for k in other[:1]]}"[:3000])


def test_kills(w, kills):
    """kill -9 at random moments: nothing is counted twice, and nothing that was written is lost."""
    r = random.Random(1)
    began = time.monotonic()
    w.must_replay("log.jsonl", "whole.db", "whole.alerts")
    # so that most runs are killed, some are not, and a fast machine comes to its first snapshot
    longest = max(0.5 * (time.monotonic() - began), 0.15)
    wanted, ledger = w.alerts("whole.alerts"), w.ledger("whole.db")
    check(len(wanted) > 200, f"only {len(wanted)} alerts to compare")
    same_alerts(wanted, run_without(w), "with a state as without", False)
    done = saved = rounds = 0
    while done < kills:
        for name in w.aside("killed.db") + ["killed.db", "killed.db-wal", "killed.db-shm"]:
            if os.path.exists(w.path(name)):
                os.remove(w.path(name))
        found, finished, before = {}, False, done
        while not finished and done < kills + 40:
            run = subprocess.Popen(w.command("log.jsonl", "killed.db", "killed.alerts"), stderr=subprocess.PIPE,
                                   text=True)
            try:
                run.wait(timeout=r.uniform(0.01, longest))
            except subprocess.TimeoutExpired:
                run.send_signal(signal.SIGKILL)
            errors = run.communicate()[1]
            check("damaged" not in errors, f"a kill did damage: {errors}")
            done += run.returncode == -signal.SIGKILL
            finished = run.returncode == 0
            check(run.returncode in (0, -signal.SIGKILL), f"after a kill: {run.returncode} {errors}")
            if os.path.exists(w.path("killed.alerts")):
                found.update({k: v for k, v in w.alerts("killed.alerts").items()})
            saved += "not counted again" in errors
        if not finished:
            break
        rounds += 1
        same_alerts(wanted, found, f"after {done - before} kills")
        check(w.ledger("killed.db") == ledger, f"after {done - before} kills the ledger has other sums")
    check(done >= kills and rounds > 0, f"only {done} kills in {rounds} whole rounds")
    check(saved > 0, "no run ever went on where another was killed")
    print(f"state: {done} kills, {rounds} times to the end of the log, {len(wanted)} alerts each time")


def run_without(w):
    w.must_replay("log.jsonl", "none", "none.alerts")
    return w.alerts("none.alerts")


def fresh(w, name):
    """A copy of the state that the first half of the log leaves, and how the second half goes on from it."""
    for old in w.aside(name) + [name + end for end in ("", "-wal", "-shm")]:
        if os.path.exists(w.path(old)):
            os.remove(w.path(old))
    shutil.copy(w.path("half.db"), w.path(name))


def cut_log(w):
    with open(w.path("log.jsonl")) as f:
        lines = f.readlines()
    half = 7 * 4096  # where time passes for the keys in a whole log too
    w.write("first.jsonl", "".join(lines[:half]))
    w.write("second.jsonl", "".join(lines[half:]))
    w.must_replay("first.jsonl", "half.db", "first.alerts")


def test_going_on(w):
    """A restart between two halves makes no difference; what was there is not counted again."""
    wanted = run_without(w)
    fresh(w, "a.db")
    w.must_replay("second.jsonl", "a.db", "second.alerts")
    summary = w.summary()
    found = {**w.alerts("first.alerts"), **w.alerts("second.alerts")}
    same_alerts(wanted, found, "after a restart")
    check(summary["restored_rules"] == 6 and summary["restored_keys"] > 100, f"restored: {summary}")
    errors = w.must_replay("first.jsonl", "a.db", "again.alerts")
    check("28672 transactions are no later than what" in errors, f"an old log: {errors}")
    check(w.alerts("again.alerts") == {}, "an old log raised alerts")
    before = w.ledger("a.db")
    w.must_replay("log.jsonl", "a.db", "again.alerts")
    check(w.ledger("a.db") == before, "an old log changed the ledger")


def test_digest(w):
    """A restart in the middle of a day: the digest at midnight tells all of the day, once."""
    def digests(name):
        found = {}
        with open(w.path(name)) as f:
            for line in filter(lambda a: a["event"]["dataset"] == "seepwatch.digest", map(json.loads, f)):
                key = (line["digest"]["day"], line["rule"]["id"])
                check(key not in found, f"{key} is told twice")
                found[key] = (line["digest"]["alerts"], line["digest"]["folded"], line["event"]["start"],
                              line["event"]["end"])
        return found
    w.write("told.yaml", f"alerts: [{{to: file, path: {w.path('told')}}}]\nstate: {{interval: 20ms}}\n")
    told = ["-c", w.path("told.yaml"), "--outputs"]
    w.must_replay("log.jsonl", "none", "second.alerts", *told)
    whole = digests("told")
    first_day = min(day for day, _ in whole)
    wanted = {key: value for key, value in whole.items() if key[0] == first_day}
    os.remove(w.path("told"))
    for log in ("first.jsonl", "second.jsonl"):
        w.must_replay(log, "digest.db", "second.alerts", *told)
    check(len(wanted) >= 4 and digests("told") == wanted, f"digests: {digests('told')}, not {wanted}")


def test_changed_rules(w):
    fresh(w, "a.db")
    changed = RULES.replace("over: 2h, above: 2500", "over: 3h, above: 2500").replace("together: 4", "together: 5")
    w.write("rules.yaml", changed)
    errors = w.must_replay("second.jsonl", "a.db", "second.alerts")
    w.write("rules.yaml", RULES)
    check(errors.count("begins anew") == 1 and "the rule rows does not count as it did" in errors, f"changed: {errors}")
    check(w.summary()["restored_rules"] == 5, f"changed rules: {w.summary()}")


def test_damage(w):
    """Whatever becomes of the file, the run goes on, and tells of what it could not read."""
    r = random.Random(3)
    whole = os.path.getsize(w.path("half.db"))
    told = harmless = 0
    for i in range(40):
        fresh(w, "a.db")
        with open(w.path("a.db"), "r+b") as f:
            if i % 8 == 0:
                f.truncate(r.randrange(1, whole))
            for _ in range(1 << r.randrange(0, 9)):
                f.seek(r.randrange(0, 100 if i % 5 == 1 else whole))
                f.write(bytes([r.randrange(256)]))
        code, errors = w.replay("second.jsonl", "a.db", "second.alerts")
        check(code in (0, 1), f"damage {i}: {code} {errors}")
        if code == 1:  # the application's id was hit
            check("a database of another program" in errors, f"damage {i}: {errors}")
            continue
        summary = w.summary()
        is_told = "damaged" in errors or "newer" in errors
        check(is_told == (summary["set_aside"] > 0) == bool(w.aside("a.db")), f"damage {i}: {errors} {summary}")
        told += is_told
        harmless += not is_told
        check(is_told or summary["restored_rules"] == 6, f"damage {i} was not told: {summary}")
        again = w.must_replay("second.jsonl", "a.db", "second.alerts")
        check("damaged" not in again and w.summary()["restored_rules"] == 6, f"damage {i} stays: {again}")
    check(told > 20, f"only {told} of 40 were told")
    print(f"state: 40 files damaged: {told} told and set aside, {harmless} without effect")


def dropped(db):
    try:
        db.execute("DROP TABLE entry")
        return True
    except sqlite3.OperationalError:
        return False


def test_damage_meanwhile(w):
    """The confined program can set a file aside too, and begin another one."""
    fresh(w, "a.db")
    command = w.command("-", "a.db", "second.alerts")
    command[2] = "-"
    run = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with open(w.path("second.jsonl")) as f:
        lines = f.readlines()
    fed = 10000
    run.stdin.write("".join(lines[:fed]))
    run.stdin.flush()
    time.sleep(0.5)
    with sqlite3.connect(w.path("a.db"), timeout=1) as db:
        while not dropped(db) and fed < len(lines):  # a snapshot that is being written goes on with the next lines
            run.stdin.write("".join(lines[fed:fed + 100]))
            run.stdin.flush()
            fed += 100
    run.stdin.write("".join(lines[fed:]))
    errors = run.communicate()[1]
    check(run.returncode == 0, f"damage meanwhile: {run.returncode} {errors}")
    check("was damaged while it was written" in errors and len(w.aside("a.db")) == 1, f"damage meanwhile: {errors}")
    again = w.must_replay("second.jsonl", "a.db", "second.alerts")
    check("damaged" not in again and w.summary()["restored_rules"] == 6, f"damage meanwhile stays: {again}")


def test_other_files(w):
    fresh(w, "a.db")
    with sqlite3.connect(w.path("a.db")) as db:
        db.execute("PRAGMA user_version = 2")
    code, errors = w.replay("second.jsonl", "a.db", "second.alerts")
    check(code == 0 and "newer version" in errors and ".newer-" in "".join(w.aside("a.db")), f"newer: {code} {errors}")
    with sqlite3.connect(w.path("other.db")) as db:
        db.execute("CREATE TABLE theirs(x)")
    before = open(w.path("other.db"), "rb").read()
    code, errors = w.replay("second.jsonl", "other.db", "second.alerts")
    check(code == 1 and "a database of another program" in errors, f"another program's: {code} {errors}")
    check(open(w.path("other.db"), "rb").read() == before, "another program's database was changed")
    w.write("empty.db", "")
    check(w.replay("first.jsonl", "empty.db", "first2.alerts")[0] == 0, "an empty file is no state to begin")
    fresh(w, "a.db")
    with open(w.path("a.db.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        code, errors = w.replay("second.jsonl", "a.db", "second.alerts")
    check(code == 1 and "another seepwatch uses it" in errors, f"a second one: {code} {errors}")


def test_full_disk(w):
    """What cannot be written is told once, the run goes on, and the file stays as it was."""
    fresh(w, "a.db")
    limit = os.path.getsize(w.path("a.db")) + 20000

    def narrow():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    run = subprocess.Popen(w.command("second.jsonl", "a.db", "second.alerts", "--alerts", "-"), preexec_fn=narrow,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    alerts, errors = run.communicate()
    code = run.returncode
    w.write("second.alerts", alerts)
    check(code == 1 and "could not be written" in errors, f"full disk: {code} {errors}")
    check(errors.count("is tried again") == 1, f"full disk: {errors}")
    found = {**w.alerts("first.alerts"), **w.alerts("second.alerts")}
    same_alerts(run_without(w), found, "on a full disk")
    errors = w.must_replay("second.jsonl", "a.db", "second.alerts")
    check("damaged" not in errors and w.summary()["restored_rules"] == 6, f"after a full disk: {errors}")


def test_permissions(w):
    nobody = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
    os.mkdir(w.path("theirs"), 0o755)
    if not nobody:
        os.chmod(w.path("theirs"), 0o555)
    mine = ["--alerts", "/dev/null", "--summary", "/dev/null"]
    code, errors = w.replay("second.jsonl", "theirs/a.db", "second.alerts", *mine, **nobody)
    check(code == 1 and "Permission denied" in errors and "folder" in errors, f"no permission: {code} {errors}")
    code, errors = w.replay("second.jsonl", "no/such/a.db", "second.alerts", *mine)
    check(code == 1 and "No such file or directory" in errors and "name another file" in errors,
          f"no folder: {code} {errors}")
    w.must_replay("first.jsonl", "made/a.db", "second.alerts")
    check(oct(os.stat(w.path("made/a.db")).st_mode & 0o777) == "0o640", "the file can be read by anybody")


def test_tune(w):
    """The ledger stands for the log where it has the rule's fields, and for the time before it."""
    def tune(rule, *files):
        run = subprocess.run([w.program, "tune", rule, "-r", w.path("rules.yaml"), "--from", *map(w.path, files)],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        return run.returncode, run.stdout, run.stderr
    w.must_replay("log.jsonl", "tune.db", "tune.alerts")
    for files in (["log.jsonl"], ["tune.db"]):
        code, report, errors = tune("rows", *files)
        check(code == 0 and "60000 transactions of 2 days, 120 agent-days" in report,
              f"tune {files}: {report} {errors}")
    code, report, errors = tune("rows", "tune.db", "second.jsonl")
    first = int(report.split("\n")[1].split()[0]) if code == 0 else 0
    check(59000 < first <= 60000, f"tune with both: {report} {errors}")
    code, report, errors = tune("tables", "tune.db")
    check(code == 2 and "the ledger has no db.collection.name, which tables asks for" in errors, f"tune: {errors}")


TUNE_RULES = """rules:
- {id: largest, name: Many at once, severity: low, by: user.name, quiet: 1d, when: db.system.name exists,
   measure: max(db.response.returned_rows), over: 1m, above: 5000}
- {id: shown, name: Many shown, severity: low, by: user.name, quiet: 1d, measure: sum(subject.count), over: 1d,
   above: 600}
- {id: customers, name: Many customers, severity: low, by: user.name, quiet: 1d, measure: distinct(subject.ids),
   over: 1d, above: 300}
- {id: longest, name: Longest, severity: low, by: user.name, measure: max(event.duration), over: 1m, above: 5s}
- {id: lost, name: Lost, severity: low, by: user.name, measure: max(capture.lost_bytes), over: 1m, above: 5KB}
- {id: like-clockwork, name: Like clockwork, severity: low, by: user.name, rhythm: subject.ids}
- {id: burst, name: Burst, severity: low, by: user.name, measure: count, over: 10m, above: 90}
"""


def make_customers(path, day_s=1767600000):
    """A day of 30 accounts: 3 get one long answer, 5 are shown many customers, 3 see many different ones."""
    with open(path, "w") as f:
        for i in range(12000):
            user = i % 30
            is_many = 3 <= user < 8
            who = [f"{(user * 10000 + (i // 30 + k if user < 5 else k)) * 2654435761 % 2**64:016x}"
                   for k in range(3 if is_many else 1)] if is_many or i % 3 == 0 else []
            at = day_s + i * 4
            transaction = {
                "@timestamp": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + f".{i % 1000:03}Z",
                "event": {"dataset": "seepwatch.transaction", "action": "read", "outcome": "success"},
                "network": {"protocol": "mysql"}, "user": {"name": f"agent{user}"},
                "client": {"ip": f"10.1.0.{user}"}, "server": {"ip": "10.2.0.1", "port": 3306, "bytes": 900},
                "db": {"system": {"name": "mysql"}, "query": {"hash": "00000000000000aa", "text": "select ?"},
                       "response": {"returned_rows": 8000 if user < 3 and i // 30 == 200 else 2}}}
            if who:
                transaction["subject"] = {"count": len(who), "ids": who}
            f.write(json.dumps(transaction) + "\n")


def test_tune_customers(w):
    """A ledger that a replay wrote says of customers and largest answers what its log says, and what it cannot."""
    w.write("tune.yaml", TUNE_RULES)
    make_customers(w.path("customers.jsonl"))

    def tune(rule, file):
        run = subprocess.run([w.program, "tune", rule, "-r", w.path("tune.yaml"), "--from", w.path(file)],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        return run.returncode, run.stdout, run.stderr

    def keys(report):
        return next((line.split()[4] for line in report.split("\n") if line.startswith("*")), "none")
    w.must_replay("customers.jsonl", "customers.db", "tune.alerts")
    for rule, wanted in ("largest", "3"), ("shown", "5"), ("customers", "3"):
        for file in "customers.jsonl", "customers.db":
            code, report, errors = tune(rule, file)
            check(code == 0 and not errors and keys(report) == wanted, f"tune {rule} of {file}: {report} {errors}")
    for rule, said in (("longest", "the ledger has no event.duration, which longest"),
                       ("lost", "the ledger has no largest capture.lost_bytes, which lost"),
                       ("like-clockwork", "the ledger tells of hours, and like-clockwork asks for the moments")):
        code, report, errors = tune(rule, "customers.db")
        check(code == 2 and said in errors, f"tune {rule}: {code} {errors}")
    code, report, errors = tune("burst", "customers.db")
    check(code == 0 and "burst looks at 10 minutes, and the ledger tells of hours" in errors, f"tune burst: {errors}")


def test_clock(w):
    """A state of a later time than the system's clock: what it has of that is forgotten."""
    if os.geteuid() != 0:
        print("state: not root: no live run")
        return
    with open(w.path("log.jsonl")) as f:
        w.write("later.jsonl", f.read().replace('"2026-', '"2096-'))
    w.must_replay("later.jsonl", "later/a.db", "later.alerts")
    os.chown(w.path("later"), 65534, 65534)
    for name in os.listdir(w.path("later")):
        os.chown(w.path("later/" + name), 65534, 65534)
    for expected in (True, False):
        run = subprocess.Popen([w.program, "watch", "-i", "lo", "--user", "nobody", "-c", w.path("fast.yaml"), "-r",
                                w.path("rules.yaml"), "-s", w.path("later/a.db"), "--alerts", "/dev/null"],
                               stderr=subprocess.PIPE, text=True)
        time.sleep(2)
        run.send_signal(signal.SIGTERM)
        errors = run.communicate(timeout=60)[1]
        check(run.returncode == 0, f"watch: {run.returncode} {errors}")
        check(("a later time than the system's clock" in errors) == expected, f"the clock: {errors}")
    with sqlite3.connect(w.path("later/a.db")) as db:
        rows = db.execute("SELECT count(*) FROM entry JOIN part ON part.id = entry.id >> 32 "
                          "WHERE name LIKE 'rule/%'").fetchone()[0]
    check(rows == 0, f"{rows} keys of a later time are left")


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    kills = int(sys.argv[2]) if len(sys.argv) > 2 else 200
    w = Work(sys.argv[1])
    try:
        cut_log(w)
        for test in (test_going_on, test_digest, test_changed_rules, test_damage, test_damage_meanwhile,
                     test_other_files, test_full_disk, test_permissions, test_tune, test_tune_customers, test_clock):
            test(w)
        test_kills(w, kills)
    finally:
        w.close()
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
