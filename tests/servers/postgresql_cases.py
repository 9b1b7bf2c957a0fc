"""Drives a PostgreSQL server case by case.

    postgresql_cases.py FOLDER PG_BIN    FOLDER has the socket and the log; FOLDER/cases.json gets the server's counts
"""
import json
import os
import struct
import subprocess
import sys
import threading
import time

import postgresql_client as pg
from postgresql_client import COPY_DONE, FLUSH, SYNC, bind, close, copy_data, copy_fail, describe, execute, parse, query

HOST, PORT = "127.0.0.1", 5432
SECRET = "Xq7Secret"  # in passwords and literals: must be nowhere in what seepwatch writes
CASES = []


def case(name, requests=0, rows=0, why=""):
    """requests, rows: what is to be seen beyond the server's calls, errors and rows."""

    def add(function):
        CASES.append((name, requests, rows, why, function))
        return function

    return add


class Lab:
    def __init__(self, folder, binaries):
        self.folder, self.binaries = folder, binaries
        self.clients = []
        self.watcher = pg.Client(f"{folder}/socket", PORT).start("postgres", "postgres")
        self.one("set pg_stat_statements.track = none")

    def one(self, sql):
        self.watcher.data.clear()
        self.watcher.query(sql)
        assert not self.watcher.errors, self.watcher.errors
        values = []
        for body in self.watcher.data[:1]:
            at = 2
            for _ in range(struct.unpack("!H", body[:2])[0]):
                size = struct.unpack("!i", body[at:at + 4])[0]
                values.append(body[at + 4:at + 4 + max(size, 0)].decode())
                at += 4 + max(size, 0)
        return values

    def open(self, split=0):
        client = pg.Client(HOST, PORT, split)
        self.clients.append(client)
        return client

    def client(self, user="tester", split=0, password="", database="crm", **parameters):
        return self.open(split).start(user, database, password, **parameters)

    def run(self, program, *arguments, status=0, stdin="", user="tester", **environment):
        environment = {"PATH": "/usr/bin:/bin", "PGHOST": HOST, "PGUSER": user, "PGDATABASE": "crm",
                       "PGSSLMODE": "disable", "LC_ALL": "C", "HOME": self.folder, **environment}
        done = subprocess.run([f"{self.binaries}/{program}", *arguments], input=stdin, env=environment, text=True,
                              cwd=self.folder, capture_output=True, timeout=30)
        assert status is None or done.returncode == status, (program, arguments, done.returncode, done.stderr)
        return done

    def psql(self, sql, *arguments, **options):
        return self.run("psql", "-X", "-q", *arguments, stdin=sql, **options)

    def quiet(self):
        """Waits until no connection but the watcher's is left."""
        for _ in range(200):
            if self.one("select count(*) from pg_stat_activity where pid <> pg_backend_pid() and (backend_type ="
                        " 'client backend' or backend_type = 'walsender')") == ["0"]:
                return
            time.sleep(0.01)
        raise TimeoutError(self.one("select query from pg_stat_activity where backend_type = 'client backend'"))


# --- start-up


@case("logins of each kind, accepted and refused", requests=-4, why="logins are counted apart")
def logins(lab):
    for user in "tester", "md5er", "scrammer", "plainer":
        lab.client(user, password=SECRET).query("select 1").close()
    for user in "md5er", "scrammer", "plainer", "nobody":
        try:
            lab.client(user, password="wrong" + SECRET)
            raise AssertionError(user)
        except pg.Failure:
            pass


@case("encryption refused, protocol 3.2, the wish of a later one")
def versions(lab):
    client = lab.open()
    assert client.ask(pg.SSL_REQUEST) == b"N"
    client.start("scrammer", "crm", SECRET, version=pg.PROTOCOL_3_0 + 2)
    assert client.version is not None
    client.query("select generate_series(1, 7)").close()
    client = lab.open().start("tester", "crm", version=pg.PROTOCOL_3_0 + 9999, **{"_pq_.unheard": "of"})
    assert client.version is not None
    client.query("select generate_series(1, 7)").close()


@case("every message a byte at a time")
def bytewise(lab):
    client = lab.client("scrammer", split=1, password=SECRET)
    client.query("select 1; select generate_series(1, 3)")
    client.send(parse("select generate_series(1, $1::int)"), bind([b"5"]), describe(), execute(), SYNC)
    client.until()
    client.close()


# --- simple queries


@case("several statements in one query", rows=8, why="INSERT .. RETURNING counts once at the server; SHOW's row is none")
def several(lab):
    client = lab.client()
    client.query("select 1; select generate_series(1, 10); create temp table t (a int); insert into t values (1), (2)")
    client.query("insert into t select generate_series(3, 9) returning a; show work_mem; table t")
    client.query("update t set a = a + 1 where a > 5; delete from t where a > 8; values (1), (2), (3)")
    client.query(f"select '{SECRET}; select 1', $${SECRET};$$, E'\\';{SECRET}' -- ; select\n /* ; /* ; */ */; select 2")
    client.query("begin; select 1; commit; select from t; select null, null from t; end")
    client.close()


@case("empty queries and comments")
def empty(lab):
    client = lab.client()
    for sql in "", ";", " ;; ; ", "-- nothing\n", "/* nothing */;":
        client.query(sql)
    client.query("; select 1; ; select generate_series(1, 3);")
    client.send(parse(""), bind(), describe(), execute(), SYNC)
    client.until()
    client.query("select 1")
    client.close()


@case("errors, and transactions that they end", requests=-1, rows=-2,
      why="a deferred constraint fails after its statement and two rows were counted")
def errors(lab):
    client = lab.client()
    for sql in ("selct 1", "select 1; selct 2", "select 1; select 1/0; select 2", "select * from nowhere", "select 'x",
                "create temp table d (a int unique deferrable initially deferred); begin; select 1/0; select 1",
                "select 2; select 3", "commit", "create temp table d (a int unique deferrable initially deferred)",
                "insert into d values (1), (1)", "select 4"):
        client.query(sql)
    assert client.errors == ["42601", "42601", "22012", "42P01", "42601", "22012", "25P02", "23505"], client.errors
    client.close()


@case("a statement of 200 KB, and one of 100,000 with 3,000 statements")
def huge(lab):
    client = lab.client()
    client.query("select '" + "x" * 200000 + "'; select 1")
    client.query("select generate_series(1, 2);" * 3000)
    client.query("select generate_series(1, 2);" * 3000 + "select 1/0; select 1")
    client.send(parse("select $1 || '" + "y" * 100000 + "'"), bind([b"z" * 100000]), execute(), SYNC)
    client.until()
    client.close()


@case("rows wider than 64 KB, of 1,600 columns, of none")
def wide(lab):
    client = lab.client()
    client.query("select repeat('x', 70000 + n), n from generate_series(1, 40) as n")
    client.query("select repeat('x', 5000000) from generate_series(1, 3)")
    client.query("select " + ", ".join(["null"] * 1600) + " from generate_series(1, 20)")
    client.query("select from generate_series(1, 5000)")
    client.close()


@case("notices, LISTEN and NOTIFY")
def notices(lab):
    client, other = lab.client(), lab.client()
    client.query("listen news; do $$begin raise notice 'a notice; of it'; raise warning 'and more'; end$$")
    other.query(f"notify news, '{SECRET}'; select pg_notify('news', 'a'), pg_notify('news', 'b')")
    client.until("A", 3)
    client.query("select 1; unlisten *")
    other.close()
    client.close()


@case("definitions", rows=2 + 1, why="EXPLAIN's lines and CALL's row are no rows of the server's")
def definitions(lab):
    client = lab.client()
    client.query("create table made as select generate_series(1, 12) as a; select a into made2 from made where a > 4")
    client.query("create function twice(a int) returns int begin atomic select a; select a * 2; end; select twice(2)")
    client.query("create procedure nothing(inout a int) language sql begin atomic select a; select 7; end;call nothing(1)")
    client.query("explain (costs off) select a from made where a = 1 order by a")
    client.query("create view seen as select * from made; select * from seen; drop view seen; analyze made")
    client.query("vacuum made")
    client.query("do $$begin perform 1; delete from made where a = 1; end$$; truncate made2; drop procedure nothing")
    client.query("merge into made using (values (3), (77)) as v(b) on a = b when matched then update set a = -3"
                 " when not matched then insert values (b)")
    client.query("drop table made, made2; drop function twice")
    client.close()


@case("rules and triggers", requests=-3 + 1,
      why="DO ALSO: 3 actions that the server counts beside their statements; DO INSTEAD NOTHING: 1 that it does not")
def rules(lab):
    client = lab.client()
    client.query("create table main (a int); create table log (a int)")
    client.query("create rule also as on insert to main do also insert into log values (new.a)")
    client.query("insert into main values (1), (2)")
    client.send(parse("insert into main select generate_series(1, 5)"), bind(), execute(), SYNC)
    client.until()
    client.query("drop rule also on main; create rule also as on delete to main do also select count(*) from log")
    client.query("delete from main where a = 5")
    client.query("drop rule also on main; create rule never as on update to main do instead nothing")
    client.query("update main set a = 1; drop rule never on main")
    client.query("create function noted() returns trigger language plpgsql as $$begin insert into log values (new.a);"
                 " return new; end$$; create trigger noted after insert on main for each row execute function noted()")
    client.query("insert into main values (1), (2), (3); drop table main, log; drop function noted")
    client.close()


@case("cursors of SQL")
def cursors(lab):
    client = lab.client()
    client.query("begin; declare c scroll cursor for select generate_series(1, 100)")
    client.query("fetch 7 from c; move 20 in c; fetch backward 5 from c; fetch all from c; fetch next from c; close c")
    client.query("commit")
    client.query("begin")
    client.query("declare d cursor with hold for select generate_series(1, 10)")
    client.query("commit; fetch 4 from d; close d")
    client.close()


@case("PREPARE, EXECUTE and DEALLOCATE", requests=-1, rows=2 + 2,
      why="PREPARE is none, failed or not; the rows of RETURNING; EXPLAIN's lines")
def prepared(lab):
    client = lab.client()
    client.query("create temp table t (a int); prepare get (int) as select generate_series(1, $1)")
    client.query("execute get(5); execute get(6)")
    client.query("prepare put as insert into t values ($1) returning a; execute put(1); execute put(2)")
    client.query("prepare wrong as select nowhere")
    client.query("create temp table made as execute get(9); explain execute get(1)")
    client.send(bind([b"3"], name="get"), execute(), SYNC)
    client.until()
    client.query("deallocate get; deallocate all; execute get(1)")
    client.close()


# --- extended queries


@case("extended queries: NULL, binary, named, closed")
def extended(lab):
    client = lab.client()
    client.send(parse("select $1::text, $2::int, null from generate_series(1, 4)"), bind([None, b"7"]), describe(),
                execute(), SYNC)
    client.until()
    client.send(parse("select generate_series(1, $1::int)", "named"), describe("S", "named"), SYNC)
    client.until()
    for n in range(1, 6):
        client.send(bind([str(n).encode()], "named", "p", binary=True), describe("P", "p"), execute("p"), SYNC)
        client.until()
    client.send(close("S", "named"), close("P", "p"), SYNC, parse("begin"), bind(), execute(), SYNC)
    client.until(times=2)
    client.send(parse("commit"), bind(), execute(), FLUSH)
    client.until("C")
    client.send(SYNC)
    client.until()
    client.close()


@case("portals in portions", rows=10 + 100 + 5,
      why="the server (before version 16) counts only a portal's last portion: of 10, 0; of 105, 5; of 10, 5")
def portions(lab):
    client = lab.client()
    client.send(parse("select generate_series(1, 10)"), bind(), execute(rows=5), execute(rows=5), execute(rows=5), SYNC)
    client.until()
    client.query("begin")
    client.send(parse("select generate_series(1, 105)", "s"), bind(name="s", portal="one"), SYNC)
    client.until()
    for _ in range(11):
        client.send(execute("one", rows=10), SYNC)
        client.until()
    client.send(bind(name="s", portal="two"), execute("two", 5), FLUSH)
    client.until("s")
    client.send(execute("two", 5), close("P", "two"), SYNC)
    client.until()
    client.query("commit")
    client.close()


@case("pipelines with errors in the middle", requests=-1 - 1 + 1, rows=3,
      why="the failed Sync's statement was counted before; a Parse is none; a result before a failed Parse was not counted")
def pipelines(lab):
    client = lab.client()
    one = parse("select generate_series(1, 3)") + bind() + execute()
    bad = parse("select 1/0") + bind() + describe() + execute()
    unparsed = parse("selct") + bind() + execute()
    client.send(one, one, bad, one, unparsed, SYNC, one, SYNC, one, unparsed, one, SYNC, SYNC, bad, SYNC, one, SYNC)
    client.until(times=6)
    client.send(parse("selct"), SYNC, one, SYNC, parse("select 1", "n"), FLUSH)
    client.until(times=2)
    client.send(SYNC, query("select 1; select 2"), one, SYNC, query("select 1/0; select 1"), query("select 3"))
    client.until(times=5)
    client.send(unparsed[:-10], FLUSH)
    client.until("E")
    client.send(execute(), one, SYNC, one, SYNC)
    client.until(times=2)
    client.query("create temp table d (a int unique deferrable initially deferred)")
    client.send(parse("insert into d values (1), (1)"), bind(), execute(), SYNC, one, SYNC)
    client.until(times=2)
    client.close()


@case("8,000 statements before one answer is read")
def flood(lab):
    client = lab.client()
    client.send(parse("select generate_series(1, $1::int)", "s"), SYNC)
    client.until()
    reader = threading.Thread(target=client.until, args=("Z", 11))
    reader.start()
    client.send((bind([b"2"], "s") + execute()) * 8000, SYNC, *[bind([b"1"], "s"), execute(), SYNC] * 10)
    reader.join()
    reader = threading.Thread(target=client.until, args=("Z", 3001))
    reader.start()
    client.send(*[bind([b"3"], "s"), execute(), SYNC] * 3000, bind([b"x"], "s"), execute(), SYNC)
    reader.join()
    client.close()


@case("FunctionCall", requests=-2, why="a failed FunctionCall is none")
def functions(lab):
    client = lab.client()
    client.query("begin")
    for function, arguments in ((957, [b"\0\0\0\0"]), (999999, []), (957, [b"\0\0\0\0"])):
        client.send(pg.call(function, arguments))
        client.until()
    client.query("rollback; select 1")
    client.send(pg.call(1598, []), pg.call(1598, []), query("select 5"))
    client.until(times=3)
    client.close()


@case("cancelled and ended by others", requests=-1, rows=1,
      why="the end of an idle session is none; a row was sent before the session's end")
def cancelled(lab):
    client = lab.client()
    threading.Timer(0.2, client.cancel, (HOST, PORT)).start()
    client.query("select 1; select pg_sleep(10); select 2")
    assert client.errors == ["57014"]
    client.query("select 3; set idle_session_timeout = 100")
    client.until("E")
    client.socket.close()
    client = lab.client()
    client.query("select 1")
    client.send(query("select pg_terminate_backend(pg_backend_pid())"))
    client.until("E")
    client.socket.close()


# --- customers


@case("customers: one, a hundred, ten thousand, and again", rows=0)
def customers(lab):
    """Returns the customers of each transaction that has some, and of each session."""
    client = lab.client()
    client.query("create temp table c as select 100000 + n as customer_id, '4670' || to_char(n, 'FM0000000') as msisdn,"
                 " 'n' || n || '@example.org' as email, 'Ann' as name, n from generate_series(1, 10000) as n")
    client.query("create temp table d as select cast(msisdn as bigint) as msisdn, cast(msisdn as numeric) as phone,"
                 " substr(md5(msisdn), 1, 4) as x, '+' || msisdn as y, n from c")
    seen = []

    def ask(count, sql):
        client.query(sql)
        seen.append(count)

    def bound(count, sql, values, binary=False, described=True):
        client.send(parse(sql, "s"), *[describe("S", "s")] * described, SYNC)
        client.until()
        client.send(bind(values, "s", "p", binary), execute("p"), close("S", "s"), SYNC)
        client.until()
        seen.append(count)

    client.query("select name from c where n = 1")
    ask(1, "select customer_id, msisdn from c where msisdn = '46700000001'")
    ask(1, "select name from c where msisdn = '46799999999'")
    ask(3, "select name from c where lower(email) in ('N1@example.org', 'n2@example.org', 'n3@example.org', 'n1@EXAMPLE.org')")
    ask(100, "select * from c where n <= 100")
    ask(100, "select email, msisdn from c where n <= 100 union all select email, msisdn from c where n <= 100")
    ask(100, "select y from d where n <= 100")
    ask(10000, "select name, msisdn from c")
    ask(10000, "select c.*, repeat('x', n % 3000) as filler, email as mail from c")
    ask(100, "copy (select name, msisdn from c where n <= 100) to stdout")
    ask(100, "copy (select name, msisdn, email from c where n <= 100) to stdout (format csv, header)")
    bound(1, "select name from c where msisdn = $1 and n < $2", [b"46700000001", b"5"])
    bound(3, "select name from c where msisdn = any($1)", [b"{46700000001,46700000002,46700000003}"])
    bound(300, "select x, msisdn from d where n <= 300", [], binary=True)
    bound(300, "select x, phone, n from d where n <= 300", [], binary=True)
    bound(300, "select y from d where n <= 300", [], described=False)
    client.query("select count(*) from c where msisdn between '46700000001' and '46700000009'")
    client.query("select msisdn from c where n < 0")
    client.close()
    # by their numbers of customers, by their telephones, by three addresses, and one who is nobody
    return {"transactions": seen, "sessions": [10000 + 10000 + 3 + 1]}


# --- COPY


@case("COPY in and out")
def copies(lab):
    client = lab.client()
    client.query("create temp table t (a int, b text)")
    for n, options in enumerate(("", "(format csv, header)", "(format csv)")):
        client.send(query(f"copy t from stdin {options}"))
        client.until("G")
        client.send(copy_data(b"1\tx\n2" if n == 0 else b"1,x\n2"))
        client.send(copy_data(b"\ty\n3\t\\N\n" if n == 0 else b",y\n3,\n"), COPY_DONE)
        client.until()
    client.query("copy t to stdout")
    client.query("copy t to stdout (format csv, header); copy t to stdout (format binary); select count(*) from t")
    client.send(query("select 1; copy t from stdin; select 2; copy (select generate_series(1, 50)) to stdout; select 3"))
    client.until("G")
    client.send(copy_data(b"4\tz\n"), COPY_DONE)
    client.until()
    client.send(query("copy t from stdin; select 1"))
    client.until("G")
    client.send(copy_data(b"x\tx\n"), COPY_DONE)
    client.until()
    client.send(query("copy t from stdin"))
    client.until("G")
    client.send(copy_data(b"1\tx\n"), copy_fail("no more"))
    client.until()
    client.query("copy (select 1/(n - 300) from generate_series(1, 500) as n) to stdout")
    client.send(parse("copy t from stdin"), bind(), execute(), SYNC)
    client.until("G")
    client.send(copy_data(b"7\tx\n8\tx\n"), COPY_DONE, SYNC)
    client.until()
    client.send(parse("copy t to stdout (format binary)"), bind(), describe(), execute(), SYNC)
    client.until()
    client.query("copy (insert into t values (1), (2) returning a) to stdout")
    client.close()


# --- other clients


@case("psql", rows=1, why="SHOW's row")
def psql(lab):
    lab.psql(r"""
create temp table t (id int, name text);
\copy t from stdin csv header
id,name
1,one
2,"two
lines"
\.
select * from t;
\copy t to 'copied' csv header
\copy t to 'copied' binary
\copy t from 'copied' binary
show server_version;
select 'select 5' \gexec
select 1 as one \gset
select :one \; select 2 \; select 3;
select 1 as one \gdesc
\d t
\l
""")


@case("psql with FETCH_COUNT")
def fetch_count(lab):
    lab.psql("\\set FETCH_COUNT 3\nselect n from generate_series(1, 10) as n;\nselect 1;\n")


@case("psql, one transaction with an error")
def psql_error(lab):
    lab.psql("select 1;\nselect nothing;\nselect 2;\n", "-1", "-v", "ON_ERROR_STOP=1", status=3)
    lab.psql("begin;\nselect 1/0;\nselect 2;\ncommit;\nselect 3;\n")


PREPARED_UTILITY = 2 * (4 * 60 - 4)  # BEGIN and COMMIT of 4 clients with 60 transactions each


@case("pgbench: simple, extended, prepared", requests=PREPARED_UTILITY,
      why="the server (version 15) counts a prepared BEGIN only once")
def pgbench(lab):
    lab.run("pgbench", "-i", "-q", "-s", "1")
    for mode in "simple", "extended", "prepared":
        lab.run("pgbench", "-n", "-c", "4", "-t", "60", "-M", mode)


@case("pgbench with pipelines", requests=PREPARED_UTILITY, why="as before")
def pgbench_pipeline(lab):
    with open(f"{lab.folder}/pipeline.sql", "w") as script:
        script.write("\\startpipeline\nselect 1;\nbegin;\nselect generate_series(1, 20);\nselect aid from"
                     " pgbench_accounts where aid < 50;\ncommit;\n\\endpipeline\nselect 2;\n")
    for mode in "extended", "prepared":
        lab.run("pgbench", "-n", "-c", "4", "-t", "60", "-M", mode, "-f", "pipeline.sql")


@case("pg_dump and pg_restore")
def dump(lab):
    lab.run("pg_dump", "-f", "dump", "-Fc")
    lab.psql("create database other")
    lab.run("pg_restore", "-d", "other", "dump")
    lab.run("pg_dump", "-f", "inserts", "--inserts", "other")
    lab.psql("drop database other")


@case("replication", rows=9, why="the rows of the replication commands")
def replication(lab):
    client = lab.client(replication="database")
    client.query("IDENTIFY_SYSTEM")
    client.query("select generate_series(1, 5)")
    client.query('CREATE_REPLICATION_SLOT "logical" TEMPORARY LOGICAL "pgoutput"')
    client.query("show work_mem")
    other = lab.client()
    other.query("create table watched (a int); create publication p for table watched")
    client.send(query("START_REPLICATION SLOT \"logical\" LOGICAL 0/0 (proto_version '1', publication_names 'p')"))
    client.until("W")
    other.query(f"insert into watched values (1), (2); drop publication p; drop table watched")
    other.close()
    client.until("d", 2)
    client.socket.close()
    lab.run("pg_basebackup", "-D", "backup", "-X", "fetch", "-c", "fast", user="postgres", PGDATABASE="")


@case("encryption accepted: nothing of it is seen", requests=-2, rows=-8, why="encrypted")
def encrypted(lab):
    lab.one("alter system set ssl = on")
    lab.one("select pg_reload_conf()")
    time.sleep(0.3)
    client = lab.open()
    client.ask(pg.GSSENC_REQUEST)
    client.socket.close()
    lab.psql("select generate_series(1, 7);\nselect 1;\n", PGSSLMODE="require")


def errors_logged(folder):
    with open(f"{folder}/server.log", encoding="utf-8", errors="replace") as log:
        return sum(" ERROR:  " in line or " FATAL:  " in line for line in log)


def drive(folder, binaries):
    lab = Lab(folder, binaries)
    for sql in ("create role tester login superuser replication", "create database crm",
                "create extension pg_stat_statements", "set password_encryption = 'scram-sha-256'",
                f"create role scrammer login password '{SECRET}'", f"create role plainer login password '{SECRET}'",
                "set password_encryption = 'md5'", f"create role md5er login password '{SECRET}'"):
        lab.one(sql)
    results = []
    for name, requests, rows, why, function in CASES:
        lab.quiet()
        lab.one("select pg_stat_statements_reset()")
        lab.clients.clear()
        result = {"name": name, "begin": time.time_ns(), "failures": -errors_logged(folder)}
        started = time.time()
        customers = function(lab)
        lab.quiet()
        calls, counted = map(int, lab.one("select coalesce(sum(calls), 0), coalesce(sum(rows), 0) from pg_stat_statements"))
        result["failures"] += errors_logged(folder)
        statements = []
        if os.environ.get("KEEP"):
            lab.one("select 1")
            lab.watcher.data.clear()
            lab.watcher.query("select calls || ' ' || rows || ' ' || left(query, 90) from pg_stat_statements order by 1")
            statements = [body[6:].decode() for body in lab.watcher.data]
        result.update(calls=calls, rows=counted, more_requests=requests, more_rows=rows, why=why,
                      end=time.time_ns(), received=sum(client.rows for client in lab.clients),
                      statements=statements, customers=customers, seconds=round(time.time() - started, 2))
        results.append(result)
        time.sleep(0.005)
    with open(f"{folder}/cases.json", "w") as out:
        json.dump(results, out, indent=1)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    drive(*sys.argv[1:])
