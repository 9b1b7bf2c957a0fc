#!/bin/bash
# Makes captures to measure with: postgresql.pcap (single look-ups and answers of many rows, in
# pgbench's three protocol modes), http.pcap (small documents and large ones, over connections that
# last) and mixed.pcap (both at once); counts.txt beside them says what the servers counted.
#
# usage: tests/servers/traffic.sh FOLDER [SCALE]     (as root; see lab.sh)
#
# SCALE 1, the default, gives about 100 MB a file.
set -euo pipefail
[ $# -ge 1 ] || { echo "usage: $0 FOLDER [SCALE]" >&2; exit 2; }
mkdir -p "$1"
OUT=$(cd "$1" && pwd)
SCALE=${2:-1}
[[ $SCALE =~ ^[0-9]+$ ]] || { echo "$0: SCALE is a whole number" >&2; exit 2; }
cd "$(dirname "$(readlink -f "$0")")"
source ./lab.sh

postgresql_load() {
    local mode
    for mode in simple extended prepared; do
        PGPASSWORD=bench-made-up lab_in client pgbench -n -h "$SERVER" -U bench -c 8 -M $mode \
            -f "$LAB/one.sql" -t $((1000 * SCALE)) crm
        PGPASSWORD=bench-made-up lab_in client pgbench -n -h "$SERVER" -U bench -c 4 -M $mode \
            -f "$LAB/many.sql" -t $((75 * SCALE)) crm
    done >/dev/null 2>&1
}

http_load() {
    lab_in client curl -s -o /dev/null "http://$SERVER/small?[1-$((30000 * SCALE))]"
    lab_in client curl -s -o /dev/null "http://$SERVER/large?[1-$((60 * SCALE))]"
}

both_loads() {
    local other
    http_load &
    other=$!
    postgresql_load
    wait "$other"
}

record() { # NAME LOAD
    local packets
    pg_reset
    : >"$LAB/access.log"
    capture_begin "$OUT/$1.pcap"
    "$2"
    packets=$(capture_end)
    echo "$1: $packets packets; PostgreSQL: statements, returned and affected rows: $(pg_counts);" \
        "HTTP: requests, refused, body bytes, connections: $(nginx_counts)" | tee -a "$OUT/counts.txt"
}

lab_begin
lab_client client 10.1.2.11/32
pg_begin
pg_customers 20000
echo "create role bench login password 'bench-made-up'; grant select on customers to bench;" | pg_sql crm
cat >"$LAB/one.sql" <<'SQL'
\set id random(1, 20000)
select id, name, phone, address, plan from customers where id = :id;
SQL
cat >"$LAB/many.sql" <<'SQL'
\set id random(1, 15000)
\set rows random(1, 2000)
select * from customers where id > :id order by id limit :rows;
SQL
mkdir -p "$LAB/www"
printf '{"id": 1, "name": "Customer 1", "plan": "family"}\n' >"$LAB/www/small"
head -c 1000000 /dev/urandom >"$LAB/www/large"
nginx_begin </dev/null

rm -f "$OUT/counts.txt"
record postgresql postgresql_load
record http http_load
record mixed both_loads
