#!/bin/bash
# What seepwatch counts of SQL Server against what real clients were answered: npm's tedious, FreeTDS' programs and its
# ODBC driver, each where it is.  SQL Server is not free to be installed: the server is tds_server.py, written from the
# specification.  Recorded on the loopback interface of a network namespace of their own.  As root; skips where a program
# is not there.  With KEEP=FOLDER the capture and the counts stay there.
set -euo pipefail
export PYTHONDONTWRITEBYTECODE=1
FOLDER=$(dirname "$(readlink -f "$0")")
PROGRAM=$(readlink -f "${1:-$FOLDER/../../build/release/seepwatch}")

skip() {
    echo "tds.sh: skipped: $*"
    echo "0 passed, 0 failed"
    exit 0
}

[ "$(id -u)" -eq 0 ] || skip "it makes a network namespace and records: only as root"
for program in tcpdump unshare ip python3 openssl; do
    command -v "$program" >/dev/null || skip "there is no $program"
done
if [ "${SEEPWATCH_APART:-}" != yes ]; then
    WORK=$(mktemp -d "${TMPDIR:-/tmp}/seepwatch-tds.XXXXXX")
    chmod 755 "$WORK"
    mkdir "$WORK/npm"
    ! command -v npm node >/dev/null || (cd "$WORK/npm" && timeout 120 npm install --silent --no-audit --no-fund tedious >npm.log 2>&1) ||
        echo "tds.sh: without tedious: npm cannot fetch it"
    unshare --net true 2>/dev/null || { rm -rf "$WORK"; skip "network namespaces are not allowed here"; }
    SEEPWATCH_APART=yes WORK=$WORK exec unshare --net "$0" "$PROGRAM"
fi

pids=()

end() {
    local pid
    for pid in "${pids[@]}"; do
        kill "$pid" 2>/dev/null || continue
        wait "$pid" 2>/dev/null || true
    done
    [ -z "${KEEP:-}" ] || cp "$WORK"/{all.pcap,server.json,cases.json} "$KEEP" || true
    rm -rf "$WORK"
}
trap end EXIT

# frames as on a wire
ip link set lo up mtu 1500
ethtool -K lo tso off gso off gro off >/dev/null 2>&1 || true
cd "$WORK"
: >cases.json
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout key.pem -out certificate.pem >openssl.log 2>&1
python3 "$FOLDER/tds_server.py" 1433 server.json certificate.pem key.pem >server.log 2>&1 &
pids+=("$!")
tcpdump -i lo -s 0 -B 65536 -U --nano -Z root -w all.pcap tcp 2>tcpdump.log &
tcpdump_pid=$!
pids+=("$tcpdump_pid")
until grep -q listening tcpdump.log && grep -q listening server.log; do
    kill -0 "${pids[0]}" || { cat server.log >&2; exit 1; }
    sleep 0.1
done

freetds() {
    local version n
    for version in 7.0 7.1 7.2 7.3 7.4; do
        printf "%s\ngo\n" "select /* rows=50 kind=all */ 1 where name = 'hunter2'" "use crm" "select /* error=208 */ 1" \
            "update customers set a = 1 /* changes=7 */" "select /* rows=40 kind=texts results=2 */ 1" exit |
            TDSVER=$version timeout 30 tsql -H 127.0.0.1 -p 1433 -U tester -P hunter2 >tsql.log 2>&1
    done
    echo "select /* rows=2000 kind=texts */ * from customers" |
        TDSVER=7.4 timeout 30 bsqldb -S 127.0.0.1:1433 -U tester -P hunter2 -D crm >bsqldb.log 2>&1
    for n in $(seq 5000); do
        echo "$n,hunter2 $n"
    done >load.txt
    for version in 7.1 7.4; do
        TDSVER=$version timeout 60 freebcp crm.dbo.customers in load.txt -c -t , -b 1000 -S 127.0.0.1:1433 -U tester -P hunter2 \
            >freebcp.log 2>&1
    done
}

if [ -d npm/node_modules/tedious ]; then
    NODE_PATH="$WORK/npm/node_modules" NODE_NO_WARNINGS=1 timeout 300 node "$FOLDER/tds_driver.js" 1433 >>cases.json
fi
if command -v tsql bsqldb freebcp >/dev/null; then
    freetds
else
    echo "tds.sh: without FreeTDS' programs: package freetds-bin"
fi
ODBC=$(ls /usr/lib/*/odbc/libtdsodbc.so 2>/dev/null | head -1)
if [ -n "$ODBC" ] && /usr/bin/python3 -c 'import pyodbc' 2>/dev/null; then
    timeout 120 /usr/bin/python3 "$FOLDER/tds_odbc.py" 1433 "$ODBC" >>cases.json
else
    echo "tds.sh: without FreeTDS' ODBC driver: packages tdsodbc, python3-pyodbc"
fi
sleep 1
kill -INT "$tcpdump_pid"
wait "$tcpdump_pid" || true
grep -q '^0 packets dropped by kernel' tcpdump.log || { cat tcpdump.log >&2; exit 1; }
[ "$(wc -l <server.log)" -eq 1 ] || { cat server.log >&2; exit 1; }
[ -s server.json ] || skip "there is no client: npm's tedious, or package freetds-bin"
python3 "$FOLDER/tds_compare.py" "$WORK" "$PROGRAM"
