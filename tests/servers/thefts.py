"""Weeks of agents at work, and thefts among them, against a real PostgreSQL and a portal.

    thefts.py TIMES TRUTH      in the namespace "desks" of thefts.sh, which has all the addresses

TIMES gets, for each action, the real time at which it began and the time that it stands for, in
nanoseconds (stretch.py moves the packets by them); TRUTH a JSON object a line for each record that
a thief got.  The same actions in every run: the random numbers have a fixed seed.

The agents' shops work in the portal, the call centre's programs ask PostgreSQL.  After four weeks:
- "telenor": one shop's login reads 180 customers a day, at a person's pace;
- "kt": a program on a shop's computer asks PostgreSQL itself, past the portal;
- "voicemail": mailboxes are opened with guessed PINs, from many addresses;
- "bulk": one account of the call centre reads 200,000 rows in one answer.
"""
import http.client
import json
import random
import sys
import time
import urllib.parse

from postgresql_client import Client, SYNC, bind, describe, execute, parse

START = 1768176000  # 2026-01-12T00:00:00Z, a Monday
QUIET_DAYS, DAYS = 28, 31
CUSTOMERS, SHOPS, SHOP_AGENTS, CENTRE_AGENTS = 20000, 10, 4, 10
DATABASE, PORTAL, VOICEMAIL = "10.20.0.10", "10.20.0.11", "10.20.0.12"
DAY = 86400


def number(customer):
    return f"4670{1000000 + customer * 37 % 9000000:07d}"


def poisson_like(rng, mean):
    return max(0, round(rng.gauss(mean, (mean * (1 + mean * 0.03)) ** 0.5)))


class Web:
    """One agent's browser: a cookie, a connection for each visit."""

    def __init__(self, address, software, server=PORTAL):
        self.address, self.software, self.server, self.cookie = address, software, server, None

    def ask(self, method, path, **fields):
        line = http.client.HTTPConnection(self.server, source_address=(self.address, 0), timeout=8)
        headers = {"Host": "portal.example" if self.server == PORTAL else "voicemail.example", "User-Agent": self.software}
        if self.cookie:
            headers["Cookie"] = self.cookie
        body = None
        if fields:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            body = urllib.parse.urlencode(fields)
        line.request(method, path, body, headers)
        answer = line.getresponse()
        answer.read()
        cookie = answer.getheader("Set-Cookie")
        if cookie:
            self.cookie = cookie.partition(";")[0]
        line.close()
        return answer.status


class Desk:
    """A program that asks PostgreSQL."""

    SQL = "select id, msisdn, name, address, plan from customers where msisdn = $1"

    def __init__(self, address, user, software):
        self.client = Client(DATABASE, 5432, source=(address, 0))
        self.client.start(user, "crm", f"{user}-made-up", application_name=software)

    def look(self, customer):
        before = self.client.rows
        self.client.send(parse(self.SQL), bind([number(customer).encode()]), describe(), execute(), SYNC)
        self.client.until()
        return self.client.rows > before

    def all(self):
        self.client.query("select id, msisdn, name, address, plan from customers, generate_series(1, 10)")

    def note(self, customer):
        self.client.query(f"insert into notes values ('{number(customer)}', 'called about the bill')")

    def close(self):
        self.client.close()


class Weeks:
    def __init__(self, times, truth):
        self.times, self.truth = times, truth
        self.rng = random.Random(7)
        self.actions, self.webs, self.desks = [], {}, {}
        self.now = None

    def at(self, seconds, action, *arguments):
        self.actions.append((seconds, len(self.actions), action, arguments))

    def took(self, attack, user, address, what):
        self.truth.write(json.dumps({"time": self.now / 1e9, "attack": attack, "user": user, "address": address,
                                     "took": what}) + "\n")

    # What an action does.

    def log_in(self, user, address, software, password=None):
        web = self.webs[user] = Web(address, software)
        web.ask("POST", "/login", username=user, password=password or f"{user}-made-up")

    def view(self, user, customer, attack=None):
        found = self.webs[user].ask("GET", f"/customers/{number(customer)}") == 200
        if attack:
            self.took(attack, user, self.webs[user].address, found)

    def write(self, user, customer):
        self.webs[user].ask("POST", f"/customers/{number(customer)}/notes", text="called about the bill")

    def open(self, user, address, software):
        self.desks[user] = Desk(address, user, software)

    def look(self, user, customer, attack=None, address=None):
        found = self.desks[user].look(customer)
        if attack:
            self.took(attack, user, address, found)

    def note(self, user, customer):
        self.desks[user].note(customer)

    def close(self, user):
        self.desks.pop(user).close()

    def bulk(self, user):
        self.open(user, "10.3.0.4", "CallDesk/3")
        self.desks[user].all()
        self.took("bulk", user, "10.3.0.4", self.desks[user].client.rows)
        self.close(user)

    def mailbox(self, box, pin, address, attack=None):
        opened = Web(address, "Voicemail/2", VOICEMAIL).ask("POST", "/voicemail/login", mailbox=box, pin=pin) == 200
        if attack:
            self.took(attack, None, address, opened)

    # Whose days they are.

    def customer(self, home):
        if self.rng.random() < 0.04:
            return CUSTOMERS + self.rng.randint(1, 1000)  # mistyped
        if self.rng.random() < 0.85:
            return (home * 1700 + self.rng.randint(1, 1700)) % CUSTOMERS + 1
        return self.rng.randint(1, CUSTOMERS)

    def shop_agent(self, day, user, address, home, mean):
        rng, start = self.rng, day * DAY + 9 * 3600 + self.rng.uniform(0, 1200)
        if rng.random() < 0.04:
            self.at(start - 30, self.log_in, user, address, "Desk/8", "misspelt")
        self.at(start, self.log_in, user, address, "Desk/8")
        for _ in range(poisson_like(rng, mean)):
            seconds, customer = start + rng.uniform(60, 8.5 * 3600), self.customer(home)
            self.at(seconds, self.view, user, customer)
            if customer <= CUSTOMERS and rng.random() < 0.6:
                self.at(seconds + rng.uniform(60, 400), self.write, user, customer)

    def centre_agent(self, day, user, address, mean):
        rng, start = self.rng, day * DAY + 8 * 3600 + self.rng.uniform(0, 1200)
        self.at(start, self.open, user, address, "CallDesk/3")
        for _ in range(poisson_like(rng, mean)):
            seconds, customer = start + rng.uniform(60, 8.2 * 3600), self.customer(rng.randint(0, 11))
            self.at(seconds, self.look, user, customer)
            if customer <= CUSTOMERS and rng.random() < 0.55:
                self.at(seconds + rng.uniform(60, 300), self.note, user, customer)
        self.at(start + 8.6 * 3600, self.close, user)

    def callers(self, day):
        """Customers at their own mailboxes; one in twelve mistypes the PIN."""
        for _ in range(120):
            box = self.rng.randint(10000, 40000)
            seconds = day * DAY + self.rng.uniform(7, 22) * 3600
            address = f"10.70.0.{box % 200 + 1}"
            if self.rng.random() < 0.08:
                self.at(seconds, self.mailbox, box, (box + 1) % 1000, address)
                seconds += 20
            self.at(seconds, self.mailbox, box, box % 1000, address)

    def telenor(self, day):
        for n in range(180):
            seconds = day * DAY + 9.5 * 3600 + n * 7.5 * 3600 / 180 + self.rng.uniform(0, 120)
            self.at(seconds, self.view, "shop3-2", self.rng.randint(1, CUSTOMERS), "telenor")

    def kt(self, day):
        address, start = "10.1.5.1", day * DAY + 11 * 3600
        self.at(start, self.open, "esb", address, "libpq-batch")
        for n in range(400):
            self.at(start + 5 + n * 30, self.look, "esb", self.rng.randint(1, CUSTOMERS), "kt", address)
        self.at(start + 5 * 3600, self.close, "esb")

    def voicemail(self, day):
        for n in range(1500):
            box, seconds = 100000 + self.rng.randint(0, 899999), day * DAY + 1 * 3600 + n * 4
            for pin in (box % 1000 if self.rng.random() < 0.19 else 1, 2, 3):
                self.at(seconds, self.mailbox, box, pin, f"10.80.0.{n % 250 + 1}", "voicemail")
                seconds += 1

    def plan(self):
        means = {f"shop{s}-{a}": self.rng.lognormvariate(2.8, 0.3) for s in range(SHOPS) for a in range(SHOP_AGENTS)}
        for day in range(DAYS):
            self.callers(day)
            if day % 7 == 6:
                continue
            busy = self.rng.lognormvariate(0, 0.06)
            for user, mean in means.items():
                shop = int(user[4:].split("-")[0])
                if self.rng.random() < 0.8:
                    self.shop_agent(day, user, f"10.1.{shop}.1", shop, mean * busy)
            for n in range(CENTRE_AGENTS):
                if day % 7 < 5 and self.rng.random() < 0.9:
                    self.centre_agent(day, f"centre-{n}", f"10.3.0.{n + 1}", 40 * busy)
        for day in range(QUIET_DAYS, DAYS):
            self.telenor(day)
            self.kt(day)
        self.voicemail(QUIET_DAYS + 1)
        self.at((QUIET_DAYS + 2) * DAY + 19 * 3600, self.bulk, "centre-3")

    def live(self):
        self.actions.sort(key=lambda action: action[:2])
        real = None
        for seconds, _, action, arguments in self.actions:
            began = time.time_ns()
            stands_for = int((START + seconds) * 1e9)
            if self.now is not None:  # never faster than it was
                stands_for = max(stands_for, self.now + (began - real) + 100_000)
            self.now, real = stands_for, began
            self.times.write(f"{began} {stands_for}\n")
            action(*arguments)


def main():
    with open(sys.argv[1], "w", encoding="ascii") as times, open(sys.argv[2], "w", encoding="ascii") as truth:
        weeks = Weeks(times, truth)
        weeks.plan()
        weeks.live()


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main()
