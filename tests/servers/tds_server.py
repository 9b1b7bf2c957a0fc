"""A server that speaks TDS 7.0 to 7.4, as much of it as real clients ask for.  Written from [MS-TDS] and [MC-SMP].

    tds_server.py PORT LOG CERTIFICATE KEY    one line of JSON per connection goes to LOG: what was asked and answered

A comment in a statement's text says what comes of it: rows=N (of kind=ints, texts, all, large, wide or customers), changes=N,
error=N, results=N (of so many rows each), pause=SECONDS before the end, nocount.  The user's name says what is agreed
on: "off" no encryption, "login" the login alone, "all" everything; "nobody" is refused.
"""
import json
import re
import socket
import ssl
import struct
import sys
import threading
import time
import uuid

REPLY, ATTENTION, BULK, LAST = 4, 6, 7, 1
MORE, ERROR, COUNT, ATTENDED, IN_BATCH = 1, 2, 0x10, 0x20, 0x80
DONE, DONE_PROC, DONE_IN_PROC = 0xFD, 0xFE, 0xFF
SELECT, INSERT = 0xC1, 0xC3
COLLATION = bytes.fromhex("0904d00034")
PROCS = {"sp_cursor": 1, "sp_cursoropen": 2, "sp_cursorprepare": 3, "sp_cursorexecute": 4, "sp_cursorprepexec": 5,
         "sp_cursorunprepare": 6, "sp_cursorfetch": 7, "sp_cursoroption": 8, "sp_cursorclose": 9, "sp_executesql": 10,
         "sp_prepare": 11, "sp_execute": 12, "sp_prepexec": 13, "sp_prepexecrpc": 14, "sp_unprepare": 15}
TEXT_PARAMETER = {2: 1, 3: 2, 5: 3, 10: 0, 11: 2, 13: 2, 14: 1}
FIXED = {0x1F: 0, 0x30: 1, 0x32: 1, 0x34: 2, 0x38: 4, 0x3A: 4, 0x3B: 4, 0x3C: 8, 0x3D: 8, 0x3E: 8, 0x7A: 4, 0x7F: 8}


def ucs(text):
    return text.encode("utf-16-le")


def b_text(text):
    return bytes([len(text)]) + ucs(text)


def us_text(text):
    return struct.pack("<H", len(text)) + ucs(text)


class Gone(Exception):
    pass


class Column:
    """A column's description, and how a value of it is written."""

    def __init__(self, name, kind, version):
        self.name, self.kind, self.old = name, kind, version < 0x72
        self.collation = COLLATION if version > 0x70 else b""

    def describe(self):
        collation = self.collation
        types = {
            "int": b"\x26\x04", "int!": b"\x38", "bigint": b"\x26\x08", "bit": b"\x68\x01", "float": b"\x6d\x08",
            "money": b"\x6e\x08", "datetime": b"\x6f\x08", "guid": b"\x24\x10", "decimal": b"\x6a\x11\x12\x02",
            "decimal0": b"\x6c\x0d\x14\x00",
            "varchar": b"\xa7\x64\x00" + collation, "nvarchar": b"\xe7\xc8\x00" + collation,
            "binary": b"\xad\x08\x00", "max": b"\xe7\xff\xff" + collation, "image": b"\x22\xff\xff\xff\x7f",
            "text": b"\x23\xff\xff\xff\x7f" + collation, "variant": b"\x62\x49\x1f\x00\x00", "xml": b"\xf1\x00",
            "date": b"\x28", "datetime2": b"\x2a\x07"}
        head = struct.pack("<HH" if self.old else "<IH", 0, 0x08 if self.kind == "int!" else 0x09)
        table = b""
        if self.kind in ("text", "image"):
            table = us_text("dbo.notes") if self.old else b"\x02" + us_text("dbo") + us_text("notes")
        return head + types[self.kind] + table + b_text(self.name)

    def write(self, value):
        kind = self.kind
        if kind == "int!":
            return struct.pack("<i", value)
        if value is None:
            return {"varchar": b"\xff\xff", "nvarchar": b"\xff\xff", "binary": b"\xff\xff", "max": b"\xff" * 8,
                    "xml": b"\xff" * 8, "variant": b"\0\0\0\0"}.get(kind, b"\0")
        if kind in ("int", "bigint", "float", "money", "datetime", "guid", "decimal", "decimal0", "bit", "date", "datetime2"):
            return bytes([len(value)]) + value
        if kind in ("varchar", "nvarchar", "binary"):
            return struct.pack("<H", len(value)) + value
        if kind in ("max", "xml"):
            parts = [value[at:at + 5000] for at in range(0, len(value), 5000)]
            known = len(value) % 3 > 0
            return (struct.pack("<Q", len(value) if known else 2 ** 64 - 2) +
                    b"".join(struct.pack("<I", len(part)) + part for part in parts) + b"\0\0\0\0")
        if kind in ("text", "image"):
            return b"\x10" + b"dummy textptr\0\0\0" + b"dummyTS\0" + struct.pack("<I", len(value)) + value
        return struct.pack("<I", len(value) + 2) + b"\x38\x00" + value  # a variant: an int


KINDS = {
    "ints": ["int"],
    "texts": ["int!", "nvarchar", "varchar", "nvarchar"],
    "all": ["int", "int!", "bigint", "bit", "float", "money", "datetime", "guid", "decimal", "varchar", "nvarchar",
            "binary", "max", "image", "text", "variant", "xml", "date", "datetime2", "int"],
    "old": ["int", "int!", "bit", "float", "money", "datetime", "guid", "decimal", "varchar", "nvarchar", "binary",
            "image", "text", "int"],
    "large": ["int", "max"],
    "wide": ["int"] * 500,
    "loaded": ["int", "varchar"],
    "customers": ["nvarchar", "int!", "varchar", "decimal0", "nvarchar"],
}
NAMES = {"customers": ["msisdn", "customer_id", "email", "iccid", "note"]}
CUSTOMERS = 300


def customer(n):
    """A row that shows a customer, made up; the same ones come again and again."""
    number = n * 7 % CUSTOMERS
    digits = f"89460{number:013d}"
    check = sum(sum(divmod(int(digit) * (2 - place % 2), 10)) for place, digit in enumerate(reversed(digits)))
    iccid = int(digits) * 10 + -check % 10
    return [ucs(f"4670{number:07d}") if n % 5 else None, 100000 + number, b"someone%d@example.org" % number if n % 3 else None,
            b"\1" + struct.pack("<QI", iccid % 2 ** 64, iccid >> 64) if n % 4 else None, ucs(f"row {n}")]


def value_of(kind, n):
    if kind != "int!" and n % 7 == 3:
        return None
    return {
        "int!": n, "int": struct.pack("<i", n), "bigint": struct.pack("<q", n), "bit": bytes([n & 1]),
        "float": struct.pack("<d", n / 3), "money": struct.pack("<iI", 0, n), "datetime": struct.pack("<iI", 40000, n),
        "guid": uuid.UUID(int=n).bytes, "decimal": b"\1" + struct.pack("<QQ", n, 0),
        "varchar": b"made-up customer %d" % n, "nvarchar": ucs(f"Sampleville {n}"), "binary": struct.pack("<Q", n),
        "max": ucs("x" * (n * 37 % 9000)), "xml": ucs(f"<row n='{n}'/>"), "image": b"\xd1\xfd\x81" * (n % 50),
        "text": b"some text " * (n % 20), "variant": struct.pack("<i", n), "date": b"\x01\x39\x0b",
        "datetime2": struct.pack("<Q", n)[:5] + b"\x01\x39\x0b"}[kind]


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        assert self.at + count <= len(self.data), "a request is too short"
        self.at += count
        return self.data[self.at - count:self.at]

    def number(self, form):
        return struct.unpack("<" + form, self.take(struct.calcsize("<" + form)))[0]

    def text(self):
        return self.take(2 * self.number("B")).decode("utf-16-le")

    def value(self):
        """A parameter's type and value; bytes, or None."""
        kind = self.number("B")
        if kind in FIXED:
            return self.take(FIXED[kind])
        if kind in (0x28,):
            return self.take(self.number("B")) or None
        if kind in (0x6A, 0x6C, 0x37, 0x3F):
            self.take(3)
            return self.take(self.number("B")) or None
        if kind in (0x24, 0x26, 0x68, 0x6D, 0x6E, 0x6F, 0x25, 0x27, 0x2D, 0x2F, 0x29, 0x2A, 0x2B):
            self.take(1)
            return self.take(self.number("B")) or None
        if kind in (0xA5, 0xA7, 0xAD, 0xAF, 0xE7, 0xEF):
            longest = self.number("H")
            self.take(5 if kind in (0xA7, 0xAF, 0xE7, 0xEF) and self.collations else 0)
            if longest == 0xFFFF:
                return self.chunks()
            size = self.number("H")
            return None if size == 0xFFFF else self.take(size)
        if kind in (0x22, 0x23, 0x63):
            self.take(4 + (5 if kind != 0x22 and self.collations else 0))
            size = self.number("i")
            return None if size < 0 else self.take(size)
        if kind == 0xF3:
            return self.table()
        raise AssertionError(f"a type {kind:#x}")

    def chunks(self):
        if self.number("Q") == 2 ** 64 - 1:
            return None
        value = b""
        while size := self.number("I"):
            value += self.take(size)
        return value

    def table(self):
        for _ in range(3):
            self.text()
        count, columns = self.number("H"), []
        for _ in range(0 if count == 0xFFFF else count):
            self.take(6)
            at = self.at
            columns.append(self.only_type(at))
            self.text()
        assert self.number("B") == 0
        while self.number("B") == 1:
            for column in columns:
                self.only_value(column)
        return b""

    def only_type(self, at):
        kind = self.data[at]
        size = {0x26: 2, 0xE7: 3 + (5 if self.collations else 0), 0x68: 2, 0x6D: 2}[kind]
        return self.take(size)

    def only_value(self, column):
        if column[0] != 0xE7:
            return self.take(self.number("B"))
        if column[1:3] == b"\xff\xff":
            return self.chunks()
        size = self.number("H")
        return self.take(0 if size == 0xFFFF else size)


class Session:
    """What a client asks of, one thing at a time: the connection, or one of a MARS connection's."""

    def __init__(self, wire, number):
        self.wire, self.number = wire, number
        self.message, self.kind, self.is_busy = b"", 0, False
        self.sequence, self.window, self.received = 0, 4, 0

    def answer(self, tokens, kind=REPLY):
        """Sends a reply, an iterable of tokens, in packets; ends it early where the client asks for attention."""
        size, waiting, number = self.wire.packet_size - 8, bytearray(), 1
        for token in tokens:
            waiting += token
            while len(waiting) > size:
                self.packet(kind, bytes(waiting[:size]), number, 0)
                del waiting[:size]
                number += 1
            if self.wire.wants_attention(self):
                self.end_early(kind, bytes(waiting), number)
                return
        self.packet(kind, bytes(waiting), number, LAST)

    def end_early(self, kind, waiting, number):
        """Servers tell of an attention where the reply ends, or behind it."""
        told = self.wire.done(DONE, ATTENDED, 0, 0)
        if self.wire.user == "patient":
            self.packet(kind, waiting + told, number, LAST)
            return
        self.wire.counts["errors"] += 1
        self.packet(kind, waiting + self.wire.done(DONE, ERROR, 0, 0), number, LAST)
        self.packet(kind, told, 1, LAST)

    def packet(self, kind, content, number, status):
        data = struct.pack(">BBHHBB", kind, status, len(content) + 8, 52, number & 255, 0) + content
        if not self.wire.mars:
            self.wire.send(data)
            return
        with self.wire.turn:
            while self.sequence >= self.window:
                if self.wire.is_gone or not self.wire.turn.wait(20):
                    raise Gone
            self.sequence += 1
            head = struct.pack("<BBHIII", 0x53, 8, self.number, len(data) + 16, self.sequence, self.received + 4)
            self.wire.send(head + data)


class Wire:
    def __init__(self, connection, context):
        self.socket, self.context = connection, context
        self.tls = None  # what the bytes go through
        self.mars = False
        self.packet_size = 4096
        self.sessions, self.ready, self.attention = {}, [], set()
        self.turn, self.is_gone = threading.Condition(), False  # of MARS sessions, each answered by a thread
        self.user, self.version, self.encryption = "", 0x74, 2
        self.handles, self.next_handle = {}, 1
        self.bulk = False
        self.counts = dict(batches=0, calls=0, rows=0, changes=0, errors=0, logins=0, others=0)

    # --- bytes

    def send(self, data):
        if self.tls:
            self.tls[1].write(data)
            data = self.tls[0][1].read()
        self.socket.sendall(data)

    def receive(self, count):
        """So many bytes, of what the client means."""
        data = b""
        while len(data) < count:
            if self.tls:
                try:
                    data += self.tls[1].read(count - len(data))
                    continue
                except ssl.SSLWantReadError:
                    pass
                more = self.socket.recv(65536 if self.encryption == 1 else self.record())
                if not more:
                    raise Gone
                self.tls[0][0].write(more)
            else:
                more = self.socket.recv(count - len(data))
                if not more:
                    raise Gone
                data += more
        return data

    def record(self):
        """Bytes of the record that is next: what follows an encrypted login is clear."""
        while len(head := self.socket.recv(5, socket.MSG_PEEK)) < 5:
            if not head:
                raise Gone
        return 5 + struct.unpack(">H", head[3:])[0]

    def header(self):
        head = self.receive(8)
        kind, status, size, _, _, _ = struct.unpack(">BBHHBB", head)
        return kind, status, self.receive(size - 8)

    def handshake(self):
        """TLS in packets of the client's greeting."""
        inward, outward = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = self.context.wrap_bio(inward, outward, server_side=True)
        while True:
            try:
                tls.do_handshake()
                done = True
            except ssl.SSLWantReadError:
                done = False
            out = outward.read()
            if out:
                Session(self, 0).packet(0x12, out, 1, LAST)
            if done:
                break
            _, _, content = self.header()
            inward.write(content)
        self.tls = ((inward, outward), tls)

    def pump(self):
        """Takes the next packet of any session in."""
        session = self.sessions.get(0)
        if self.mars:
            _, flags, number, size, sequence, window = struct.unpack("<BBHIII", self.receive(16))
            with self.turn:
                session = self.sessions.setdefault(number, Session(self, number))
                session.window = window
                self.turn.notify_all()
                if flags == 4:
                    self.send(struct.pack("<BBHIII", 0x53, 4, number, 16, session.sequence, session.received + 4))
                    del self.sessions[number]
                if flags != 8:
                    return
                session.received = sequence
        kind, status, content = self.header()
        if kind == ATTENTION:
            self.attention.add(session.number)
            return
        session.message, session.kind = session.message + content, kind
        if status & LAST:
            self.ready.append((session, kind, session.message))
            session.message = b""

    def wants_attention(self, session):
        """Whether the client cancels what is answered."""
        if self.mars:
            is_asked = session.number in self.attention
            self.attention.discard(session.number)
            return is_asked
        self.socket.setblocking(False)
        try:
            there = self.socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            there = b""
        finally:
            self.socket.setblocking(True)
        if there and not self.tls:
            self.pump()
        if session.number in self.attention:
            self.attention.discard(session.number)
            return True
        return False

    # --- tokens

    @property
    def old(self):
        return self.version < 0x72

    def done(self, token, status, command, count):
        return struct.pack("<BHHI" if self.old else "<BHHQ", token, status, command, count)

    def message(self, token, number, severity, text):
        body = (struct.pack("<IBB", number, 1, severity) + us_text(text) + b_text("made-up") + b_text("") +
                struct.pack("<H" if self.old else "<I", 1))
        return struct.pack("<BH", token, len(body)) + body

    def change(self, kind, new, old):
        body = bytes([kind]) + new + old
        return struct.pack("<BH", 0xE3, len(body)) + body

    def returned(self, place, name, number):
        return (struct.pack("<BH", 0xAC, place) + b_text(name) + b"\1" + struct.pack("<HH" if self.old else "<IH", 0, 0) +
                b"\x26\x04\x04" + struct.pack("<i", number))

    def result(self, kind, count):
        """Columns and rows; a row with values that are NULL has them in bits, where the version can."""
        if kind == "all" and self.version < 0x73:
            kind = "old"
        names = NAMES.get(kind) or [f"c{n}" for n in range(len(KINDS[kind]))]
        columns = [Column(name, what, self.version) for name, what in zip(names, KINDS[kind])]
        out = struct.pack("<BH", 0x81, len(columns)) + b"".join(column.describe() for column in columns)
        for n in range(count):
            values = customer(n) if kind == "customers" else [
                value_of(column.kind, n + place) for place, column in enumerate(columns)]
            if self.version >= 0x73 and n % 2 and None in values:
                bits = bytearray((len(columns) + 7) // 8)
                for place, value in enumerate(values):
                    bits[place // 8] |= (value is None) << place % 8
                out += b"\xd2" + bits + b"".join(c.write(v) for c, v in zip(columns, values) if v is not None)
            else:
                out += b"\xd1" + b"".join(c.write(v) for c, v in zip(columns, values))
            self.counts["rows"] += 1
            if len(out) > 30000:
                yield out
                out = b""
        yield out

    def statement(self, text, token, last):
        """What comes of a statement."""
        if "fmtonly on" in text.lower():
            text = "/* rows=0 kind=loaded */"
        words = dict(re.findall(r"(\w+)=(\w+)", " ".join(re.findall(r"/\*(.*?)\*/", text, re.S))))
        more = 0 if last else MORE
        if "error" in words:
            self.counts["errors"] += 1
            yield self.message(0xAA, int(words["error"]), 16, "made-up trouble")
            yield self.done(token, ERROR | more, SELECT, 0)
            return
        name = re.match(r"\s*use\s+\[?(\w+)", text, re.I)
        if name:
            yield self.change(1, b_text(name[1]), b_text("master"))
            yield self.message(0xAB, 5701, 0, f"Changed database context to '{name[1]}'.")
        if "changes" in words:
            count = int(words["changes"])
            self.counts["changes"] += count
            yield self.done(token, COUNT | more, INSERT, count)
            return
        if "rows" not in words:
            yield self.done(token, more, 0xF9, 0)
            return
        results, count = int(words.get("results", "1")), int(words["rows"])
        for n in range(results):
            yield from self.result(words.get("kind", "ints"), count)
            time.sleep(float(words.get("pause", "0")))
            flags = (0 if "nocount" in words else COUNT) | (more if n + 1 == results else MORE)
            yield self.done(token, flags, SELECT, count)

    # --- requests

    def without_headers(self, message):
        if not self.old:
            return message[struct.unpack("<I", message[:4])[0]:]
        return message

    def batch(self, session, message):
        text = self.without_headers(message).decode("utf-16-le")
        self.counts["batches"] += 1
        self.bulk = text.lower().startswith("insert bulk")
        session.answer(self.statement(text, DONE, True))

    def call(self, session, message):
        tokens, reader = [], Reader(self.without_headers(message))
        reader.collations = self.version > 0x70
        while reader.at < len(reader.data):
            self.counts["calls"] += 1
            size = reader.number("H")
            name = "" if size == 0xFFFF else reader.take(2 * size).decode("utf-16-le")
            proc = reader.number("H") if size == 0xFFFF else PROCS.get(name.lower(), 0)
            reader.take(2)
            names, values, is_last = [], [], True
            while reader.at < len(reader.data):
                if reader.data[reader.at] in (0xFE, 0xFF) or (self.old and reader.data[reader.at] == 0x80):
                    reader.take(1)
                    is_last = False
                    break
                names.append(reader.text())
                reader.take(1)
                values.append(reader.value())
            tokens.append(self.procedure(proc, name, names, values, is_last))
        session.answer(part for call in tokens for part in call)

    def procedure(self, proc, name, names, values, is_last):
        text = values[TEXT_PARAMETER[proc]].decode("utf-16-le") if proc in TEXT_PARAMETER else ""
        out = []
        if proc in (12, 4, 7):
            text = self.handles.get(struct.unpack("<i", values[0])[0], "/* error=8179 */")
        if proc in (2, 3, 5, 11, 13, 14):
            handle, self.next_handle = self.next_handle, self.next_handle + 1
            self.handles[handle] = text
            out.append(self.returned(0, names[0], handle))
            if proc == 5:
                self.handles[self.next_handle] = text
                out.append(self.returned(1, names[1], self.next_handle))
                self.next_handle += 1
            if proc == 2:
                out += [self.returned(2, names[2], 8), self.returned(3, names[3], 1), self.returned(4, names[4], 10)]
        if proc == 4:
            self.handles[self.next_handle] = text
            out.append(self.returned(1, names[1], self.next_handle))
            self.next_handle += 1
        if proc in (10, 12, 13, 14):
            yield from self.statement(text, DONE_IN_PROC, False)
        elif proc in (2, 4, 5):
            yield from self.result("ints", 0)
            yield self.done(DONE_IN_PROC, MORE, SELECT, 0)
        elif proc == 7:
            fetched = re.search(r"rows=(\d+)", text)
            self.handles[struct.unpack("<i", values[0])[0]] = ""
            if fetched:
                yield from self.result("ints", int(fetched[1]))
                yield self.done(DONE_IN_PROC, MORE | COUNT, SELECT, int(fetched[1]))
            else:
                yield from self.result("ints", 0)
                yield self.done(DONE_IN_PROC, MORE | COUNT, SELECT, 0)
        elif proc == 0:
            asked = re.fullmatch(r"(?:dbo\.)?give_(\d+)", name)
            yield from self.statement(f"/* rows={asked[1]} */" if asked else "/* error=2812 */", DONE_IN_PROC, False)
        yield b"\x79\0\0\0\0"
        yield from out
        yield self.done(DONE_PROC, 0 if is_last else MORE | IN_BATCH, 0xE0, 0)

    def load(self, session, message):
        """Rows of a bulk load, of columns that are not looked at: their number is in the statement's comment."""
        self.counts["others"] += 1
        rows = self.bulk_rows(message)
        self.counts["changes"] += rows
        session.answer([self.done(DONE, COUNT, 0xF0, rows)])

    def bulk_rows(self, message):
        reader = Reader(message)
        reader.collations = self.version > 0x70
        assert reader.number("B") == 0x81
        columns = []
        for _ in range(reader.number("H")):
            reader.take(4 if self.old else 6)
            kind = reader.number("B")
            rest = {0x38: 0, 0x26: 1, 0xA7: 7, 0xAF: 7, 0xE7: 7, 0xEF: 7, 0x34: 0, 0x30: 0}[kind]
            if rest == 7 and not reader.collations:
                rest = 2
            info = reader.take(rest)
            columns.append((kind, info[:2] == b"\xff\xff"))
            reader.text()
        rows = 0
        while reader.at < len(message) and (token := reader.number("B")) != DONE:
            assert token == 0xD1, hex(token)
            rows += 1
            for kind, is_max in columns:
                if kind in FIXED:
                    reader.take(FIXED[kind])
                elif kind == 0x26:
                    reader.take(reader.number("B"))
                elif is_max:
                    reader.chunks()
                else:
                    size = reader.number("H")
                    reader.take(0 if size == 0xFFFF else size)
        return rows

    def transaction(self, session, message):
        kind = struct.unpack("<H", self.without_headers(message)[:2])[0]
        self.counts["others"] += 1
        body = b""
        if kind == 5:
            body = self.change(8, b"\x08" + struct.pack("<Q", 1), b"\0")
        elif kind in (7, 8):
            body = self.change(9 if kind == 7 else 10, b"\0", b"\x08" + struct.pack("<Q", 1))
        session.answer([body, self.done(DONE, 0, 0xD5, 0)])

    # --- the beginning

    def greet(self, session):
        kind, _, content = self.header()
        if kind == 0x10:
            return kind, content
        options, at, wants = {}, 0, None
        while content[at] != 0xFF:
            option, place, size = struct.unpack(">BHH", content[at:at + 5])
            options[option] = content[place:place + size]
            at += 5
        wants = options.get(1, b"\2")[0]
        mars = options.get(4, b"\0")[:1] == b"\1"
        self.encryption = {0: 0, 1: 1, 2: 2, 3: 1}.get(wants & 0x7F, 2) if self.context else 2
        answer = {0: b"\x10\0\x10\0\0\0", 1: bytes([self.encryption]), 2: b"\0", 3: b"", 4: b"\1" if mars else b"\0"}
        place, head, body = 5 * len(answer) + 1, b"", b""
        for option, value in answer.items():
            head += struct.pack(">BHH", option, place + len(body), len(value))
            body += value
        session.packet(REPLY, head + b"\xff" + body, 1, LAST)
        self.will_mars = mars
        if self.encryption != 2:
            self.handshake()
        return None

    def log_in(self, session):
        first = self.greet(session)
        kind, status, content = (0x10, LAST, first[1]) if first else self.header()
        while not status & LAST:
            kind, status, more = self.header()
            content += more
        if self.encryption == 0:
            self.tls = None
        assert kind == 0x10, kind
        self.version = content[7]
        places = struct.unpack("<HHHHHHHHHHHHHHHHHH", content[36:72])

        def text(n):
            return content[places[2 * n]:places[2 * n] + 2 * places[2 * n + 1]].decode("utf-16-le")

        self.user = text(1)
        self.counts["logins"] += 1
        size = struct.unpack("<I", content[8:12])[0]
        size = size if 512 <= size <= 32767 else 4096
        if self.user == "nobody":
            self.counts["errors"] += 1
            session.answer([self.message(0xAA, 18456, 14, "Login failed for user 'nobody'."), self.done(DONE, ERROR, 0, 0)])
            raise Gone
        database = text(8) or "master"
        version = {0x70: b"\x07\0\0\0", 0x71: b"\x71\0\0\1", 0x72: b"\x72\x09\0\2", 0x73: b"\x73\x0b\0\3"}.get(
            self.version, b"\x74\0\0\4")
        ack = b"\1" + version + b_text("Made-up Server") + b"\x10\0\x10\0"
        session.answer([
            self.change(1, b_text(database), b_text("master")), self.message(0xAB, 5701, 0, "Changed database context."),
            self.change(7, b"\5" + COLLATION, b"\0") if self.version > 0x70 else b"",
            self.change(2, b_text("us_english"), b"\0"),
            struct.pack("<BH", 0xAD, len(ack)) + ack,
            self.change(4, b_text(str(size)), b_text("4096")), self.done(DONE, 0, 0, 0)])
        self.packet_size = size

    def take(self, session, kind, message):
        session.is_busy = True
        try:
            {1: self.batch, 3: self.call, BULK: self.load, 14: self.transaction}[kind](session, message)
        except (Gone, ConnectionError):
            if not self.mars:
                raise
        session.is_busy = False
        if self.mars:
            self.refuse_idle_attention()

    def serve(self, log):
        threads = []
        session = self.sessions[0] = Session(self, 0)
        try:
            self.log_in(session)
            if self.will_mars:
                self.mars = True
                self.sessions = {}
            while True:
                while not self.ready:
                    self.pump()
                    self.refuse_idle_attention()
                session, kind, message = self.ready.pop(0)
                if self.mars:
                    threads.append(threading.Thread(target=self.take, args=(session, kind, message)))
                    threads[-1].start()
                else:
                    self.take(session, kind, message)
        except (Gone, ConnectionError):
            pass
        finally:
            with self.turn:
                self.is_gone = True
                self.turn.notify_all()
            for thread in threads:
                thread.join()
            self.socket.close()
            log(dict(self.counts, user=self.user, encryption=self.encryption, mars=self.mars, version=self.version))

    will_mars = False

    def refuse_idle_attention(self):
        """An attention for what was answered already is answered by itself."""
        for number in list(self.attention):
            if self.sessions[number].is_busy:
                continue
            self.attention.discard(number)
            self.sessions[number].answer([self.done(DONE, ATTENDED, 0, 0)])


def main(port, path, certificate, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    lock = threading.Lock()
    listener = socket.create_server(("127.0.0.1", port))
    print("listening", flush=True)

    def log(peer, what):
        with lock, open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps(dict(what, port=peer)) + "\n")

    while True:
        connection, peer = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        wire = Wire(connection, context)
        threading.Thread(target=wire.serve, args=(lambda what, at=peer[1]: log(at, what),), daemon=True).start()


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    main(int(sys.argv[1]), *sys.argv[2:])
