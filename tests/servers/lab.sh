# shellcheck shell=bash
# A laboratory to record in: one network namespace for the servers, one for each client, joined by a
# bridge; real PostgreSQL, nginx, MariaDB and Redis with throw-away data.  Sourced by the scripts
# beside it; as root.
#
# Nothing outside the namespaces is touched, nothing leaves them, and only processes that were
# started here are ended, by their ids.
set -euo pipefail

LAB=$(mktemp -d "${TMPDIR:-/tmp}/seepwatch-lab.XXXXXX")
chmod 755 "$LAB"
LAB_PREFIX=sw$$ # of the namespaces
SERVER=10.20.0.10
SERVER6=fd20::10
lab_clients=()
lab_pids=() # of programs started straight with "ip netns exec", which become them

lab_fail() {
    echo "${0##*/}: $*" >&2
    exit 1
}

lab_end() {
    local pid name
    for pid in "${lab_pids[@]}"; do
        # PostgreSQL ends at once for the first, MariaDB knows the second alone
        kill -INT "$pid" 2>/dev/null || continue
        kill -TERM "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    for name in "${lab_clients[@]}" server wire; do
        ip netns del "$LAB_PREFIX-$name" 2>/dev/null || true
    done
    rm -rf "$LAB"
}

# Why there can be no laboratory here, in a line; nothing where there can.
lab_missing() {
    local package missing=()
    [ "$(id -u)" -eq 0 ] || { echo "it makes network namespaces: run it as root"; return; }
    for package in $(sed 's/#.*//' "$(dirname "${BASH_SOURCE[0]}")/packages.txt"); do
        dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] || echo "missing packages: apt-get install ${missing[*]}"
}

# For tests: skips where there can be no laboratory, or one of those programs is not there.
lab_or_skip() { # PROGRAM...
    local why program
    why=$(lab_missing)
    for program in "$@"; do
        [ -n "$why" ] || command -v "$program" >/dev/null || why="there is no $program"
    done
    [ -n "$why" ] || return 0
    rm -rf "$LAB"
    echo "${0##*/}: skipped: $why"
    echo "0 passed, 0 failed"
    exit 0
}

lab_check() {
    local why
    why=$(lab_missing)
    [ -z "$why" ] || lab_fail "$why"
    PG_BIN=$(echo /usr/lib/postgresql/*/bin | tr ' ' '\n' | tail -1)
}

lab_in() { # NAME COMMAND...
    local name=$1
    shift
    ip netns exec "$LAB_PREFIX-$name" "$@"
}

# A namespace on the bridge: no offload, so that frames and checksums are those of a real wire, and
# no delayed acknowledgements, so that an exchange is over when its client says so.
lab_host() { # NAME MAC ADDRESS...
    local name=$1 mac=$2 address options
    shift 2
    ip netns add "$LAB_PREFIX-$name"
    lab_in "$name" ip link set lo up
    ip link add eth0 netns "$LAB_PREFIX-$name" address "$mac" type veth peer name "$name" netns "$LAB_PREFIX-wire"
    lab_in "$name" ethtool -K eth0 tx off rx off sg off tso off gso off gro off >/dev/null 2>&1 || true
    for address in "$@"; do
        options=()
        [[ $address != *:* ]] || options=(nodad) # usable at once
        lab_in "$name" ip addr add "$address" dev eth0 "${options[@]}"
    done
    lab_in "$name" ip link set eth0 up
    lab_in wire ip link set "$name" master bridge up
    lab_in "$name" ip route add 10.0.0.0/8 dev eth0 scope link quickack 1
    lab_in "$name" ip -6 route add fd00::/8 dev eth0 quickack 1
}

lab_begin() {
    lab_check
    trap lab_end EXIT
    ip netns add "$LAB_PREFIX-wire"
    lab_in wire ip link add bridge type bridge stp_state 0 mcast_snooping 0
    lab_in wire ip link set bridge up
    lab_host server 02:00:00:00:00:01 "$SERVER/32" "$SERVER6/128"
}

lab_client() { # NAME ADDRESS...
    lab_clients+=("$1")
    lab_host "$1" "$(printf '02:00:00:00:01:%02x' ${#lab_clients[@]})" "${@:2}"
}

# A mirror port: the bridge sends every frame to all of its ports, as a hub does, and one of them is
# the other end of this interface, in the namespace "wire".
lab_mirror() { # INTERFACE
    lab_in wire ip link set bridge type bridge ageing_time 0
    lab_in wire ip link add "$1" type veth peer name "$1-port"
    lab_in wire ip link set "$1-port" master bridge
    lab_in wire ip link set dev "$1-port" type bridge_slave learning off
    lab_in wire ip link set "$1" arp off multicast off
    echo 1 | lab_in wire tee "/proc/sys/net/ipv6/conf/$1/disable_ipv6" >/dev/null
    lab_in wire ip link set "$1-port" up
    lab_in wire ip link set "$1" up
}

capture_begin() { # FILE
    CAPTURE=$1
    ip netns exec "$LAB_PREFIX-server" tcpdump -i eth0 -s 0 -B 65536 -U --nano -Z root -w "$1" tcp 2>"$LAB/tcpdump.log" &
    capture_pid=$!
    lab_pids+=("$capture_pid")
    until grep -q listening "$LAB/tcpdump.log"; do sleep 0.05; done
}

# Prints the packets captured; fails where one was dropped.
capture_end() {
    sleep 1
    kill -INT "$capture_pid"
    wait "$capture_pid" || true
    local captured dropped
    captured=$(awk '/packets captured/ {print $1}' "$LAB/tcpdump.log")
    dropped=$(awk '/dropped by kernel/ {print $1}' "$LAB/tcpdump.log")
    [ "$dropped" = 0 ] || lab_fail "$CAPTURE: $dropped packets were dropped: record it again"
    echo "$captured"
}

# SQL as the superuser, over the socket: it is not captured.
pg_sql() { # DATABASE: SQL on standard input
    setpriv --reuid postgres --regid postgres --init-groups "$PG_BIN/psql" -X -q -A -t -F ' ' -v ON_ERROR_STOP=1 -h "$LAB/socket" -d "$1"
}

pg_begin() {
    install -d -o postgres -g postgres "$LAB/pg" "$LAB/socket"
    setpriv --reuid postgres --regid postgres --init-groups "$PG_BIN/initdb" -D "$LAB/pg" -A peer -E UTF8 --locale=C >/dev/null
    cat >>"$LAB/pg/postgresql.conf" <<CONF
listen_addresses = '*'
unix_socket_directories = '$LAB/socket'
max_connections = 100
fsync = off
ssl = off
autovacuum = off
shared_preload_libraries = 'pg_stat_statements'
log_connections = on
CONF
    printf 'host all all 10.0.0.0/8 scram-sha-256\nhost all all fd00::/8 scram-sha-256\n' >>"$LAB/pg/pg_hba.conf"
    ip netns exec "$LAB_PREFIX-server" setpriv --reuid postgres --regid postgres --init-groups "$PG_BIN/postgres" -D "$LAB/pg" 2>"$LAB/pg.log" &
    lab_pids+=("$!")
    until echo 'select' | pg_sql postgres >/dev/null 2>&1; do sleep 0.1; done
    pg_sql postgres <<<'create database crm'
    pg_sql crm <<<'create extension pg_stat_statements'
}

# Made-up customers: no name is a person's, every number is of the range kept for fiction.
pg_customers() { # COUNT
    pg_sql crm <<SQL
create table customers as
select id, 'Customer ' || id as name, '555-01' || lpad((id % 100)::text, 2, '0') || '-' || id as phone,
       (id % 90 + 1) || ' Example Street, Sampleville' as address,
       (array['basic', 'family', 'business'])[1 + id % 3] as plan
from generate_series(1, $1) as id;
alter table customers add primary key (id);
create table notes (customer integer, text text);
analyze;
SQL
}

# "statements returned_rows affected_rows", as PostgreSQL counted them since pg_reset.
pg_counts() {
    pg_sql crm <<'SQL'
select coalesce(sum(calls), 0), coalesce(sum(rows) filter (where query ~* '^ *(select|fetch)'), 0),
       coalesce(sum(rows) filter (where query ~* '^ *(insert|update|delete)'), 0)
from pg_stat_statements where query !~ 'pg_stat_statements';
SQL
}

pg_reset() {
    pg_sql crm <<<'select pg_stat_statements_reset()' >/dev/null
}

nginx_begin() { # the server block's text on standard input
    mkdir -p "$LAB/www"
    cat >"$LAB/nginx.conf" <<CONF
user root;
worker_processes 1;
daemon off;
pid $LAB/nginx.pid;
error_log $LAB/nginx.err;
events { worker_connections 1000; }
http {
    log_format counts '\$connection \$status \$body_bytes_sent \$request_length \$bytes_sent';
    access_log $LAB/access.log counts;
    default_type application/json;
    keepalive_requests 1000000;
    server {
        listen 80;
        listen [::]:80;
        root $LAB/www;
$(cat)
    }
}
CONF
    ip netns exec "$LAB_PREFIX-server" nginx -e "$LAB/nginx.err" -c "$LAB/nginx.conf" &
    lab_pids+=("$!")
    until [ -s "$LAB/nginx.pid" ]; do sleep 0.05; done
}

# "requests refused body_bytes connections", as nginx logged them.
nginx_counts() {
    awk '{n++; r += $2 >= 400; b += $3; c[$1]} END {print n + 0, r + 0, b + 0, length(c)}' "$LAB/access.log"
}

# "client_bytes server_bytes" of all requests, as nginx logged them.
nginx_bytes() {
    awk '{c += $4; s += $5} END {printf "%.0f %.0f\n", c, s}' "$LAB/access.log"
}

# SQL as root, over the socket: it is not captured.
mariadb_sql() { # SQL on standard input
    mariadb --no-defaults --socket="$LAB/mariadb/socket" --user=root --batch --skip-column-names
}

mariadb_begin() {
    mariadb-install-db --no-defaults --user=mysql --datadir="$LAB/mariadb" --skip-test-db \
        --auth-root-authentication-method=normal >"$LAB/mariadb.log" 2>&1
    ip netns exec "$LAB_PREFIX-server" mariadbd --no-defaults --user=mysql --datadir="$LAB/mariadb" \
        --socket="$LAB/mariadb/socket" --pid-file="$LAB/mariadb/pid" --bind-address=0.0.0.0 --skip-name-resolve \
        --innodb-flush-log-at-trx-commit=0 >>"$LAB/mariadb.log" 2>&1 &
    lab_pids+=("$!")
    until mariadb_sql <<<'select 1' >/dev/null 2>&1; do
        kill -0 "${lab_pids[-1]}" 2>/dev/null || lab_fail "MariaDB did not start: $(tail -3 "$LAB/mariadb.log")"
        sleep 0.1
    done
}

# "questions connections rows", as MariaDB counted them since its start.  A look adds to them: 2, 1
# and 3 until the next one, since it is a statement and a goodbye, of one connection.
mariadb_counts() {
    mariadb_sql <<'SQL' | sort | awk '{print $2}' | paste -sd' '
show global status where variable_name in ('Questions', 'Connections', 'Rows_sent');
SQL
}

redis_in() { # COMMAND..., over the socket
    redis-cli -s "$LAB/redis/socket" "$@"
}

redis_begin() {
    install -d "$LAB/redis"
    ip netns exec "$LAB_PREFIX-server" redis-server --port 6379 --bind 0.0.0.0 --protected-mode no --save '' \
        --dir "$LAB/redis" --unixsocket "$LAB/redis/socket" >"$LAB/redis.log" 2>&1 &
    lab_pids+=("$!")
    until redis_in ping >/dev/null 2>&1; do sleep 0.1; done
}

# Commands, as Redis counted them since its start; a look is one of them.
redis_counts() {
    redis_in info stats | tr -d '\r' | sed -n 's/^total_commands_processed://p'
}
