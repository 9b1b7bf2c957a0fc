"""Drives a Redis server case by case.

    redis_cases.py FOLDER    FOLDER has the socket of the server; FOLDER/cases.json gets the server's counts

A case returns how many rows its client was sent.
"""
import json
import os
import subprocess
import sys
import threading
import time

from redis_client import Client, Failure, command

HOST, PORT = "127.0.0.1", 6379
SECRET = "Xq7Secret"  # in passwords, keys and values: must be nowhere in what seepwatch writes
CASES = []


def case(name, unknown=0, apart=0, names=True, why=""):
    """unknown: commands that the server does not know, and counts as errors only (None: all errors but the rejected).
    apart: how many of those that it counted are not to be seen as requests.  names: each command's own count is to be
    seen, too."""

    def add(function):
        CASES.append((name, unknown, apart, names, why, function))
        return function

    return add


class Lab:
    def __init__(self, folder):
        self.folder = folder
        self.clients = []
        self.watcher = Client(f"{folder}/redis.sock")
        self.own = {}
        self.apart = self.rejected = 0

    def client(self, split=0, resp=2):
        client = Client((HOST, PORT), split)
        self.clients.append(client)
        if resp == 3:
            client.ask("HELLO", 3)
        return client

    def run(self, *words, stdin="", status=0):
        done = subprocess.run(words, input=stdin, text=True, capture_output=True, timeout=60, cwd=self.folder)
        assert done.returncode == status, (words, done.stdout, done.stderr)
        return done.stdout

    def cli(self, *words, **options):
        return self.run("redis-cli", "-h", HOST, *words, **options)

    def ask(self, *words):
        """A command that is not captured; it is no client's."""
        name = "|".join(words[:2]).lower() if words[0] in ("ACL", "CLIENT", "CONFIG") else words[0].lower()
        self.own[name] = self.own.get(name, 0) + 1
        return self.watcher.ask(*words)

    def stats(self):
        """total_commands_processed, total_error_replies, {command: calls, executed or rejected}."""
        stats, commands, self.rejected = {}, {}, 0
        for line in self.ask("INFO", "everything").decode().split("\r\n"):
            name, _, value = line.partition(":")
            if name in ("total_commands_processed", "total_error_replies"):
                stats[name] = int(value)
            if name.startswith("cmdstat_"):
                fields = dict(field.split("=") for field in value.split(","))
                commands[name[8:]] = int(fields["calls"]) + int(fields["rejected_calls"])
                self.rejected += int(fields["rejected_calls"])
        return stats["total_commands_processed"], stats["total_error_replies"], commands

    def quiet(self):
        """Waits until no connection but the watcher's is left."""
        for _ in range(500):
            if self.ask("CLIENT", "LIST").count(b"\n") == 1:
                return
            time.sleep(0.01)
        raise TimeoutError(self.ask("CLIENT", "LIST"))


def fill(client):
    commands = [("SET", f"{SECRET}:{n}", f"{SECRET} {n}") for n in range(100)]
    commands += [("RPUSH", "list", *[f"{SECRET} {n}.{m}" for m in range(10)]) for n in range(100)]
    commands += [("HSET", "hash", f"f{n}", SECRET) for n in range(700)]
    commands += [("ZADD", "zset", n * 1.5, f"m{n}") for n in range(300)]
    commands += [("SADD", "set", f"m{n}") for n in range(300)]
    commands += [("XADD", "stream", f"{n}-1", "f", SECRET, "g", n) for n in range(1, 51)]
    for at in range(0, len(commands), 500):
        client.pipeline(*commands[at:at + 500])


# --- values


@case("one command after the other")
def single(lab):
    client = lab.client()
    fill(client)
    rows = 0
    for n in range(90, 110):
        rows += client.ask("GET", f"{SECRET}:{n}") is not None
    rows += len(client.ask("KEYS", "*"))
    rows += client.ask("LPOP", "list") is not None
    rows += len(client.ask("LPOP", "list", 3))
    rows += len(client.ask("SRANDMEMBER", "set", 5)) + 1
    client.ask("SRANDMEMBER", "set")
    rows += sum(value is not None for value in client.ask("MGET", f"{SECRET}:1", "no", "list", f"{SECRET}:2"))
    rows += sum(value is not None for value in client.ask("HMGET", "hash", "f1", "no", "f2"))
    client.ask("DEL", f"{SECRET}:1", f"{SECRET}:2", "no")
    client.ask("EXISTS", "list")
    client.ask("TYPE", "hash")
    client.ask("OBJECT", "ENCODING", "hash")
    client.ask("DBSIZE")
    return rows


@case("customers in keys and in hashes")
def customers(lab):
    client = lab.client()
    keys = [f"msisdn:4670{n:07}" for n in range(10000)]
    for at in range(0, 10000, 500):
        client.pipeline(*[("SET", key, "x") for key in keys[at:at + 500]])
    client.pipeline(*[("HSET", f"h:{n}", "name", "Ann", "msisdn", f"+4670{n:07}", "email", f"n{n}@example.org") for n in range(200)])
    told = [1] * 10200
    rows = 0
    for keys_read in keys, keys[:100], keys[:50] * 2, ["no", "h:1", "msisdn:", "msisdn:x"]:
        rows += sum(value is not None for value in client.ask("MGET", *keys_read))
    told += [10000, 100, 50]
    for asking in client, lab.client(resp=3):
        replies = asking.pipeline(*[("HGETALL", f"h:{n}") for n in range(200)])
        rows += 3 * len(replies)
        rows += asking.ask("HGET", "h:1", "email") is not None
        rows += sum(value is not None for value in asking.ask("HMGET", "h:1", "no", "msisdn", "email", "name"))
        told += [1] * (200 + 1 + 1)
    rows += len(client.ask("HGETALL", "h:none"))
    client.ask("DEL", "h:1", *keys[:7])
    lab.customers = {"transactions": told + [7], "sessions": [10000 + 1, 200 + 1]}
    return rows


def read_all(client, resp):
    rows = len(client.ask("HGETALL", "hash")) // (1 if resp == 3 else 2)
    rows += len(client.ask("LRANGE", "list", 0, -1)) + len(client.ask("SMEMBERS", "set"))
    rows += len(client.ask("HKEYS", "hash")) + len(client.ask("HVALS", "hash"))
    rows += len(client.ask("ZRANGE", "zset", 0, 99)) + len(client.ask("ZRANGEBYSCORE", "zset", 10, "(20"))
    client.ask("ZRANGE", "zset", 0, 49, "WITHSCORES")
    client.ask("HRANDFIELD", "hash", 7, "WITHVALUES")
    client.ask("ZRANDMEMBER", "zset", 8, "withscores")
    client.ask("ZPOPMIN", "zset", 3)
    client.ask("ZPOPMAX", "zset")
    rows += 50 + 7 + 8 + 3 + 1
    rows += len(client.ask("XRANGE", "stream", "-", "+")) + len(client.ask("XREVRANGE", "stream", "+", "-", "COUNT", 9))
    client.ask("XREAD", "COUNT", 20, "STREAMS", "stream", "no", 0, 0)
    client.ask("LMPOP", 1, "list", "LEFT", "COUNT", 4)
    client.ask("ZMPOP", 1, "zset", "MIN", "COUNT", 5)
    rows += 20 + 4 + 5
    for name, key, step in (("SSCAN", "set", 1), ("HSCAN", "hash", 2), ("ZSCAN", "zset", 2)):
        cursor = b"0"
        while True:
            cursor, values = client.ask(name, key, cursor, "COUNT", 50)
            rows += len(values) // step
            if cursor == b"0":
                break
    cursor = b"0"
    while True:
        cursor, values = client.ask("SCAN", cursor, "COUNT", 20)
        rows += len(values)
        if cursor == b"0":
            return rows


@case("collections and scans, RESP2")
def collections(lab):
    client = lab.client()
    fill(client)
    return read_all(client, 2)


@case("collections and scans, RESP3")
def collections_resp3(lab):
    client = lab.client(resp=3)
    fill(client)
    return read_all(client, 3)


@case("streams, groups, geography, sorting")
def streams(lab):
    client = lab.client()
    fill(client)
    client.ask("XGROUP", "CREATE", "stream", "g", 0)
    client.ask("XREADGROUP", "GROUP", "g", "c", "COUNT", 30, "STREAMS", "stream", ">")
    client.ask("XAUTOCLAIM", "stream", "g", "d", 0, 0, "COUNT", 10)
    client.ask("XCLAIM", "stream", "g", "e", 0, "11-1", "12-1", "999-1")
    client.ask("XPENDING", "stream", "g", "-", "+", 10)
    client.ask("XACK", "stream", "g", "1-1", "2-1")
    client.ask("XINFO", "STREAM", "stream", "FULL")
    client.ask("XINFO", "GROUPS", "stream")
    client.ask("GEOADD", "geo", 13.361389, 38.115556, "a", 15.087269, 37.502669, "b")
    client.ask("GEOSEARCH", "geo", "FROMLONLAT", 15, 37, "BYRADIUS", 200, "km", "WITHCOORD", "WITHDIST")
    client.ask("GEOPOS", "geo", "a", "no", "b")
    client.ask("SORT", "set", "ALPHA", "LIMIT", 0, 17)
    return 30 + 10 + 2 + 2 + 2 + 17


@case("megabytes in one value, and thousands of values")
def large(lab):
    client = lab.client()
    client.ask("SET", "big", SECRET.encode() * 300000)
    assert len(client.ask("GET", "big")) == len(SECRET) * 300000
    client.ask("MSET", *[word for n in range(5000) for word in (f"k{n}", "v" * (n % 300))])
    client.ask("MGET", *[f"k{n}" for n in range(5500)])
    client.ask("SET", "resp", b"\r\n+OK\r\n$5\r\nhello\r\n*2\r\n$3\r\nGET\r\n$1\r\na\r\n")
    client.ask("GET", "resp")
    return 1 + 5000 + 1


@case("every command and reply a byte at a time")
def bytewise(lab):
    client = lab.client(split=1)
    client.ask("SET", "a", SECRET)
    client.ask("HSET", "h", "f", "1", "g", "2")
    rows = len(client.ask("HGETALL", "h")) // 2 + (client.ask("GET", "a") is not None)
    client.ask("ZADD", "z", 1, "a", 2, "b")
    client.ask("ZRANGE", "z", 0, -1, "WITHSCORES")
    return rows + 2


# --- many at once


@case("pipelines of one, a thousand and twenty thousand", names=False,
      why="of what is beyond the pairing, in turns, the names are not kept")
def pipelines(lab):
    client = lab.client()
    client.pipeline(("SET", "a", SECRET))
    client.pipeline(*[("GET", "a") for _ in range(1000)])

    def write():
        client.send(*[command("INCR", "n") if n % 2 else command("GET", "a") for n in range(20000)])

    writer = threading.Thread(target=write)
    writer.start()
    client.values(20000)
    writer.join()
    client.ask("LRANGE", "no", 0, -1)
    return None


@case("redis-benchmark, with and without pipelining")
def benchmark(lab):
    lab.run("redis-benchmark", "-h", HOST, "-n", "2000", "-c", "4", "-t", "set,incr,lpush,hset", "-q")
    lab.run("redis-benchmark", "-h", HOST, "-n", "2000", "-c", "4", "-P", "32", "-t", "set,incr,sadd", "-q")
    lab.run("redis-benchmark", "-h", HOST, "-n", "500", "-c", "2", "-P", "4", "-t", "lrange_100", "-q")
    return 500 * 100


@case("redis-cli: a session, a scan, a pipe")
def cli(lab):
    lab.cli("SET", "k", SECRET)
    lab.cli("-3", "-n", "3", stdin=f"SET k {SECRET}\nGET k\nHSET h f v\nHGETALL h\nSELECT 0\nGET k\n")
    assert "k" in lab.cli("--scan", "--pattern", "*")
    lab.run("redis-cli", "-h", HOST, "--pipe", stdin="".join(f"SET p{n} v\r\n" for n in range(300)))
    return 3 + 1


# --- transactions


@case("transactions: executed, with errors inside")
def transactions(lab):
    client = lab.client()
    fill(client)
    client.ask("MULTI")
    client.ask("GET", f"{SECRET}:1")
    client.ask("HGETALL", "hash")
    client.ask("INCR", "list")
    client.ask("LRANGE", "list", 0, 9)
    assert len(client.ask("EXEC")) == 4
    client.pipeline(("MULTI",), ("SET", "a", "b"), ("GET", "a"), ("SELECT", 4), ("EXEC",), ("GET", "a"), ("SELECT", 0))
    client.pipeline(("MULTI",), ("EXEC",))
    return 1 + 700 + 10 + 1


@case("transactions that are not executed: nothing of them counts", names=False)
def discarded(lab):
    client, other = lab.client(), lab.client()
    client.pipeline(("MULTI",), ("SET", "a", "b"), ("GET", "a"), ("DISCARD",))
    client.pipeline(("WATCH", "a"), ("MULTI",), ("SET", "a", "c"))
    other.ask("SET", "a", "d")
    assert client.ask("EXEC") is None
    client.ask("MULTI")
    client.ask("GET", "a")
    client.ask("LPUSH", "a")
    client.ask("EXEC")
    client.ask("MULTI")
    client.ask("SET", "a", "e")
    client.ask("RESET")
    client.ask("GET", "a")
    return 1


# --- errors, logins


@case("errors: of commands, of their words, of what is none", unknown=4, names=False)
def errors(lab):
    client = lab.client()
    client.ask("SET", "a", "b")
    for words in (("LPUSH", "a", "x"), ("GET",), (SECRET, "x"), ("CLIENT", SECRET), ("EXEC",), ("SETT", "a", "b"),
                  ("HSET", "h", "f"), ("EVAL", "return redis.error_reply('MYCODE " + SECRET + "')", 0), ("SELECT", 99)):
        assert isinstance(client.ask(*words), Failure), words
    client.send(b"nonsense words\r\n")
    assert isinstance(client.read(), Failure)
    return 0


@case("logins, accepted and refused")
def logins(lab):
    client = lab.client()
    lab.ask("ACL", "SETUSER", "anna", "on", f">{SECRET}", "~*", "+@all")
    for words in (("AUTH", "anna", SECRET + "x"), ("AUTH", "anna", SECRET),
                  ("HELLO", 3, "AUTH", "anna", SECRET, "SETNAME", "crm"),
                  ("HELLO", 2, "AUTH", "anna", "wrong" + SECRET), ("ACL", "WHOAMI"), ("CLIENT", "SETNAME", "web"), ("RESET",)):
        client.ask(*words)
    lab.ask("ACL", "SETUSER", "default", "resetpass", f">{SECRET}")
    other = lab.client()
    other.ask("GET", "a")
    other.ask("AUTH", SECRET)
    other.ask("GET", "a")
    lab.ask("ACL", "SETUSER", "default", "nopass")
    lab.ask("ACL", "DELUSER", "anna")
    return 0


# --- other ways to speak


@case("commands as lines of text")
def lines(lab):
    client = lab.client()
    client.send(b"\r\n\r\nPING\r\nset 'a key' \"%s\\r\\n x\"\nget 'a key'\r\n" % SECRET.encode())
    client.values(3)
    client.send(b"*2\r\n$3\r\nGET\r\n$5\r\na key\r\nget nokey\r\n*0\r\n*-1\r\necho " + b"x" * 5000 + b"\r\n")
    client.values(3)
    return 2


@case("commands without an answer")
def silent(lab):
    client = lab.client()
    client.send(command("CLIENT", "REPLY", "SKIP"), command("SET", "a", SECRET), command("GET", "a"))
    client.read()
    client.send(command("CLIENT", "REPLY", "OFF"), *[command("INCR", "n") for _ in range(50)],
                command("CLIENT", "REPLY", "ON"))
    client.read()
    return client.ask("GET", "n") is not None and 2


@case("subscriptions, RESP2 and RESP3")
def subscriptions(lab):
    old, new, speaker = lab.client(), lab.client(resp=3), lab.client()
    old.send(command("SUBSCRIBE", "a", "b", "c"))
    old.values(3)
    old.ask("PSUBSCRIBE", "n*")
    new.ask("SET", "k", "v")
    new.send(command("SUBSCRIBE", "a"), command("SSUBSCRIBE", "s"))
    new.values(2)
    speaker.pipeline(*[("PUBLISH", "a", SECRET) for _ in range(20)], ("PUBLISH", "news", SECRET),
                     ("SPUBLISH", "s", SECRET))
    old.values(21)
    old.ask("PING")
    new.send(command("GET", "k"))
    new.values(22)
    old.send(command("UNSUBSCRIBE"))
    old.values(3)
    old.ask("PUNSUBSCRIBE", "n*")
    old.send(command("LRANGE", "no", 0, -1))
    old.read()
    return 21 + 21 + 1


@case("a cache that is told what changed")
def tracking(lab):
    client, other = lab.client(resp=3), lab.client()
    client.ask("SET", "a", "b")
    client.ask("CLIENT", "TRACKING", "ON")
    client.ask("GET", "a")
    other.ask("SET", "a", "c")
    client.ask("PING")
    client.ask("GET", "a")
    return 2


@case("commands that wait")
def waiting(lab):
    client, other = lab.client(), lab.client()
    client.ask("BLPOP", "queue", 0.05)
    client.send(command("BLPOP", "queue", 5), command("PING"))
    time.sleep(0.05)
    other.ask("LPUSH", "queue", SECRET)
    client.values(2)
    client.send(command("BZPOPMIN", "zq", 5))
    time.sleep(0.05)
    other.ask("ZADD", "zq", 1, "a")
    client.read()
    client.send(command("XREAD", "BLOCK", 5000, "STREAMS", "st", "$"))
    time.sleep(0.05)
    other.ask("XADD", "st", "*", "f", SECRET)
    client.read()
    client.ask("WAIT", 0, 10)
    return 3


@case("values of every kind of RESP3")
def kinds(lab):
    client = lab.client(resp=3)
    for kind in "string integer double null array set map attrib bignum true false verbatim".split():
        client.ask("DEBUG", "PROTOCOL", kind)
    client.send(command("DEBUG", "PROTOCOL", "push"))
    client.values(2)
    client.ask("CONFIG", "GET", "max*")
    client.ask("COMMAND", "DOCS", "GET", "SET")
    client.ask("CLIENT", "LIST")
    client.ask("MEMORY", "STATS")
    client.ask("EVAL", "return {1, {2, {3, {'a', {'b', {'c', {'d'}}}}}}}", 0)
    return 2


@case("scripts: what they call is counted by the server alone", apart=3, names=False, why="three commands inside scripts")
def scripts(lab):
    client = lab.client()
    client.ask("EVAL", "redis.call('set', 'a', 'b') return redis.call('get', 'a')", 0)
    client.ask("EVAL", "return redis.call('lrange', 'no', 0, -1)", 0)
    sha = client.ask("SCRIPT", "LOAD", "return {'a', 'b', 'c'}")
    client.ask("EVALSHA", sha, 0)
    return 1 + 3


@case("who watches all commands")
def monitor(lab):
    client, other = lab.client(), lab.client()
    client.ask("MONITOR")
    other.ask("SET", "a", SECRET)
    client.read()
    return 0


@case("a replica", names=False, why="what it sends behind PSYNC is no request")
def replica(lab):
    client = Client((HOST, PORT))
    for words in ("PING",), ("REPLCONF", "listening-port", 6380), ("REPLCONF", "capa", "eof", "capa", "psync2"):
        client.ask(*words)
    client.send(command("PSYNC", "?", -1))
    time.sleep(1.5)
    client.send(command("REPLCONF", "ACK", 0))
    lab.ask("SET", "a", SECRET)
    time.sleep(0.2)
    client.close()
    lab.apart = lab.stats()[2]["replconf"] - 2
    return 0


@case("the driver of npm", unknown=None, names=False, why="it asks for what this server does not know")
def driver(lab):
    script = f"{lab.folder}/driver/driver.js"
    if not os.path.exists(script):
        return 0
    return int(lab.run("node", script, HOST, SECRET).strip())


def drive(folder):
    lab = Lab(folder)
    results = []
    for name, unknown, apart, names, why, function in CASES:
        lab.quiet()
        lab.ask("FLUSHALL")
        lab.own.clear()
        lab.ask("CONFIG", "RESETSTAT")
        lab.apart = apart
        result = {"name": name, "begin": time.time_ns()}
        lab.customers = None
        rows = function(lab)
        for client in lab.clients:
            client.close()
        lab.clients.clear()
        lab.quiet()
        own = dict(lab.own)
        calls, errors, commands = lab.stats()
        for command_name, count in own.items():
            calls -= count
            commands[command_name] -= count
        result.update(calls=calls, errors=errors, rows=rows, customers=lab.customers, unknown=unknown, apart=lab.apart, why=why, names=names,
                      rejected=lab.rejected, commands={key: count for key, count in commands.items() if count})
        results.append(result)
        time.sleep(0.005)
    with open(f"{folder}/cases.json", "w", encoding="utf-8") as out:
        json.dump(results, out, indent=1)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    drive(sys.argv[1])
