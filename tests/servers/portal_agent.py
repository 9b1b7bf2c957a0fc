"""Agents at work in the portal: each a browser of its own, by curl.

    portal_agent.py URL FOLDER NUMBER      cookies are kept in FOLDER; NUMBER tells agents apart

Every request has a user agent of its own, by which it is found in the portal's log.
"""
import json
import re
import subprocess
import sys

ACCOUNTS = {"anna": "geheim-Anna-7", "bo": "geheim-Bo-8", "dora@dealer.example": 'geheim "Dora" & 9'}
CODINGS = "", "gzip", "deflate", "raw", "br", "zstd"
LISTS = "/api/customers", "/export.csv", "/export.ndjson", "/table", "/list.xml"


class Agent:
    def __init__(self, url, folder, number):
        self.url, self.number, self.asked = url, number, 0
        self.jar = f"{folder}/jar{number}"

    def ask(self, path, *arguments):
        self.asked += 1
        command = ["curl", "-s", "-b", self.jar, "-c", self.jar, "-A", f"agent/{self.number}-{self.asked}",
                   *arguments, self.url + path]
        return subprocess.run(command, check=True, capture_output=True).stdout.decode("utf-8", "replace")

    def form(self, path, **fields):
        return self.ask(path, *[part for name, value in fields.items() for part in ("--data-urlencode", f"{name}={value}")])

    def json(self, path, value, *arguments):
        return self.ask(path, "-H", "Content-Type: application/json", "-d", json.dumps(value), *arguments)

    def search(self, *arguments):
        """Lists in every form, coded in every way, whole and in pieces."""
        for n, path in enumerate(LISTS):
            for coding in CODINGS:
                coded = f"&coding={coding}" if coding else ""
                self.ask(f"{path}?n={7 + n * 13}{coded}", "-H", "Accept-Encoding: gzip", *arguments)
                self.ask(f"{path}?n={250 + n}{coded}&pieces=1", "-H", "Accept-Encoding: br", *arguments)
        for path in ("/api/customers?n=5000", "/api/customers?n=0", "/export.csv?n=0", "/table?n=0", "/api/customers/100017"):
            self.ask(path, *arguments)


def work(url, folder, number):
    a = Agent(url, folder, number)
    a.ask("/login")
    a.form("/login", username="anna", password="falsch-geheim-0")
    a.form("/login", username="anna", password=ACCOUNTS["anna"])
    a.ask("/")
    a.search()
    a.json("/graphql", {"operationName": "FindCustomers", "query": "query FindCustomers { customers { id } }"})
    a.json("/graphql", {"operationName": "Rename", "query": "mutation Rename { rename(id: 1) { id } }"})
    a.ask("/logout", "-X", "POST")
    a.ask("/api/customers?n=5")
    a = Agent(url, folder, f"{number}-old")
    a.ask("/login")
    a.form("/old/login", j_username="bo", j_password="falsch-geheim-0")
    a.form("/old/login", j_username="bo", j_password=ACCOUNTS["bo"])
    a.ask("/table?n=12")
    a.ask("/logout")
    a.ask("/table?n=12")
    for kind in "opaque", "jwt":
        a = Agent(url, folder, f"{number}-{kind}")
        query = "?jwt=1" if kind == "jwt" else "?coding=gzip"
        user = "dora@dealer.example"
        a.json("/api/login" + query, {"credentials": {"email": user, "password": "falsch-geheim-0"}})
        a.json("/api/login?soft=1", {"credentials": {"email": user, "password": "falsch-geheim-0"}})
        answer = a.json("/api/login" + query, {"credentials": {"email": user, "password": ACCOUNTS[user]}}, "--compressed")
        token = re.search('"access_token":"([^"]*)"', answer).group(1)
        a.ask("/api/customers?n=33", "-H", f"Authorization: Bearer {token}")
        a.ask("/export.csv?n=9&coding=br", "-H", f"Authorization: Bearer {token}")
        with open(f"{folder}/secrets", "a", encoding="utf-8") as file:
            file.write(token + "\n")
    a = Agent(url, folder, f"{number}-basic")
    a.ask("/api/customers?n=4", "-u", f"bo:{ACCOUNTS['bo']}")
    a.ask("/api/customers?n=4", "-u", "bo:falsch-geheim-0")
    a.ask("/api/customers?n=4")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    work(*sys.argv[1:])
