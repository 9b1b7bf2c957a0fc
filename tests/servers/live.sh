#!/bin/bash
# What watch counts on a mirror port against what the servers count themselves, with one worker and
# with two, while clients ask as fast as this machine can: PostgreSQL and nginx, MariaDB and Redis
# where they are.  As root; skips where a program is not there.  LOAD=N makes it N times as long.
set -euo pipefail
PROGRAM=$(readlink -f "${1:-$(dirname "$(readlink -f "$0")")/../../build/release/seepwatch}")
cd "$(dirname "$(readlink -f "$0")")"
source ./lab.sh
LOAD=${LOAD:-1}

lab_or_skip pgbench
passed=0
failed=0

# Whether all these programs are here.
are_here() { # PROGRAM...
    local program
    for program in "$@"; do
        command -v "$program" >/dev/null || { echo "live.sh: without $1: there is no $program"; return 1; }
    done
}

kinds=(postgresql http)
! are_here mariadbd sysbench mariadb-install-db || kinds+=(mysql)
! are_here redis-server redis-benchmark redis-cli || kinds+=(redis)

postgresql_load() {
    local mode
    for mode in simple extended prepared; do
        PGPASSWORD=made-up lab_in client pgbench -n -h "$SERVER" -U bench -c 8 -M $mode -f "$LAB/one.sql@8" -f "$LAB/note.sql@2" \
            -t $((500 * LOAD)) crm
        PGPASSWORD=made-up lab_in client pgbench -n -h "$SERVER" -U bench -c 4 -M $mode -f "$LAB/many.sql" -t $((50 * LOAD)) crm
    done
    PGPASSWORD=made-up lab_in client psql -X -q -h "$SERVER" -U bench crm -c 'select * from customers' -o /dev/null
}

http_load() {
    local client clients=()
    for client in 1 2 3 4; do
        lab_in client curl -s -o /dev/null "http://$SERVER/small?$client-[1-$((5000 * LOAD))]" &
        clients+=("$!")
    done
    lab_in client curl -s -o /dev/null "http://$SERVER/large?[1-$((30 * LOAD))]"
    lab_in client curl -s -o /dev/null "http://$SERVER/missing?[1-10]"
    wait "${clients[@]}"
}

mysql_load() {
    local ps
    for ps in disable auto; do
        lab_in client sysbench oltp_read_only --mysql-host="$SERVER" --mysql-user=bench --mysql-password=made-up --mysql-db=crm \
            --mysql-ssl=off --tables=1 --table-size=10000 --threads=4 --time=0 --events=$((500 * LOAD)) --db-ps-mode=$ps run
    done
    lab_in client mariadb --no-defaults --ssl=off -h "$SERVER" -u bench -pmade-up crm -e 'select * from sbtest1'
}

redis_load() {
    lab_in client redis-benchmark -h "$SERVER" -q -c 20 -n $((20000 * LOAD)) -t set,get,incr,lpush,lrange_100,mset
    lab_in client redis-benchmark -h "$SERVER" -q -c 4 -n $((40000 * LOAD)) -P 16 -t set,get
}

postgresql_begin() {
    pg_begin
    pg_customers 20000
    pg_sql crm <<<"create role bench login password 'made-up'; grant select, update on customers to bench; grant insert on notes to bench;"
    cat >"$LAB/one.sql" <<'SQL'
\set id random(1, 20000)
select id, name, phone, address, plan from customers where id = :id;
SQL
    cat >"$LAB/note.sql" <<'SQL'
\set id random(1, 20000)
insert into notes values (:id, 'made up');
update customers set plan = 'basic' where id between :id and :id + 9;
SQL
    cat >"$LAB/many.sql" <<'SQL'
\set id random(1, 15000)
\set rows random(1, 2000)
select * from customers where id > :id order by id limit :rows;
SQL
}

http_begin() {
    mkdir -p "$LAB/www"
    printf '{"id": 1, "name": "Customer 1", "plan": "family"}\n' >"$LAB/www/small"
    head -c 1000000 /dev/urandom >"$LAB/www/large"
    nginx_begin </dev/null
}

mysql_begin() {
    mariadb_begin
    mariadb_sql <<<"create database crm; create user bench identified by 'made-up'; grant all on crm.* to bench;"
    lab_in client sysbench oltp_read_only --mysql-host="$SERVER" --mysql-user=bench --mysql-password=made-up --mysql-db=crm \
        --mysql-ssl=off --tables=1 --table-size=10000 prepare >/dev/null
}

# Every server's counts from here on.
counts_begin() {
    pg_reset
    : >"$LAB/access.log"
    [[ ${kinds[*]} != *mysql* ]] || read -r mysql_connections mysql_questions mysql_rows < <(mariadb_counts)
    [[ ${kinds[*]} != *redis* ]] || redis_commands=$(redis_counts)
}

# "protocol.counter value" in lines, as the servers have it.
counts_end() {
    local statements returned affected requests refused bodies connections sent received
    sleep 0.5 # nginx writes its log, and PostgreSQL its counters, behind the reply
    read -r statements returned affected < <(pg_counts)
    printf 'postgresql.%s\n' "requests $statements" "responses $statements" "returned_rows $returned" "affected_rows $affected"
    read -r requests refused bodies connections < <(nginx_counts)
    read -r received sent < <(nginx_bytes)
    printf 'http.%s\n' "requests $requests" "responses $requests" "failures $refused" "connections $connections" \
        "client_bytes $received" "server_bytes $sent"
    if [[ ${kinds[*]} == *mysql* ]]; then
        # each connection says goodbye, which MariaDB takes for a question; our first look adds one to each
        read -r connections requests returned < <(mariadb_counts)
        requests=$((requests - mysql_questions - (connections - mysql_connections) - 1))
        printf 'mysql.%s\n' "requests $requests" "responses $requests" "returned_rows $((returned - mysql_rows - 3))"
    fi
    if [[ ${kinds[*]} == *redis* ]]; then
        requests=$(($(redis_counts) - redis_commands - 1))
        printf 'redis.%s\n' "requests $requests" "responses $requests"
    fi
}

has_rested() { # a third of a second with less than 30 ms of work: what the ring had is read
    local before after
    before=$(awk '{n += $1} END {printf "%.0f", n}' /proc/"$watch"/task/*/schedstat)
    sleep 0.3
    after=$(awk '{n += $1} END {printf "%.0f", n}' /proc/"$watch"/task/*/schedstat)
    [ $(((after - before) / 1000000)) -lt 30 ]
}

# The servers' counts and the summary have to agree.
compare() { # WORKERS FRAMES
    python3 - "$LAB/summary" "$LAB/counts" "$@" <<'PY'
import json, sys
summary, counts, workers, frames = sys.argv[1:5]
have = json.load(open(summary))
wrong = []
checked = 0
def same(what, seen, server):
    global checked
    checked += 1
    if seen != server:
        wrong.append(f"FAILED: {workers} workers: {what}: {seen}, the server counted {server}")
for line in open(counts):
    name, value = line.split()
    protocol, counter = name.split(".")
    same(name, have["protocols"][protocol][counter], int(value))
for what in "dropped", "truncated":
    same(what, have["capture"][what], 0)
for what in "midstream", "one_sided":
    same(what, have["flows"][what], 0)
for what in "gaps", "lost_bytes", "given_up":
    same(what, have["streams"][what], 0)
rate = int(frames) / have["seconds"]["traffic"]
print(*wrong, f"{workers} workers: {frames} frames, {rate:.0f} a second, "
      f"{have['seconds']['cpu']:.2f} s of {have['seconds']['wall']:.1f} s", sep="\n" if wrong else "")
print(checked - len(wrong), len(wrong))
PY
}

frames() {
    lab_in wire cat /sys/class/net/mirror0/statistics/rx_packets
}

try() { # WORKERS
    local kind load loads=() before sent tally
    rm -f "$LAB/summary" "$LAB/sessions"
    counts_begin
    ip netns exec "$LAB_PREFIX-wire" "$PROGRAM" watch -s none -i mirror0 --workers "$1" --user nobody --alerts /dev/null \
        --sessions "$LAB/sessions" --summary "$LAB/summary" 2>"$LAB/watch.log" &
    watch=$!
    lab_pids+=("$watch")
    until [ -e "$LAB/sessions" ]; do
        kill -0 "$watch" 2>/dev/null || lab_fail "$(cat "$LAB/watch.log")"
        sleep 0.1
    done
    before=$(frames)
    for kind in "${kinds[@]}"; do
        "${kind}_load" >"$LAB/$kind.load" 2>&1 &
        loads+=("$!")
    done
    for load in "${loads[@]}"; do
        wait "$load" || lab_fail "a client failed: $(tail -n 3 "$LAB"/*.load)"
    done
    counts_end >"$LAB/counts"
    until has_rested; do :; done
    sent=$(($(frames) - before))
    kill -TERM "$watch"
    wait "$watch" || lab_fail "$(cat "$LAB/watch.log")"
    mapfile -t tally < <(compare "$1" "$sent")
    printf '%s\n' "${tally[@]::${#tally[@]}-1}"
    read -r good bad <<<"${tally[-1]}"
    passed=$((passed + good))
    failed=$((failed + bad))
}

lab_begin
lab_client client 10.1.2.11/32
lab_mirror mirror0
for kind in "${kinds[@]}"; do
    [ "$kind" = redis ] && redis_begin || "${kind}_begin"
done
try 1
try 2
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
