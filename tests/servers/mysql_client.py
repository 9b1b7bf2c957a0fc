"""A client of MySQL and MariaDB that says exactly what it is told to: each packet apart, in any order.

https://mariadb.com/kb/en/clientserver-protocol/
"""
import hashlib
import socket
import struct
import zlib

CLIENT_MYSQL, FOUND_ROWS, WITH_DB, COMPRESS, LOCAL_FILES = 1, 1 << 1, 1 << 3, 1 << 5, 1 << 7
PROTOCOL_41, SSL, TRANSACTIONS, SECURE = 1 << 9, 1 << 11, 1 << 13, 1 << 15
MULTI_STATEMENTS, MULTI_RESULTS, PS_MULTI_RESULTS = 1 << 16, 1 << 17, 1 << 18
PLUGIN_AUTH, ATTRIBUTES, SESSION_TRACK, DEPRECATE_EOF = 1 << 19, 1 << 20, 1 << 23, 1 << 24
PROGRESS, BULK, EXTENDED_METADATA, CACHE_METADATA = 1 << 32, 1 << 34, 1 << 35, 1 << 36
USUAL = (FOUND_ROWS | LOCAL_FILES | PROTOCOL_41 | TRANSACTIONS | SECURE | MULTI_STATEMENTS | MULTI_RESULTS |
         PS_MULTI_RESULTS | PLUGIN_AUTH | ATTRIBUTES)
MORE_RESULTS, CURSOR_EXISTS = 8, 64
LONGEST = 0xffffff


class Failure(Exception):
    pass


def number(value):
    if value < 0xfb:
        return bytes([value])
    return b"\xfc" + struct.pack("<H", value) if value < 1 << 16 else b"\xfd" + struct.pack("<I", value)[:3]


def text(value):
    return number(len(value)) + value


def take_number(body, at):
    first = body[at]
    if first < 0xfb:
        return first, at + 1
    size = {0xfc: 2, 0xfd: 3, 0xfe: 8}[first]
    return int.from_bytes(body[at + 1:at + 1 + size], "little"), at + 1 + size


def native(password, challenge):
    if not password:
        return b""
    once = hashlib.sha1(password.encode()).digest()
    mixed = hashlib.sha1(challenge + hashlib.sha1(once).digest()).digest()
    return bytes(a ^ b for a, b in zip(once, mixed))


def execute(statement, values=(), flags=0, types=None):
    """COM_STMT_EXECUTE; values are texts, or None."""
    body = struct.pack("<BIBI", 0x17, statement & 0xffffffff, flags, 1)
    if values:
        nulls = bytearray((len(values) + 7) // 8)
        for n, value in enumerate(values):
            nulls[n // 8] |= (value is None) << n % 8
        body += bytes(nulls) + b"\1" + b"".join(b"\xfd\0" for _ in values)
        body += b"".join(text(value) for value in values if value is not None)
    return body


class Client:
    def __init__(self, host, port, split=0):
        """host is an address, or the path of a socket where port is None."""
        if port is None:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.connect(host)
        else:
            self.socket = socket.create_connection((host, port))
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(30)
        self.split, self.capabilities, self.has_packed = split, 0, False
        self.raw, self.data, self.packed_number = b"", b"", 0
        self.rows, self.affected, self.quits, self.errors = 0, 0, 0, []
        self.number = 0
        self.user = b""

    # --- packets

    def write(self, data):
        for at in range(0, len(data), self.split or len(data) or 1):
            self.socket.sendall(data[at:at + (self.split or len(data))])

    def frame(self, data):
        """What goes to the wire: packed, where that was agreed on."""
        out = b""
        while self.has_packed and data:
            piece, data = data[:LONGEST], data[LONGEST:]
            packed = zlib.compress(piece)
            is_packed = len(piece) >= 50 and len(packed) < len(piece)
            head = struct.pack("<I", len(packed) if is_packed else len(piece))[:3] + bytes([self.packed_number])
            out += head + struct.pack("<I", len(piece) if is_packed else 0)[:3] + (packed if is_packed else piece)
            self.packed_number = (self.packed_number + 1) % 256
        return out + data

    def packets(self, body, first=0):
        out = b""
        self.number = first
        while True:
            piece, body = body[:LONGEST], body[LONGEST:]
            out += struct.pack("<I", len(piece))[:3] + bytes([self.number]) + piece
            self.number = (self.number + 1) % 256
            if len(piece) < LONGEST:
                return out

    def send(self, *commands):
        """Commands, all at once."""
        self.packed_number = 0
        self.write(b"".join(self.frame(self.packets(body)) if not self.has_packed else self.anew(body)
                            for body in commands))

    def anew(self, body):
        self.packed_number = 0
        return self.frame(self.packets(body))

    def more(self, size):
        while len(self.raw) < size:
            piece = self.socket.recv(1 << 20)
            if not piece:
                raise Failure("the server has hung up")
            self.raw += piece
        taken, self.raw = self.raw[:size], self.raw[size:]
        return taken

    def read(self, size):
        while self.has_packed and len(self.data) < size:
            head = self.more(7)
            body = self.more(int.from_bytes(head[:3], "little"))
            self.packed_number = (head[3] + 1) % 256
            self.data += zlib.decompress(body) if any(head[4:7]) else body
        if not self.has_packed:
            return self.more(size)
        taken, self.data = self.data[:size], self.data[size:]
        return taken

    def packet(self):
        body = b""
        while True:
            head = self.read(4)
            size = int.from_bytes(head[:3], "little")
            self.number = (head[3] + 1) % 256
            body += self.read(size)
            if size < LONGEST:
                break
        if body[:1] == b"\xff":
            code = struct.unpack("<H", body[1:3])[0]
            if code == 0xffff:
                return self.packet()
            self.errors.append(code)
        return body

    # --- login

    def start(self, user, password="", database=None, capabilities=USUAL, extended=0, attributes=None):
        greeting = self.packet()
        if greeting[:1] == b"\xff":
            raise Failure(greeting[9:].decode())
        at = greeting.index(b"\0") + 1
        challenge = greeting[at + 4:at + 12] + greeting[at + 31:at + 43]
        self.capabilities = capabilities | (WITH_DB if database is not None else 0)
        self.extended, self.user, self.password = extended, user, password
        self.attributes = attributes or {"program_name": "lab", "_client_name": "python"}
        body = struct.pack("<IIB", self.capabilities, 1 << 30, 45) + bytes(19) + struct.pack("<I", extended >> 32)
        body += user.encode() + b"\0" + bytes([20 if password else 0]) + native(password, challenge)
        body += database.encode() + b"\0" if database is not None else b""
        body += b"mysql_native_password\0" if capabilities & PLUGIN_AUTH else b""
        self.write(self.packets(body + self.told_attributes(), 1))
        self.finish_login()
        self.has_packed = bool(self.capabilities & COMPRESS)
        return self

    def told_attributes(self):
        if not self.capabilities & ATTRIBUTES:
            return b""
        return text(b"".join(text(a.encode()) + text(b.encode()) for a, b in self.attributes.items()))

    def finish_login(self):
        while True:
            body = self.packet()
            if body[:1] == b"\xff":
                raise Failure(body[9:].decode())
            if body[:1] == b"\0":
                return
            if body[:1] == b"\xfe":
                challenge = body[body.index(b"\0") + 1:][:20]
                answer = self.packets(native(self.password, challenge), self.number)
                self.write(self.frame(answer))

    def change_user(self, user, password="", database=""):
        self.user, self.password = user, password
        body = b"\x11" + user.encode() + b"\0" + bytes([20 if password else 0]) + (b"x" * 20 if password else b"")
        body += database.encode() + b"\0" + struct.pack("<H", 45) + b"mysql_native_password\0" + self.told_attributes()
        self.send(body)
        self.finish_login()

    # --- replies

    def end(self, body):
        """The status of an OK or an EOF."""
        if len(body) <= 5:
            return struct.unpack("<H", body[3:5])[0] if len(body) == 5 else 0
        affected, at = take_number(body, 1)
        self.affected += affected
        _, at = take_number(body, at)
        return struct.unpack("<H", body[at:at + 2])[0]

    def definitions(self, count):
        for _ in range(count):
            self.packet()
        if count and not self.capabilities & DEPRECATE_EOF:
            return self.end(self.packet())
        return 0

    def take_rows(self):
        while True:
            body = self.packet()
            if body[:1] == b"\xff":
                return 0
            if body[:1] == b"\xfe" and len(body) < LONGEST:
                return self.end(body)
            self.rows += 1

    def result(self):
        """One result; its status."""
        body = self.packet()
        if body[:1] == b"\xff":
            return 0
        if body[:1] == b"\0":
            return self.end(body)
        if body[:1] == b"\xfb":
            for piece in self.file:
                self.write(self.frame(self.packets(piece, self.number)))
            self.write(self.frame(self.packets(b"", self.number)))
            return self.result()
        count, at = take_number(body, 0)
        has_definitions = at == len(body) or body[at] == 1
        status = 0
        if has_definitions:
            status = self.definitions(count)
        elif not self.capabilities & DEPRECATE_EOF:
            status = self.end(self.packet())
        if status & CURSOR_EXISTS:
            return status
        return self.take_rows()

    def results(self, replies=1):
        status = 0
        for _ in range(replies):
            status = self.result()
            while status & MORE_RESULTS:
                status = self.result()
        return status

    def query(self, *statements):
        """Each a COM_QUERY, after the one before was answered."""
        for sql in statements:
            self.send(b"\3" + (sql if isinstance(sql, bytes) else sql.encode()))
            self.results()
        return self

    def command(self, code, body=b""):
        """A command that is answered by one packet."""
        self.send(bytes([code]) + body)
        return self.packet()

    def prepared(self):
        """The reply to a prepare; the number of the statement."""
        body = self.packet()
        if body[:1] == b"\xff":
            return None
        statement, columns, parameters = struct.unpack("<IHH", body[1:9])
        self.definitions(parameters)
        self.definitions(columns)
        return statement

    def prepare(self, sql):
        self.send(b"\x16" + sql.encode())
        return self.prepared()

    def execute(self, statement, values=(), flags=0):
        self.send(execute(statement, values, flags))
        return self.results()

    def fetch(self, statement, rows):
        self.send(struct.pack("<BII", 0x1c, statement, rows))
        return self.take_rows()

    def fields(self, table):
        self.send(b"\4" + table.encode() + b"\0")
        while self.packet()[:1] not in (b"\xfe", b"\xff"):
            pass

    def close(self):
        self.send(b"\1")
        self.socket.close()
        self.quits = 1
