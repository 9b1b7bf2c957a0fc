#!/bin/bash
# What seepwatch counts of Redis against what Redis counts itself, INFO: a real server and real
# clients, recorded on the loopback interface of a network namespace of their own.  The cases are in
# redis_cases.py.  As root; skips where a program is not there.  With KEEP=FOLDER the capture, the
# counts and the server's log stay there.  npm's driver takes part where npm can fetch it.
set -euo pipefail
export PYTHONDONTWRITEBYTECODE=1
FOLDER=$(dirname "$(readlink -f "$0")")
PROGRAM=$(readlink -f "${1:-$FOLDER/../../build/release/seepwatch}")

skip() {
    echo "redis.sh: skipped: $*"
    echo "0 passed, 0 failed"
    exit 0
}

[ "$(id -u)" -eq 0 ] || skip "it makes a network namespace and records: only as root"
for program in redis-server redis-cli redis-benchmark tcpdump unshare ip python3; do
    command -v "$program" >/dev/null || skip "there is no $program"
done
if [ "${SEEPWATCH_APART:-}" != yes ]; then
    unshare --net true 2>/dev/null || skip "network namespaces are not allowed here"
    WORK=$(mktemp -d "${TMPDIR:-/tmp}/seepwatch-redis.XXXXXX")
    mkdir "$WORK/driver"
    if command -v node >/dev/null && command -v npm >/dev/null; then
        (cd "$WORK/driver" && timeout 120 npm install --silent --no-audit --no-fund redis@5) >/dev/null 2>&1 &&
            cp "$FOLDER/redis_driver.js" "$WORK/driver/driver.js" || true
    fi
    export WORK
    SEEPWATCH_APART=yes exec unshare --net "$0" "$PROGRAM"
fi

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

ip link set lo up
cd "$WORK"
redis-server --bind 127.0.0.1 --port 6379 --unixsocket "$WORK/redis.sock" --dir "$WORK" --save '' --appendonly no \
    --enable-debug-command yes --repl-diskless-sync-delay 0 >server.log 2>&1 &
pids+=("$!")
tcpdump -i lo -s 0 -B 65536 -U --nano -Z root -w all.pcap tcp 2>tcpdump.log &
tcpdump_pid=$!
pids+=("$tcpdump_pid")
until grep -q listening tcpdump.log && [ -S redis.sock ] && [ "$(redis-cli -s redis.sock ping 2>/dev/null)" = PONG ]; do
    kill -0 "${pids[0]}" || { cat server.log >&2; exit 1; }
    sleep 0.1
done

python3 "$FOLDER/redis_cases.py" "$WORK"
sleep 1
kill -INT "$tcpdump_pid"
wait "$tcpdump_pid" || true
if ! grep -q '^0 packets dropped by kernel' tcpdump.log; then
    cat tcpdump.log >&2
    exit 1
fi
python3 "$FOLDER/redis_compare.py" "$WORK" "$PROGRAM"
