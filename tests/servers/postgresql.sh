#!/bin/bash
# What seepwatch counts of PostgreSQL against what PostgreSQL counts itself, pg_stat_statements: a
# real server and real clients, recorded on the loopback interface of a network namespace of their
# own.  The cases are in postgresql_cases.py.  As root; skips where a program is not there.  With
# KEEP=FOLDER the capture, the counts and the server's log stay there, and a case that is not exact
# shows the server's statements.
source "$(dirname "$(readlink -f "$0")")/apart.sh"
needs setpriv openssl
PG_BIN=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -1)
[ -x "$PG_BIN/postgres" ] || skip "there is no PostgreSQL server (package postgresql)"
[ -e "$PG_BIN/../lib/pg_stat_statements.so" ] || skip "there is no pg_stat_statements"
apart
kept=(all.pcap cases.json server.log)

as_postgres() {
    setpriv --reuid postgres --regid postgres --init-groups "$@"
}

install -d -o postgres -g postgres "$WORK/data" "$WORK/socket"
as_postgres "$PG_BIN/initdb" -D "$WORK/data" -A trust -E UTF8 --locale=C --no-sync >initdb.log 2>&1 ||
    { cat initdb.log >&2; exit 1; }
cat >>data/postgresql.conf <<CONF
listen_addresses = '127.0.0.1'
unix_socket_directories = '$WORK/socket'
fsync = off
ssl = off
autovacuum = off
wal_level = logical
log_min_messages = error
lc_messages = 'C'
shared_preload_libraries = 'pg_stat_statements'
pg_stat_statements.track = top
pg_stat_statements.track_utility = on
CONF
cat >data/pg_hba.conf <<CONF
local all,replication all trust
host all md5er all md5
host all scrammer all scram-sha-256
host all plainer all password
host all,replication all all trust
CONF
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost \
    -keyout data/server.key -out data/server.crt >openssl.log 2>&1
chmod 600 data/server.key
chown postgres:postgres data/server.key data/server.crt
setpriv --reuid postgres --regid postgres --init-groups "$PG_BIN/postgres" -D "$WORK/data" 2>server.log &
pids+=("$!")
until_ready "${pids[0]}" server.log as_postgres "$PG_BIN/pg_isready" -q -h "$WORK/socket"
record all

python3 "$FOLDER/postgresql_cases.py" "$WORK" "$PG_BIN"
recorded
python3 "$FOLDER/postgresql_compare.py" "$WORK" "$PROGRAM"
