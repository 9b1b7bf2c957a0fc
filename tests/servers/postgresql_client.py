"""A client of PostgreSQL that says exactly what it is told to: each message apart, in any order.

Sections "Message Flow" and "Message Formats" of https://www.postgresql.org/docs/current/protocol.html.
"""
import base64
import hashlib
import hmac
import os
import socket
import struct

PROTOCOL_3_0 = 3 << 16
SSL_REQUEST = 80877103
GSSENC_REQUEST = 80877104
CANCEL_REQUEST = 80877102


def text(value):
    return value.encode() + b"\0"


def message(kind, body=b""):
    return kind.encode() + struct.pack("!I", len(body) + 4) + body


def query(sql):
    return message("Q", text(sql))


def parse(sql, name=""):
    return message("P", text(name) + text(sql) + b"\0\0")


def bind(values=(), name="", portal="", binary=False):
    body = text(portal) + text(name) + b"\0\0" + struct.pack("!H", len(values))
    for value in values:
        body += struct.pack("!i", -1) if value is None else struct.pack("!I", len(value)) + value
    return message("B", body + (b"\0\1\0\1" if binary else b"\0\0"))


def describe(kind="P", name=""):
    return message("D", text(kind + name))


def execute(portal="", rows=0):
    return message("E", text(portal) + struct.pack("!I", rows))


def close(kind, name):
    return message("C", text(kind + name))


def call(function, arguments):
    """FunctionCall with binary arguments and a binary result."""
    body = struct.pack("!IHHH", function, 1, 1, len(arguments))
    for value in arguments:
        body += struct.pack("!I", len(value)) + value
    return message("F", body + b"\0\1")


SYNC = message("S")
FLUSH = message("H")
TERMINATE = message("X")
COPY_DONE = message("c")


def copy_data(data):
    return message("d", data)


def copy_fail(reason):
    return message("f", text(reason))


class Failure(Exception):
    """The server refused the login."""


class Client:
    """One connection; counts what the server sends."""

    def __init__(self, host, port, split=0, source=None):
        if host.startswith("/"):
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.connect(f"{host}/.s.PGSQL.{port}")
        else:
            self.socket = socket.create_connection((host, port), source_address=source)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(8)
        self.split = split
        self.kept = b""
        self.rows = 0
        self.tags, self.errors, self.data, self.seen = [], [], [], ""
        self.key = None

    def send(self, *messages):
        data = b"".join(messages)
        step = self.split or len(data)
        for at in range(0, len(data), step):
            self.socket.sendall(data[at:at + step])

    def read(self, size):
        while len(self.kept) < size:
            got = self.socket.recv(1 << 20)
            if not got:
                raise EOFError
            self.kept += got
        data, self.kept = self.kept[:size], self.kept[size:]
        return data

    def message(self):
        """The server's next message, as its type and body."""
        header = self.read(5)
        kind, body = chr(header[0]), self.read(struct.unpack("!I", header[1:])[0] - 4)
        self.seen += kind
        if kind == "D":
            self.rows += 1
            self.data.append(body)
        elif kind == "C":
            self.tags.append(body[:-1].decode())
        elif kind == "E":
            fields = {field[:1]: field[1:] for field in body.split(b"\0") if field}
            self.errors.append(fields[b"C"].decode())
        return kind, body

    def until(self, kinds="Z", times=1):
        while times:
            kind, body = self.message()
            times -= kind in kinds
        return kind, body

    def ask(self, request):
        """SSLRequest or GSSENCRequest; the answer's one byte."""
        self.send(struct.pack("!II", 8, request))
        return self.read(1)

    def start(self, user, database, password="", version=PROTOCOL_3_0, **parameters):
        body = struct.pack("!I", version)
        for name, value in {"user": user, "database": database, **parameters}.items():
            body += text(name) + text(value)
        body += b"\0"
        self.send(struct.pack("!I", len(body) + 4) + body)
        self.version = None
        while True:
            kind, body = self.message()
            if kind == "R":
                self.authenticate(user, password, body)
            elif kind == "K":
                self.key = body
            elif kind == "v":
                self.version = struct.unpack("!I", body[:4])[0]
            elif kind == "E":
                raise Failure(self.errors[-1])
            elif kind == "Z":
                return self

    def authenticate(self, user, password, body):
        code = struct.unpack("!I", body[:4])[0]
        if code == 3:
            self.send(message("p", text(password)))
        elif code == 5:
            inner = hashlib.md5((password + user).encode()).hexdigest().encode()
            self.send(message("p", text("md5" + hashlib.md5(inner + body[4:8]).hexdigest())))
        elif code == 10:
            self.scram(password)

    def scram(self, password):
        """SCRAM-SHA-256 without channel binding, RFC 5802 and RFC 7677."""
        first = b"n=,r=" + base64.b64encode(os.urandom(18))
        start = b"n,," + first
        self.send(message("p", text("SCRAM-SHA-256") + struct.pack("!I", len(start)) + start))
        kind, body = self.message()
        server = body[4:]
        fields = dict(field.split(b"=", 1) for field in server.split(b","))
        salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(fields[b"s"]), int(fields[b"i"]))
        last = b"c=biws,r=" + fields[b"r"]
        key = hmac.digest(salted, b"Client Key", "sha256")
        proof = hmac.digest(hashlib.sha256(key).digest(), b",".join((first, server, last)), "sha256")
        proof = bytes(a ^ b for a, b in zip(key, proof))
        self.send(message("p", last + b",p=" + base64.b64encode(proof)))

    def query(self, sql):
        self.send(query(sql))
        self.until()
        return self

    def cancel(self, host, port):
        """Asks, on a connection of its own, for the end of what runs on this one."""
        with socket.create_connection((host, port)) as other:
            other.sendall(struct.pack("!II", 8 + len(self.key), CANCEL_REQUEST) + self.key)
            other.recv(1)

    def close(self):
        self.send(TERMINATE)
        self.socket.close()
