#!/bin/bash
# What seepwatch counts of PostgreSQL against what PostgreSQL counts itself, pg_stat_statements: a
# real server and real clients, recorded on the loopback interface of a network namespace of their
# own.  The cases are in postgresql_cases.py.  As root; skips where a program is not there.  With
# KEEP=FOLDER the capture, the counts and the server's log stay there, and a case that is not exact
# shows the server's statements.
set -euo pipefail
export PYTHONDONTWRITEBYTECODE=1
FOLDER=$(dirname "$(readlink -f "$0")")
PROGRAM=$(readlink -f "${1:-$FOLDER/../../build/release/seepwatch}")

skip() {
    echo "postgresql.sh: skipped: $*"
    echo "0 passed, 0 failed"
    exit 0
}

PG_BIN=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -1)
[ -x "$PG_BIN/postgres" ] || skip "there is no PostgreSQL server (package postgresql)"
[ "$(id -u)" -eq 0 ] || skip "it makes a network namespace and records: only as root"
for program in tcpdump unshare setpriv ip python3 openssl; do
    command -v "$program" >/dev/null || skip "there is no $program"
done
[ -e "$PG_BIN/../lib/pg_stat_statements.so" ] || skip "there is no pg_stat_statements"
if [ "${SEEPWATCH_APART:-}" != yes ]; then
    unshare --net true 2>/dev/null || skip "network namespaces are not allowed here"
    SEEPWATCH_APART=yes exec unshare --net "$0" "$PROGRAM"
fi

WORK=$(mktemp -d "${TMPDIR:-/tmp}/seepwatch-postgresql.XXXXXX")
chmod 755 "$WORK"
pids=()

end() {
    local pid
    for pid in "${pids[@]}"; do
        kill -INT "$pid" 2>/dev/null || continue
        wait "$pid" 2>/dev/null || true
    done
    [ -z "${KEEP:-}" ] || cp "$WORK"/{all.pcap,cases.json,server.log} "$KEEP"
    rm -rf "$WORK"
}
trap end EXIT

as_postgres() {
    setpriv --reuid postgres --regid postgres --init-groups "$@"
}

ip link set lo up
install -d -o postgres -g postgres "$WORK/data" "$WORK/socket"
cd "$WORK"
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
tcpdump -i lo -s 0 -B 65536 -U --nano -Z root -w all.pcap tcp 2>tcpdump.log &
tcpdump_pid=$!
pids+=("$tcpdump_pid")
until grep -q listening tcpdump.log && [ -S socket/.s.PGSQL.5432 ] &&
    as_postgres "$PG_BIN/pg_isready" -q -h "$WORK/socket"; do
    kill -0 "${pids[0]}" || { cat server.log >&2; exit 1; }
    sleep 0.1
done

python3 "$FOLDER/postgresql_cases.py" "$WORK" "$PG_BIN"
sleep 1
kill -INT "$tcpdump_pid"
wait "$tcpdump_pid" || true
if ! grep -q '^0 packets dropped by kernel' tcpdump.log; then
    cat tcpdump.log >&2
    exit 1
fi
python3 "$FOLDER/postgresql_compare.py" "$WORK" "$PROGRAM"
