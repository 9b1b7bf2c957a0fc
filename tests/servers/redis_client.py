"""A client of Redis that says exactly what it is told to, and reads what comes (RESP2 and RESP3)."""
import socket


def command(*arguments):
    """A command as an array of strings."""
    parts = [b"*%d\r\n" % len(arguments)]
    for argument in arguments:
        data = argument if isinstance(argument, bytes) else str(argument).encode()
        parts.append(b"$%d\r\n%s\r\n" % (len(data), data))
    return b"".join(parts)


class Failure(Exception):
    """An error that the server answered with."""


class Push(list):
    """A message that is no reply."""


class Client:
    def __init__(self, address, split=0):
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(30)
        self.socket.connect(address)
        if family == socket.AF_INET:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.input = self.socket.makefile("rb")
        self.split = split

    def close(self):
        self.input.close()
        self.socket.close()

    def send(self, *commands):
        data = b"".join(commands)
        step = self.split or max(len(data), 1)
        for at in range(0, len(data), step):
            self.socket.sendall(data[at:at + step])

    def values(self, count):
        return [self.read() for _ in range(count)]

    def read(self):
        """The next value; a Failure is returned, not raised."""
        line = self.input.readline()
        if not line.endswith(b"\r\n"):
            raise EOFError(line)
        kind, rest = line[:1], line[1:-2]
        if kind in b"+(,#":
            return rest
        if kind == b"-":
            return Failure(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"_" or rest == b"-1":
            return None
        if kind in b"$=":
            return self.input.read(int(rest) + 2)[:-2]
        values = self.values(int(rest) * (2 if kind in b"%|" else 1))
        if kind == b"|":
            return self.read()
        if kind == b"%":
            return dict(zip(map(str, values[::2]), values[1::2]))
        return Push(values) if kind == b">" else values

    def ask(self, *arguments):
        """The reply to one command; messages before it are left out."""
        self.send(command(*arguments))
        value = self.read()
        while isinstance(value, Push):
            value = self.read()
        return value

    def pipeline(self, *commands):
        self.send(*[command(*c) for c in commands])
        return self.values(len(commands))
