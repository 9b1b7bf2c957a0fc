"""Drives a MariaDB server case by case.

    mysql_cases.py FOLDER    FOLDER has the socket and, perhaps, npm's drivers; FOLDER/cases.json gets the server's counts
"""
import json
import os
import struct
import subprocess
import sys
import threading
import time

import mysql_client as my
from mysql_client import DEPRECATE_EOF, USUAL, execute

HOST, PORT = "127.0.0.1", 3306
SECRET = "Xq7Secret"  # in passwords and literals: must be nowhere in what seepwatch writes
CASES = []


def case(name, apart=0, rows=0, failures=0, quits=0, exact=True, needs=None, why=""):
    """apart: Questions of the server's that are no statements; quits: the same of COM_QUIT, beside those of the raw
    clients; rows, failures: what is to be seen beyond the server's.  exact: the raw clients' affected rows are all."""

    def add(function):
        CASES.append((name, apart, rows, failures, quits, exact, needs, why, function))
        return function

    return add


class Lab:
    def __init__(self, folder):
        self.folder = folder
        self.clients = []
        self.asked, self.told = 0, 0
        self.watcher = my.Client(f"{folder}/socket/s", None).start("root")

    def one(self, sql):
        """The rows of one result, texts; not captured."""
        self.watcher.send(b"\3" + sql.encode())
        self.asked += 1
        body = self.watcher.packet()
        assert body[:1] != b"\xff", body
        if body[:1] == b"\0":
            return []
        self.watcher.definitions(body[0])
        rows = []
        while True:
            body = self.watcher.packet()
            if body[:1] == b"\xfe" and len(body) < 9:
                self.told += len(rows)
                return rows
            row, at = [], 0
            while at < len(body):
                if body[at] == 0xfb:
                    row, at = row + [None], at + 1
                    continue
                size, at = my.take_number(body, at)
                row, at = row + [body[at:at + size].decode(errors="replace")], at + size
            rows.append(row)

    def status(self):
        asked, told = self.asked + 1, self.told
        counts = {name: int(value) for name, value in self.one(
            "show global status where variable_name in ('Questions', 'Rows_sent')")}
        return counts["Questions"] - asked, counts["Rows_sent"] - told

    def open(self, split=0):
        client = my.Client(HOST, PORT, split)
        self.clients.append(client)
        return client

    def client(self, user="tester", password="", database="crm", split=0, **options):
        return self.open(split).start(user, password, database, **options)

    def run(self, program, *arguments, status=0, stdin="", user="tester", password=None, plain=True):
        words = [program, "--no-defaults", "-h", HOST, "-P", str(PORT), "-u", user]
        words += [f"-p{password}"] if password else []
        done = subprocess.run(words + list(arguments), input=stdin, text=True, cwd=self.folder, capture_output=True,
                              timeout=60, env={"PATH": "/usr/bin:/bin", "HOME": self.folder, "LC_ALL": "C"})
        assert status is None or done.returncode == status, (words, arguments, done.returncode, done.stderr)
        return done

    def mariadb(self, sql, *arguments, **options):
        return self.run("mariadb", "--ssl=0", "-B", "-D", "crm", *arguments, stdin=sql, **options)

    def node(self, script):
        with open(f"{self.folder}/npm/script.js", "w") as out:
            out.write("const SECRET = '" + SECRET + "', HOST = '" + HOST + "';\n(async () => {\n" + script +
                      "\n})().catch(e => { console.error(e); process.exit(1); });\n")
        done = subprocess.run(["node", "script.js"], cwd=f"{self.folder}/npm", capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr

    def quiet(self):
        """Waits until no connection but the watcher's is left."""
        for _ in range(500):
            if self.one("select count(*) from information_schema.processlist where id <> connection_id() and"
                        " command not in ('Daemon', 'Slave_worker')") == [["0"]]:
                return
            time.sleep(0.01)
        raise TimeoutError(self.one("show full processlist"))

    def errors(self):
        try:
            with open(f"{self.folder}/data/db/sql_errors.log", encoding="utf-8", errors="replace") as log:
                return sum(" ERROR " in line for line in log)
        except FileNotFoundError:
            return 0


# --- logins


@case("logins of each kind, accepted and refused")
def logins(lab):
    lab.client().query("select 1").close()
    lab.client("native", SECRET).query("select 1").close()
    lab.client("native", SECRET, database=None, capabilities=USUAL & ~my.PLUGIN_AUTH).query("select 1").close()
    for user in "native", "tester", "nobody":
        try:
            lab.client(user, "wrong" + SECRET)
            raise AssertionError(user)
        except my.Failure:
            pass
    try:
        lab.client("tester", "", "nowhere")
        raise AssertionError("nowhere")
    except my.Failure:
        pass


@case("ed25519", quits=1, exact=False)
def ed25519(lab):
    lab.mariadb("select 1", user="modern", password=SECRET)
    lab.mariadb("select 1", user="modern", password="wrong" + SECRET, status=1)


@case("another account in the same connection", apart=4, why="4 COM_CHANGE_USER and COM_RESET_CONNECTION")
def change_user(lab):
    client = lab.client()
    client.query("select 1")
    client.change_user("native", SECRET, "mysql")
    client.query("select database(), 2", "select 3 union select 4")
    client.command(0x1f)
    client.query("select 5")
    client.change_user("tester", "", "crm")
    client.query("select 6")
    try:
        client.change_user("native", "wrong" + SECRET)
        raise AssertionError
    except my.Failure:
        client.query("select user()")
    client.close()


@case("every packet a byte at a time")
def bytewise(lab):
    client = lab.client("native", SECRET, split=1)
    client.query("select 1; select 2 union select 3")
    statement = client.prepare("select ?")
    client.execute(statement, [b"5"])
    client.close()


# --- queries


@case("text rows, with and without EOF packets")
def text_rows(lab):
    for capabilities in USUAL, USUAL | DEPRECATE_EOF, USUAL | DEPRECATE_EOF | my.SESSION_TRACK:
        client = lab.client(capabilities=capabilities)
        client.query("select seq from seq_1_to_1000", "select 1 where false", "select null, '', 'x' from seq_1_to_7")
        client.query("show variables like 'ver%'", "select repeat('x', 300), repeat('y', 70000) from seq_1_to_20")
        client.query("select " + ", ".join(["1"] * 1500), "explain select 1", "show tables from mysql")
        client.close()


@case("extended metadata, and metadata that the client has")
def metadata(lab):
    extended = my.CACHE_METADATA | my.EXTENDED_METADATA | my.PROGRESS | my.BULK
    for capabilities in USUAL & ~1, (USUAL | DEPRECATE_EOF) & ~1:
        client = lab.client(capabilities=capabilities, extended=extended)
        client.query("select json_array(seq), point(1, 2) from seq_1_to_12")
        statement = client.prepare("select seq, ? from seq_1_to_30")
        for n in range(3):
            client.execute(statement, [str(n).encode()])
        client.close()


@case("several statements in one query", rows=2, why="the server does not count the rows of RETURNING")
def several(lab):
    client = lab.client(capabilities=USUAL | DEPRECATE_EOF)
    client.query("select 1; select seq from seq_1_to_10; create temporary table t (a int); insert into t values (1), (2)")
    client.query("insert into t select seq from seq_3_to_9; show warnings; select * from t; do 1; ; select 1")
    client.query("update t set a = a + 1 where a > 5; delete from t where a > 8; values (1), (2), (3);")
    client.query(f"select '{SECRET}; select 1', \"{SECRET};\", 'a\\';{SECRET}' -- ; select\n /* ; /* ; */; select 2")
    client.query("begin; select 1; commit; select 2; selct; select 3", "insert into t values (7), (8) returning a; select 9")
    client.close()


@case("3,000 statements in one query")
def many(lab):
    client = lab.client()
    client.query("select seq from seq_1_to_2;" * 3000)
    client.query("do 1;" * 3000 + "select 1; selct; select 2")
    client.close()


@case("procedures and blocks")
def procedures(lab):
    client = lab.client()
    client.query("create or replace procedure three(n int) begin select 1; select seq from seq_1_to_5; if n > 1 then"
                 " select 2; end if; end")
    client.query("call three(1)", "call three(2); select 7; call three(1)", "select 8; call three(2)")
    client.query("begin not atomic select 1; select seq from seq_1_to_3; end", "select 1; call nothing(); select 2")
    client.query("create or replace procedure bad() begin select 1; select seq from seq_1_to_4; signal sqlstate '45000';"
                 " end", "call bad(); select 1", "select 9")
    statement = client.prepare("call three(?)")
    client.execute(statement, [b"2"])
    client.query("drop procedure three; drop procedure bad")
    client.close()


@case("errors")
def errors(lab):
    for capabilities in USUAL, USUAL | DEPRECATE_EOF:
        client = lab.client(capabilities=capabilities)
        client.query("selct 1", "select * from nowhere", "select 1/0", "select 'x", "", "-- nothing",
                     "select cast(seq as int), json_value(seq, '$'), 1 from seq_1_to_5",
                     "select exp(710 + if(seq > 40, 1000, 0)) - exp(seq) from seq_1_to_100",
                     "select (select 1 union select 2)", "create table crm.dup (a int primary key)",
                     "insert into dup values (1), (1)", "drop table dup", "use nowhere")
        assert len(client.errors) >= 6, client.errors
        client.close()


@case("changes, and how many", rows=1, why="a row of RETURNING")
def changes(lab):
    client = lab.client(capabilities=USUAL & ~my.FOUND_ROWS)
    client.query("create table changed (a int primary key auto_increment, b int)",
                 "insert into changed (b) select seq from seq_1_to_1000", "update changed set b = 0 where a <= 300",
                 "update changed set b = 0 where a <= 310", "delete from changed where a > 900",
                 "insert into changed values (1, 1) on duplicate key update b = 5", "replace into changed values (2, 9)",
                 "delete from changed where a = 5 returning a", "truncate changed", "drop table changed",
                 "create table copied as select seq from seq_1_to_50", "drop table copied",
                 "select seq from seq_1_to_3 into @a, @b, @c")
    client.close()


@case("USE, by query and by command", apart=3, why="3 COM_INIT_DB")
def use(lab):
    for capabilities in USUAL, USUAL | my.SESSION_TRACK | DEPRECATE_EOF:
        client = lab.client(capabilities=capabilities)
        client.query("use mysql", "select database()", "USE `crm`;")
        client.command(0x02, b"mysql")
        client.query("select 1")
        if capabilities != USUAL:
            client.command(0x02, b"nowhere")
        client.close()


@case("other commands", apart=6, why="COM_FIELD_LIST twice, COM_SET_OPTION twice, COM_PROCESS_KILL,"
      " COM_DEBUG; the server does not count the process list's rows", rows=2)
def others(lab):
    client = lab.client()
    client.query("create table fielded (a int, b int)")
    for code in 0x0e, 0x09, 0x0d:
        client.command(code)
    client.fields("fielded")
    client.fields("nowhere")
    client.send(b"\x0a")
    client.results()
    client.command(0x1b, b"\1\0")
    client.command(0x1b, b"\0\0")
    client.command(0x0c, struct.pack("<I", 99999999))
    client.query("drop table fielded", "select 1")
    client.close()


@case("packets of 16 MiB and more")
def long_packets(lab):
    client = lab.client()
    client.query("select length('" + "x" * (my.LONGEST - 20) + "')", "select length('" + "y" * 20000000 + "')")
    for size in my.LONGEST - 5, my.LONGEST - 4, my.LONGEST - 3, 2 * my.LONGEST, 40000000:
        client.query(f"select repeat('x', {size}) union all select 'y'")
    statement = client.prepare("select ?, length(?)")
    client.execute(statement, [b"a", b"z" * 17000000])
    client.close()


@case("files of the client's")
def files(lab):
    client = lab.client(capabilities=USUAL | DEPRECATE_EOF)
    client.query("create table loaded (a int)")
    client.file = [b"1\n2\n", b"3\n4\n"]
    client.query("load data local infile 'x' into table loaded")
    client.file = [b"%d\n" % n for n in range(600)]
    client.query("load data local infile 'x' into table loaded; select 1")
    client.file = []
    client.query("load data local infile 'x' into table loaded", "select count(*) from loaded", "drop table loaded")
    client.close()


# --- prepared statements


@case("prepared statements")
def prepared(lab):
    for capabilities in USUAL, USUAL | DEPRECATE_EOF:
        client = lab.client(capabilities=capabilities)
        client.query("create temporary table p (a varchar(100), b int)")
        put = client.prepare("insert into p values (?, ?)")
        for n in range(5):
            client.execute(put, [SECRET.encode(), str(n).encode()])
        client.execute(put, [None, None])
        get = client.prepare("select a, b, 'z' from p where b >= ? or ? is null")
        none = client.prepare("select seq from seq_1_to_300")
        nothing = client.prepare("do 1")
        assert client.prepare("selct") is None
        for n in range(3):
            client.execute(get, [b"2", None])
            client.execute(none)
            client.execute(nothing)
        client.execute(99, [b"1"])
        client.send(struct.pack("<BI", 0x19, get))
        client.execute(get, [b"1", b"2"])
        client.command(0x1a, struct.pack("<I", none))
        client.execute(none)
        client.query("prepare s from 'select seq from seq_1_to_4 where seq < ?'", "set @a = 3", "execute s using @a",
                     "deallocate prepare s")
        client.close()


@case("cursors", apart=2 * (4 + 1), rows=2 * 100, why="COM_STMT_FETCH; the server does not count their rows")
def cursors(lab):
    for capabilities in USUAL, USUAL | DEPRECATE_EOF:
        client = lab.client(capabilities=capabilities)
        statement = client.prepare("select seq, 'abc' from seq_1_to_100")
        client.execute(statement, flags=1)
        for rows in 10, 30, 5, 500:
            client.fetch(statement, rows)
        client.fetch(statement, 1)
        client.execute(statement)
        client.command(0x1a, struct.pack("<I", statement))
        client.close()


@case("long data", apart=3, why="COM_STMT_SEND_LONG_DATA")
def long_data(lab):
    client = lab.client()
    statement = client.prepare("select length(?), 1")
    for piece in b"a" * 1000, b"b" * 100000, b"c":
        client.send(struct.pack("<BIH", 0x18, statement, 0) + piece)
    body = struct.pack("<BIBI", 0x17, statement, 0, 1) + b"\0\1\xfd\0"
    client.send(body)
    client.results()
    client.query("select 1")
    client.close()


@case("bulk, and what was prepared last", exact=False)
def bulk(lab):
    client = lab.client(capabilities=(USUAL | DEPRECATE_EOF) & ~1, extended=my.BULK)
    client.query("create temporary table b (a varchar(100))")
    statement = client.prepare("insert into b values (?)")
    rows = b"".join(b"\0" + my.text(b"%s %d" % (SECRET.encode(), n)) for n in range(500))
    client.send(struct.pack("<BIH", 0xfa, statement, 128) + b"\xfd\0" + rows)
    client.results()
    for _ in range(20):
        client.send(b"\x16select seq from seq_1_to_9 where seq < ?", execute(-1, [b"5"]))
        last = client.prepared()
        client.results()
        client.send(struct.pack("<BI", 0x19, last))
    client.send(b"\x16select nowhere", execute(-1))
    assert client.prepared() is None
    client.results()
    client.query("select count(*) from b")
    client.close()


@case("commands ahead of their answers")
def pipelined(lab):
    client = lab.client(capabilities=USUAL | DEPRECATE_EOF)
    statement = client.prepare("select seq from seq_1_to_3 where seq < ?")
    client.send(*[b"\3select 1"] * 50, b"\3select seq from seq_1_to_40; select 2", b"\3selct", b"\3select 3")
    client.results(53)
    client.send(*[execute(statement, [b"%d" % (n % 5)]) for n in range(200)])
    client.results(200)
    reader = threading.Thread(target=client.results, args=(4000,))
    reader.start()
    client.send(*[b"\3do 1", b"\3select 2"] * 2000)
    reader.join()
    client.close()


# --- the compressed protocol


@case("customers: one, a hundred, ten thousand, and again")
def customers(lab):
    """Returns the customers of each transaction that has some, and of each session."""
    maker = lab.client()
    maker.query("create table cust (customer_id int, msisdn varchar(20), number bigint, email varchar(40), n int) as select"
                " 100000 + seq as customer_id, concat('4670', lpad(seq, 7, '0')) as msisdn, 46700000000 + seq as number,"
                " concat('n', seq, '@example.org') as email, seq as n from seq_1_to_10000")
    seen = []
    for capabilities, extended in ((USUAL, 0), (USUAL | DEPRECATE_EOF, my.EXTENDED_METADATA), (USUAL | my.COMPRESS, 0),
                                   (USUAL | DEPRECATE_EOF, my.CACHE_METADATA | my.BULK)):
        client = lab.client(capabilities=capabilities, extended=extended)
        client.query("select n from cust where n = 1", "select n, msisdn from cust where msisdn = '46700000001'",
                     "select n from cust where email in ('n1@example.org', 'N2@example.org', 'n2@EXAMPLE.org')",
                     "select * from cust where n <= 100", "select msisdn from cust where n <= 50 union all select msisdn"
                     " from cust where n <= 50", "select msisdn as a, repeat('x', n % 3000) from cust",
                     "select concat('+', msisdn) as b from cust where n <= 100",
                     "select n from cust where msisdn between '46700000001' and '46700000009'")
        statement = client.prepare("select n, number as msisdn, email from cust where n < ? and (msisdn = ? or number > 1)")
        for n in 11, 301, 301:
            client.execute(statement, [b"%d" % n, b"46700000001"])
        client.close()
        seen += [1, 2, 100, 50, 10000, 100, 10, 300, 300]
    maker.query("drop table cust")
    maker.close()
    # by their telephones, a hundred by their numbers of customers, and two by their addresses
    return {"transactions": seen, "sessions": [10000 + 100 + 2] * 4}


@case("the compressed protocol")
def compressed(lab):
    for capabilities in USUAL, USUAL | DEPRECATE_EOF:
        client = lab.client("native", SECRET, capabilities=capabilities | my.COMPRESS)
        client.query("select 1", "select seq, repeat('x', 50) from seq_1_to_20000", "select 1; select 2; selct", "do 1")
        client.query("select '" + SECRET * 20 + "', 2", "select repeat('x', 40000000)", "select 'y'")
        client.query("select md5(seq), md5(rand()), rand() from seq_1_to_30000")
        statement = client.prepare("select seq from seq_1_to_1000 where seq < ?")
        for n in range(5):
            client.execute(statement, [b"%d" % (n * 100)])
        client.query("select length('" + "x" * 20000000 + "')")
        client.close()


@case("compressed, a byte at a time")
def compressed_bytewise(lab):
    client = lab.client("native", SECRET, split=1, capabilities=USUAL | my.COMPRESS)
    client.query("select 1; select 2 union select 3", "select repeat('x', 1000) from seq_1_to_100 where '" + "y" * 100 +
                 "' is not null")
    client.close()


@case("compressed, ahead of the answers")
def compressed_pipelined(lab):
    client = lab.client(capabilities=USUAL | my.COMPRESS)
    client.send(*[b"\3select seq, 'compressible, compressible' from seq_1_to_9"] * 100)
    client.results(100)
    client.close()


# --- other clients


@case("mariadb", quits=3, apart=1, why="1 COM_INIT_DB", exact=False)
def mariadb(lab):
    lab.mariadb("create temporary table t (a int, b text);\ninsert into t values (1, 'x'), (2, 'y');\nselect * from t;\n"
                "use mysql;\nselect 1;\ndelimiter //\nselect 2; select 3//\n")
    lab.mariadb("select seq from seq_1_to_5000;\nselect repeat('x', 100000) from seq_1_to_30;\n", "--compress")
    with open(f"{lab.folder}/loaded", "w") as out:
        out.writelines(f"{n}\n" for n in range(100000))
    lab.mariadb("create table loaded (a int);\nload data local infile 'loaded' into table loaded;\n"
                "select count(*) from loaded;\ndrop table loaded;\n", "--local-infile=1", "--quick")


@case("mariadb with errors", quits=2, exact=False)
def mariadb_errors(lab):
    lab.mariadb("select 1;\nselect nothing;\nselect 2;\n", "--force")
    lab.mariadb("selct;\nselect 2;\n", status=1)


@case("mariadb-admin", quits=3, exact=False)
def admin(lab):
    for command in "ping", "status", "extended-status":
        lab.run("mariadb-admin", "--ssl=0", command)


@case("mariadb-dump and the way back", quits=3, exact=False, apart=2, rows=1, why="2 COM_INIT_DB; SHOW CREATE's row")
def dump(lab):
    lab.mariadb("create table kept (a int primary key, b text);\ninsert into kept select seq, repeat('x', seq) from"
                " seq_1_to_2000;\n")
    dumped = lab.run("mariadb-dump", "--ssl=0", "crm", "kept").stdout
    lab.mariadb(dumped + "select count(*) from kept;\ndrop table kept;\n")


def sysbench(lab, *options):
    for kind, threads, step in (("oltp_read_write", 4, "prepare"), ("oltp_read_write", 1, "run"),  # alone: no deadlocks
                                ("oltp_read_only", 4, "run"), ("oltp_read_write", 1, "cleanup")):
        subprocess.run(["sysbench", "--db-driver=mysql", f"--mysql-host={HOST}", "--mysql-user=tester", "--mysql-db=crm",
                        "--mysql-ssl=off", "--tables=2", "--table-size=500", f"--threads={threads}", "--events=40",
                        "--time=0", "--verbosity=1", *options, kind, step], check=True, timeout=60,
                       stdout=subprocess.DEVNULL)


@case("sysbench, prepared", quits=4 + 1 + 4 + 1, exact=False)
def sysbench_prepared(lab):
    sysbench(lab)


@case("sysbench, text", quits=4 + 1 + 4 + 1, exact=False)
def sysbench_text(lab):
    sysbench(lab, "--db-ps-mode=disable")


@case("sysbench, compressed", quits=4 + 1 + 4 + 1, exact=False)
def sysbench_compressed(lab):
    sysbench(lab, "--mysql-compression=on")


@case("npm's mysql2", quits=3, exact=False, needs="npm")
def mysql2(lab):
    lab.node("""
const mysql = require('mysql2/promise');
const connection = await mysql.createConnection({host: HOST, user: 'native', password: SECRET, database: 'crm',
    multipleStatements: true});
await connection.query('select seq from seq_1_to_2000');
await connection.query('select 1; select seq from seq_1_to_7; do 2');
await connection.execute('select seq, ? as b from seq_1_to_50 where seq > ?', [SECRET, 10]);
await connection.execute('select seq, ? as b from seq_1_to_50 where seq > ?', [SECRET, 20]);
await connection.query('select nothing').catch(() => 0);
await connection.execute('selct').catch(() => 0);
await connection.query('create temporary table m (a int)');
await connection.query('insert into m values ?', [[[1], [2], [3]]]);
await connection.ping();
await connection.end();
const packed = await mysql.createConnection({host: HOST, user: 'native', password: SECRET, database: 'crm', compress: true});
await packed.query("select seq, repeat('x', 60) from seq_1_to_3000");
await packed.execute("select seq, repeat('x', 60) from seq_1_to_3000");
await packed.query("select '" + 'y'.repeat(100000) + "'");
await packed.end();
const pool = mysql.createPool({host: HOST, user: 'native', password: SECRET, database: 'crm', connectionLimit: 1});
await Promise.all([1, 2, 3].map(n => pool.query('select ?', [n])));
await pool.end();
""")


@case("npm's mariadb", quits=2, exact=False, needs="npm")
def mariadb_connector(lab):
    lab.node("""
const mariadb = require('mariadb');
for (const compress of [false, true]) {
    const connection = await mariadb.createConnection({host: HOST, user: 'native', password: SECRET, database: 'crm',
        compress, pipelining: true});
    await Promise.all(Array.from({length: 50}, (_, n) => connection.query('select seq from seq_1_to_9 where seq > ?', [n % 9])));
    await Promise.all(Array.from({length: 50}, (_, n) => connection.execute('select seq, ? as b from seq_1_to_9', [SECRET + n])));
    await connection.query('create temporary table m (a int, b varchar(100))');
    await connection.batch('insert into m values (?, ?)', Array.from({length: 300}, (_, n) => [n, SECRET]));
    await connection.query('select * from m');
    await connection.query('selct').catch(() => 0);
    await connection.end();
}
""")


@case("replication", apart=1, exact=False, why="COM_BINLOG_DUMP")
def replication(lab):
    lab.run("mariadb-binlog", "--ssl=0", "--read-from-remote-server", "log.000001", user="root2")


@case("encryption: nothing of it is seen", exact=False, needs="nothing seen")
def encrypted(lab):
    lab.run("mariadb", "--ssl", "-D", "crm", "-e", "select seq from seq_1_to_7; select 1")


def sample(lab):
    """Short connections of each kind, for the laws that every capture must obey."""
    rows = "select seq, md5(seq), nullif(seq % 3, 0), repeat('x', seq % 40) from seq_1_to_300"
    eofs = USUAL, USUAL | DEPRECATE_EOF | my.SESSION_TRACK
    for capabilities in eofs:
        client = lab.client(capabilities=capabilities)
        client.query(rows, "select 1")
        client.close()
        client = lab.client(capabilities=capabilities)
        statement = client.prepare(rows.replace("300", "200 where seq > ?"))
        client.execute(statement, [b"10"])
        client.execute(statement, [b"150"])
        client.send(struct.pack("<BI", 0x19, statement))
        client.close()
        client = lab.client(capabilities=capabilities)
        client.query("select 1; " + rows.replace("300", "50") + "; do 1; select 2", "use mysql", "select 3; selct")
        client.query("create temporary table t (a int)", "insert into t values (1), (2), (3)", "select repeat('x', 9000)"
                     " from seq_1_to_3", "select 4")
        client.close()
        client = lab.client(capabilities=capabilities)
        statement = client.prepare("select seq, seq * 1000000007, null from seq_1_to_400")
        client.execute(statement, flags=1)
        for count in 100, 200, 200:
            client.fetch(statement, count)
        client.close()
        client = lab.client("native", SECRET, capabilities=capabilities | my.COMPRESS)
        client.query("select 1", rows, "select seq from seq_1_to_500", "select 2")
        client.close()
    client = lab.client(capabilities=USUAL | DEPRECATE_EOF, extended=my.CACHE_METADATA | my.BULK)
    statement = client.prepare("select seq, ? from seq_1_to_30")
    for n in range(3):
        client.execute(statement, [b"%d" % n])
    client.close()


def drive(folder):
    lab = Lab(folder)
    for sql in ("create database crm",
                "create user tester@'%'", "grant all on *.* to tester@'%' with grant option",
                "create user root2@'%'", "grant all on *.* to root2@'%'",
                f"create user native@'%' identified by '{SECRET}'", "grant all on *.* to native@'%'",
                f"create user modern@'%' identified via ed25519 using password('{SECRET}')", "grant all on *.* to modern@'%'"):
        lab.one(sql)
    if os.environ.get("SAMPLE"):
        sample(lab)
        lab.quiet()
        return
    results = []
    only = os.environ.get("CASE")
    for name, apart, rows, failures, quits, exact, needs, why, function in CASES:
        if (needs == "npm" and not os.path.isdir(f"{folder}/npm")) or (only and only not in name):
            continue
        lab.quiet()
        lab.clients.clear()
        begin = time.time_ns()
        questions, sent, errors = *lab.status(), lab.errors()
        told = function(lab)
        lab.quiet()
        after, sent_after = lab.status()
        results.append({
            "name": name, "begin": begin, "requests": after - questions - apart - quits - sum(c.quits for c in lab.clients),
            "rows": sent_after - sent + rows, "failures": lab.errors() - errors + failures, "why": why,
            "affected": sum(c.affected for c in lab.clients) if exact else None,
            "received": sum(c.rows for c in lab.clients) if exact else None,
            "customers": told, "is_hidden": needs == "nothing seen"})
        time.sleep(0.005)
    with open(f"{folder}/cases.json", "w") as out:
        json.dump(results, out, indent=1)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    drive(sys.argv[1])
