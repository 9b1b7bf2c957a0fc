#!/bin/bash
# What seepwatch counts of SQL Server against what real clients were answered: npm's tedious, FreeTDS' programs and its
# ODBC driver, each where it is.  SQL Server is not free to be installed: the server is tds_server.py, written from the
# specification.  Recorded on the loopback interface of a network namespace of their own.  As root; skips where a program
# is not there.  With KEEP=FOLDER the capture and the counts stay there.
source "$(dirname "$(readlink -f "$0")")/apart.sh"
needs openssl

prepare() {
    npm_fetch "$WORK/npm" tedious || echo "tds.sh: without tedious: npm cannot fetch it"
}

apart
as_on_a_wire
kept=(all.pcap server.json cases.json)
: >cases.json
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout key.pem -out certificate.pem >openssl.log 2>&1
python3 "$FOLDER/tds_server.py" 1433 server.json certificate.pem key.pem >server.log 2>&1 &
pids+=("$!")
until_ready "${pids[0]}" server.log grep -q listening server.log
record all

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
recorded
[ "$(wc -l <server.log)" -eq 1 ] || { cat server.log >&2; exit 1; }
[ -s server.json ] || skip "there is no client: npm's tedious, or package freetds-bin"
python3 "$FOLDER/tds_compare.py" "$WORK" "$PROGRAM"
