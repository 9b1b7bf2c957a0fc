#!/bin/bash
# What seepwatch counts of Oracle against what a real client, npm's oracledb in its thin mode, was sent.  No Oracle
# server is free to be installed: the server is tns_server.js, which knows what the driver accepts, in the ways of three
# versions.  Recorded on the loopback interface of a network namespace of their own.  As root; skips where a program is
# not there or npm cannot fetch the driver.  With KEEP=FOLDER the captures and the counts stay there.
set -euo pipefail
export PYTHONDONTWRITEBYTECODE=1
FOLDER=$(dirname "$(readlink -f "$0")")
PROGRAM=$(readlink -f "${1:-$FOLDER/../../build/release/seepwatch}")

skip() {
    echo "tns.sh: skipped: $*"
    echo "0 passed, 0 failed"
    exit 0
}

[ "$(id -u)" -eq 0 ] || skip "it makes a network namespace and records: only as root"
for program in node npm tcpdump unshare ip python3; do
    command -v "$program" >/dev/null || skip "there is no $program"
done
if [ "${SEEPWATCH_APART:-}" != yes ]; then
    WORK=$(mktemp -d "${TMPDIR:-/tmp}/seepwatch-tns.XXXXXX")
    chmod 755 "$WORK"
    mkdir "$WORK/npm" "$WORK/out"
    (cd "$WORK/npm" && timeout 120 npm install --silent --no-audit --no-fund oracledb >npm.log 2>&1) ||
        { rm -rf "$WORK"; skip "npm cannot fetch oracledb"; }
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
    [ -z "${KEEP:-}" ] || cp "$WORK"/out/*.{pcap,json} "$KEEP" || true
    rm -rf "$WORK"
}
trap end EXIT

record() { # PROFILE
    node "$FOLDER/tns_server.js" 1521 "$1" >server.log 2>&1 &
    local server_pid=$!
    pids+=("$server_pid")
    tcpdump -i lo -s 0 -B 65536 -U --nano -Z root -w "out/$1.pcap" tcp 2>tcpdump.log &
    local tcpdump_pid=$!
    pids+=("$tcpdump_pid")
    until grep -q listening tcpdump.log && grep -q listening server.log; do
        kill -0 "$server_pid" || { cat server.log >&2; exit 1; }
        sleep 0.1
    done
    NODE_PATH="$WORK/npm/node_modules" timeout 300 node "$FOLDER/tns_driver.js" 1521 "$1" >"out/$1.json"
    sleep 1
    kill -INT "$tcpdump_pid"
    wait "$tcpdump_pid" || true
    kill "$server_pid"
    wait "$server_pid" 2>/dev/null || true
    grep -q '^0 packets dropped by kernel' tcpdump.log || { cat tcpdump.log >&2; exit 1; }
}

# frames as on a wire
ip link set lo up mtu 1500
ethtool -K lo tso off gso off gro off >/dev/null 2>&1 || true
cd "$WORK"
for profile in 12 19 23; do
    record "$profile"
done
python3 "$FOLDER/tns_compare.py" "$WORK/out" "$PROGRAM"
