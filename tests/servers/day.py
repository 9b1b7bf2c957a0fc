#!/usr/bin/env python3
"""Drives the servers of lab.sh as a day of sales agents would, one action after another.

usage: day.py PREFIX TIMES    (by record.sh)

PREFIX is that of the network namespaces.  For each action TIMES gets a line with the real time at
which it began and the time of the day that it stands for, both in nanoseconds since 1970; stretch.py
moves the packets by it.  The same actions in every run: the random numbers have a fixed seed.
"""
import os
import random
import subprocess
import sys
import time

DAY = 1768176000  # 2026-01-12T00:00:00Z, a Monday
CUSTOMERS = 20000
SERVER, SERVER6 = "10.20.0.10", "fd20::10"
AGENT_SOFTWARE = "AgentDesk/4.2"

# account: namespace; an agent's own desk, in lab.sh's sense a client
AGENTS = {
    "anna": "sthlm1", "bo": "sthlm2", "cecilia": "sthlm3", "erik": "sthlm4",
    "frida": "gbg1", "gustav": "gbg2", "hanna": "gbg3",
    "ivar": "malmo1", "johanna": "malmo2", "per": "malmo3",
    "kari": "oslo1", "lars": "oslo2",
    "sara": "home1",
}
BACK_OFFICE = "reporting"


def password(account):
    return f"{account}-made-up"


def pages(rng, start, end, pause):
    at = start
    while at < end:
        yield at
        at += rng.uniform(*pause)


def hour(h, m=0):
    return h * 3600 + m * 60


class Desk:
    """One psql that stays connected, as an agent's program does."""

    def __init__(self, prefix, namespace, account, software):
        host = SERVER6 if namespace.startswith("oslo") else SERVER
        environment = dict(os.environ, PGPASSWORD=password(account), PGAPPNAME=software)
        self.psql = subprocess.Popen(
            ["ip", "netns", "exec", f"{prefix}-{namespace}", "psql", "-X", "-q", "-A", "-t",
             "-h", host, "-U", account, "-d", "crm"],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            env=environment, text=True)
        self.run("")

    def run(self, sql):
        self.psql.stdin.write(f"{sql}\n\\warn done\n")
        self.psql.stdin.flush()
        answer = self.psql.stderr.readline()
        if answer.strip() != "done":
            raise RuntimeError(f"psql: {answer}")

    def close(self):
        self.psql.stdin.close()
        self.psql.wait()


class Day:
    def __init__(self, prefix):
        self.prefix = prefix
        self.rng = random.Random(1)
        self.desks = {}
        self.actions = []  # (seconds of the day, function, arguments)

    def at(self, seconds, action, *arguments):
        self.actions.append((seconds, action, arguments))

    # What people do.

    def open(self, account, namespace, software):
        self.desks[account] = Desk(self.prefix, namespace, account, software)

    def close(self, account):
        self.desks.pop(account).close()

    def sql(self, account, text):
        self.desks[account].run(text)

    def web(self, account, namespace, secret, arguments):
        host = f"[{SERVER6}]" if namespace.startswith("oslo") else SERVER
        urls = [a.replace("crm.example", host) for a in arguments]
        subprocess.run(
            ["ip", "netns", "exec", f"{self.prefix}-{namespace}", "curl", "-s", "-o", "/dev/null",
             "-H", "Host: crm.example", "-A", AGENT_SOFTWARE, "-u", f"{account}:{secret}"] + urls,
            check=True)

    def guess(self, account, namespace, secret):
        environment = dict(os.environ, PGPASSWORD=secret, PGAPPNAME=AGENT_SOFTWARE)
        subprocess.run(
            ["ip", "netns", "exec", f"{self.prefix}-{namespace}", "psql", "-X", "-h", SERVER,
             "-U", account, "-d", "crm", "-c", "select 1"],
            env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)

    def report(self, script, count):
        environment = dict(os.environ, PGPASSWORD=password(BACK_OFFICE))
        subprocess.run(
            ["ip", "netns", "exec", f"{self.prefix}-office1", "pgbench", "-n", "-c", "1", "-M",
             "prepared", "-f", script, "-t", str(count), "-h", SERVER, "-U", BACK_OFFICE, "crm"],
            env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)

    # Whose day it is.

    def customer(self):
        return self.rng.randint(1, CUSTOMERS)

    def serve_customer(self, seconds, account, namespace):
        """A customer at the desk or on the line: found, looked at, sometimes changed."""
        rng, customer = self.rng, self.customer()
        if rng.random() < 0.5:
            self.at(seconds, self.web, account, namespace, password(account),
                    [f"http://crm.example/customers/{customer}"])
        else:
            phone = f"555-01{customer % 100:02d}-{customer}"
            key = f"id = {customer}" if rng.random() < 0.6 else f"phone = '{phone}'"
            self.at(seconds, self.sql, account,
                    f"select id, name, phone, address, plan from customers where {key};")
        if rng.random() < 0.35:
            self.at(seconds + rng.uniform(60, 150), self.sql, account,
                    f"insert into notes values ({customer}, 'called about the bill');")
        if rng.random() < 0.15:
            self.at(seconds + rng.uniform(160, 200), self.sql, account,
                    f"update customers set plan = 'family' where id = {customer};")
        if rng.random() < 0.1:
            self.at(seconds + rng.uniform(30, 50), self.web, account, namespace, password(account),
                    ["-d", "text=called+back", f"http://crm.example/customers/{customer}/notes"])

    def agent(self, account, namespace):
        start = hour(8) + self.rng.uniform(0, 1800)
        end = hour(16, 30) + self.rng.uniform(0, 1200)
        self.at(start, self.open, account, namespace, AGENT_SOFTWARE)
        for seconds in pages(self.rng, start + 120, end - 300, (300, 1500)):
            if not hour(12) < seconds < hour(12, 45):
                self.serve_customer(seconds, account, namespace)
        self.at(end, self.close, account)

    def thief(self, account, namespace):
        """Pages through the customers all day, 25 at a time: no single read is large."""
        self.at(hour(8, 5), self.open, account, namespace, "psql")
        last = 0
        for seconds in pages(self.rng, hour(8, 6), hour(16, 45), (35, 75)):
            self.at(seconds, self.sql, account,
                    "select id, name, phone, address, plan from customers "
                    f"where id > {last} order by id limit 25;")
            last += 25
        self.at(hour(16, 50), self.close, account)

    def guesser(self, namespace):
        """Tries a few passwords on everybody's account, from one address."""
        seconds = hour(10, 40)
        for secret in ("winter2026", "password1"):
            for account in AGENTS:
                seconds += self.rng.uniform(5, 20)
                if account in ("anna", "frida", "ivar"):
                    self.at(seconds, self.web, account, namespace, secret,
                            ["http://crm.example/customers/1"])
                else:
                    self.at(seconds, self.guess, account, namespace, secret)

    def stranger(self, account, namespace):
        """An agent's account, from another country, while the agent is at work."""
        for seconds in pages(self.rng, hour(13, 37), hour(13, 58), (40, 90)):
            self.at(seconds, self.web, account, namespace, password(account),
                    [f"http://crm.example/customers/{self.customer()}"])

    def plan(self, script):
        for account, namespace in AGENTS.items():
            if account != "per":
                self.agent(account, namespace)
        self.thief("per", AGENTS["per"])
        self.guesser("gbg4")
        self.stranger("erik", "abroad1")
        for half in (hour(9), hour(15)):
            self.at(half, self.report, script, 60)

    def live(self, times):
        self.actions.sort(key=lambda action: action[0])
        now = real = None
        for seconds, action, arguments in self.actions:
            began = time.time_ns()
            stands_for = int((DAY + seconds) * 1e9)
            if now is not None:  # never faster than it was
                stands_for = max(stands_for, now + (began - real) + 1_000_000)
            now, real = stands_for, began
            times.write(f"{began} {stands_for}\n")
            action(*arguments)
            time.sleep(0.005)  # its last acknowledgements belong to it


def main():
    prefix, path = sys.argv[1:]
    script = path + ".sql"
    with open(script, "w", encoding="ascii") as file:
        file.write(f"\\set id random(1, {CUSTOMERS})\n"
                   "select plan, count(*) from customers where id > :id group by plan;\n")
    day = Day(prefix)
    day.plan(script)
    with open(path, "w", encoding="ascii") as times:
        day.live(times)


main()
