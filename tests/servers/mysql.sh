#!/bin/bash
# What seepwatch counts of MySQL against what MariaDB counts itself, SHOW GLOBAL STATUS: a real
# server and real clients, recorded on the loopback interface of a network namespace of their own.
# The cases are in mysql_cases.py.  As root; skips where a program is not there; cases of the
# drivers of npm are left out where npm cannot fetch them.  With KEEP=FOLDER the capture, the counts
# and the server's log stay there.  With SAMPLE=FILE nothing is compared: FILE gets a short capture
# (../replay/mysql.pcap.gz was made so).
source "$(dirname "$(readlink -f "$0")")/apart.sh"
[ -z "${SAMPLE:-}" ] || SAMPLE=$(readlink -f "$SAMPLE")
for program in mariadbd mariadb-install-db mariadb mariadb-dump mariadb-admin sysbench; do
    command -v "$program" >/dev/null || skip "there is no $program (packages mariadb-server, sysbench)"
done
needs openssl

prepare() {
    npm_fetch "$WORK/npm" mysql2@3 mariadb@3 || rm -rf "$WORK/npm"
}

apart
as_on_a_wire
kept=(all.pcap cases.json server.log)
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
until_ready "${pids[0]}" server.log mariadb-admin --no-defaults -S socket/s -u root ping
record all

python3 "$FOLDER/mysql_cases.py" "$WORK"
recorded
if [ -n "${SAMPLE:-}" ]; then
    gzip -9n <all.pcap >"$SAMPLE"
    exit 0
fi
python3 "$FOLDER/mysql_compare.py" "$WORK" "$PROGRAM"
