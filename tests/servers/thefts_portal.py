"""A dealer portal over the customers in PostgreSQL, and a voicemail beside it, as small as they can be.

    thefts_portal.py SOCKET      PostgreSQL is asked by its local socket, which no mirror sees

Agents log in with a form and are known by a cookie; what they ask comes as JSON.  A mailbox is
opened by its number and a PIN.
"""
import http.server
import json
import os
import sys
import urllib.parse

from postgresql_client import Client

FIELDS = "id, msisdn, name, address, plan"


class Portal(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    sessions, database = {}, None

    def log_message(self, *_):
        pass

    def give(self, status, value, *headers):
        body = json.dumps(value).encode()
        self.send_response(status)
        for name, text in (("Content-Type", "application/json"), ("Content-Length", str(len(body))), *headers):
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(body)

    def fields(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        return {name: values[0] for name, values in urllib.parse.parse_qs(body).items()}

    def user(self):
        cookie = self.headers.get("Cookie", "")
        return self.sessions.get(cookie.partition("session=")[2])

    def rows(self, sql):
        database = type(self).database
        database.data.clear()
        database.query(sql)
        found = []
        for body in database.data:
            values, at = [], 2
            for _ in FIELDS.split():
                size = int.from_bytes(body[at:at + 4], "big")
                values.append(body[at + 4:at + 4 + size].decode())
                at += 4 + size
            found.append(dict(zip(FIELDS.split(", "), values)))
        return found

    def do_GET(self):
        path = self.path.split("/")
        if not self.user():
            return self.give(403, {"error": "who are you?"})
        if path[1] == "customers" and path[2].isdigit():
            found = self.rows(f"select {FIELDS} from customers where msisdn = '{path[2]}'")
            return self.give(200, found[0]) if found else self.give(404, {"error": "no such customer"})
        return self.give(404, {"error": "no such page"})

    def do_POST(self):
        path, fields = self.path.split("/"), self.fields()
        if path[1] == "login":
            good = fields.get("password") == fields.get("username", "") + "-made-up"
            cookie = os.urandom(16).hex()
            if not good:
                return self.give(401, {"error": "wrong"})
            self.sessions[cookie] = fields["username"]
            return self.give(200, {"success": True}, ("Set-Cookie", f"session={cookie}; HttpOnly"))
        if path[1] == "voicemail":
            good = int(fields["mailbox"]) % 1000 == int(fields["pin"]) % 1000
            return self.give(200, {"success": True}) if good else self.give(401, {"error": "wrong PIN"})
        if not self.user():
            return self.give(403, {"error": "who are you?"})
        return self.give(200, {"noted": path[2]})


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    Portal.database = Client(sys.argv[1], 5432).start("root", "crm")
    http.server.HTTPServer(("", 80), Portal).serve_forever()
