#!/bin/bash
# What seepwatch counts of Oracle against what a real client, npm's oracledb in its thin mode, was sent.  No Oracle
# server is free to be installed: the server is tns_server.js, which knows what the driver accepts, in the ways of three
# versions.  Recorded on the loopback interface of a network namespace of their own.  As root; skips where a program is
# not there or npm cannot fetch the driver.  With KEEP=FOLDER the captures and the counts stay there.
source "$(dirname "$(readlink -f "$0")")/apart.sh"
needs node npm

prepare() {
    mkdir "$WORK/out"
    npm_fetch "$WORK/npm" oracledb || skip "npm cannot fetch oracledb"
}

apart
as_on_a_wire
kept=('out/*.pcap' 'out/*.json')

version() { # PROFILE
    node "$FOLDER/tns_server.js" 1521 "$1" >server.log 2>&1 &
    local server_pid=$!
    pids+=("$server_pid")
    until_ready "$server_pid" server.log grep -q listening server.log
    record "out/$1"
    NODE_PATH="$WORK/npm/node_modules" timeout 300 node "$FOLDER/tns_driver.js" 1521 "$1" >"out/$1.json"
    recorded
    kill "$server_pid"
    wait "$server_pid" 2>/dev/null || true
}

for profile in 12 19 23; do
    version "$profile"
done
python3 "$FOLDER/tns_compare.py" "$WORK/out" "$PROGRAM"
