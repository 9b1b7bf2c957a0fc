#!/bin/bash
# What seepwatch counts of MongoDB against what npm's driver (its command monitoring) and the server at the other end
# counted, recorded on the loopback interface of a network namespace of their own.  MongoDB's own server is in no
# distribution: the one beside this script speaks its protocol.  The cases are in mongodb_cases.js.  As root; skips where
# a program or the driver is not to be had.  With KEEP=FOLDER the capture and the counts stay there.
set -euo pipefail
export PYTHONDONTWRITEBYTECODE=1
FOLDER=$(dirname "$(readlink -f "$0")")
PROGRAM=$(readlink -f "${1:-$FOLDER/../../build/release/seepwatch}")
PACKAGES=(mongodb@6 snappy@7 @mongodb-js/zstd@1)

skip() {
    echo "mongodb.sh: skipped: $*"
    echo "0 passed, 0 failed"
    exit 0
}

[ "$(id -u)" -eq 0 ] || skip "it makes a network namespace and records: only as root"
for program in node npm tcpdump unshare ip python3; do
    command -v "$program" >/dev/null || skip "there is no $program"
done
if [ "${SEEPWATCH_APART:-}" != yes ]; then
    unshare --net true 2>/dev/null || skip "network namespaces are not allowed here"
    WORK=$(mktemp -d "${TMPDIR:-/tmp}/seepwatch-mongodb.XXXXXX")
    if ! (cd "$WORK" && timeout 120 npm install --silent --no-audit --no-fund "${PACKAGES[@]}") >/dev/null 2>&1; then
        rm -rf "$WORK"
        skip "npm cannot fetch the driver"
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
    [ -z "${KEEP:-}" ] || cp "$WORK"/{all.pcap,counts.json,events.json} "$KEEP"
    rm -rf "$WORK"
}
trap end EXIT

ip link set lo up
cd "$WORK"
export NODE_PATH=$WORK/node_modules
node "$FOLDER/mongodb_server.js" 27017 counts.json >server.log 2>&1 &
server_pid=$!
pids+=("$server_pid")
tcpdump -i lo -s 0 -B 262144 -U --nano -Z root -w all.pcap tcp 2>tcpdump.log &
tcpdump_pid=$!
pids+=("$tcpdump_pid")
until grep -q listening tcpdump.log && grep -q listening server.log; do
    kill -0 "$server_pid" || { cat server.log >&2; exit 1; }
    sleep 0.1
done

node "$FOLDER/mongodb_cases.js" 27017 events.json || { cat server.log >&2; exit 1; }
sleep 1
kill -TERM "$server_pid"
wait "$server_pid" || { cat server.log >&2; exit 1; }
kill -INT "$tcpdump_pid"
wait "$tcpdump_pid" || true
if ! grep -q '^0 packets dropped by kernel' tcpdump.log; then
    cat tcpdump.log >&2
    exit 1
fi
python3 "$FOLDER/mongodb_compare.py" "$WORK" "$PROGRAM"
