#!/bin/bash
# What seepwatch counts of MySQL against what MariaDB counts itself, SHOW GLOBAL STATUS: a real
# server and real clients, recorded on the loopback interface of a network namespace of their own.
# The cases are in mysql_cases.py.  As root; skips where a program is not there; cases of the
# drivers of npm are left out where npm cannot fetch them.  With KEEP=FOLDER the capture, the counts
# and the server's log stay there.  With SAMPLE=FILE nothing is compared: FILE gets a short capture
# (../replay/mysql.pcap.gz was made so).
set -euo pipefail
export PYTHONDONTWRITEBYTECODE=1
FOLDER=$(dirname "$(readlink -f "$0")")
PROGRAM=$(readlink -f "${1:-$FOLDER/../../build/release/seepwatch}")
[ -z "${SAMPLE:-}" ] || SAMPLE=$(readlink -f "$SAMPLE")

skip() {
    echo "mysql.sh: skipped: $*"
    echo "0 passed, 0 failed"
    exit 0
}

[ "$(id -u)" -eq 0 ] || skip "it makes a network namespace and records: only as root"
for program in mariadbd mariadb-install-db mariadb mariadb-dump mariadb-admin sysbench; do
    command -v "$program" >/dev/null || skip "there is no $program (packages mariadb-server, sysbench)"
done
for program in tcpdump unshare ip ethtool python3 openssl; do
    command -v "$program" >/dev/null || skip "there is no $program"
done
if [ "${SEEPWATCH_APART:-}" != yes ]; then
    WORK=$(mktemp -d "${TMPDIR:-/tmp}/seepwatch-mysql.XXXXXX")
    chmod 755 "$WORK"
    if command -v npm >/dev/null && command -v node >/dev/null; then
        mkdir "$WORK/npm"
        (cd "$WORK/npm" && timeout 120 npm install --silent --no-audit --no-fund mysql2@3 mariadb@3 >npm.log 2>&1) ||
            rm -rf "$WORK/npm"
    fi
    unshare --net true 2>/dev/null || { rm -rf "$WORK"; skip "network namespaces are not allowed here"; }
    SEEPWATCH_APART=yes WORK=$WORK SAMPLE=${SAMPLE:-} exec unshare --net "$0" "$PROGRAM"
fi

pids=()

end() {
    local pid
    for pid in "${pids[@]}"; do
        kill "$pid" 2>/dev/null || continue
        wait "$pid" 2>/dev/null || true
    done
    [ -z "${KEEP:-}" ] || cp "$WORK"/{all.pcap,cases.json,server.log} "$KEEP" || true
    rm -rf "$WORK"
}
trap end EXIT

# frames as on a wire
ip link set lo up mtu 1500
ethtool -K lo tso off gso off gro off >/dev/null 2>&1 || true
cd "$WORK"
install -d -o mysql -g mysql data socket
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost \
    -keyout data/server.key -out data/server.crt >openssl.log 2>&1
chown mysql:mysql data/server.key data/server.crt
cat >server.cnf <<CONF
[mariadbd]
user = mysql
datadir = $WORK/data/db
socket = $WORK/socket/s
pid-file = $WORK/socket/pid
bind-address = 127.0.0.1
port = 3306
skip-name-resolve
max_allowed_packet = 256M
max_connections = 200
local-infile = 1
log-bin = log
server-id = 1
plugin-load-add = auth_ed25519
plugin-load-add = sql_errlog
sql-error-log-rate = 1
ssl-key = $WORK/data/server.key
ssl-cert = $WORK/data/server.crt
innodb-flush-log-at-trx-commit = 0
sync-binlog = 0
CONF
mariadb-install-db --defaults-file=server.cnf --auth-root-authentication-method=normal >install.log 2>&1 ||
    { cat install.log >&2; exit 1; }
mariadbd --defaults-file=server.cnf >server.log 2>&1 &
pids+=("$!")
tcpdump -i lo -s 0 -B 65536 -U --nano -Z root -w all.pcap tcp 2>tcpdump.log &
tcpdump_pid=$!
pids+=("$tcpdump_pid")
until grep -q listening tcpdump.log && mariadb-admin --no-defaults -S socket/s -u root ping >/dev/null 2>&1; do
    kill -0 "${pids[0]}" || { cat server.log >&2; exit 1; }
    sleep 0.1
done

python3 "$FOLDER/mysql_cases.py" "$WORK"
sleep 1
kill -INT "$tcpdump_pid"
wait "$tcpdump_pid" || true
if ! grep -q '^0 packets dropped by kernel' tcpdump.log; then
    cat tcpdump.log >&2
    exit 1
fi
if [ -n "${SAMPLE:-}" ]; then
    gzip -9n <all.pcap >"$SAMPLE"
    exit 0
fi
python3 "$FOLDER/mysql_compare.py" "$WORK" "$PROGRAM"
