#!/bin/bash
# What seepwatch counts of MongoDB against what npm's driver (its command monitoring) and the server at the other end
# counted, recorded on the loopback interface of a network namespace of their own.  MongoDB's own server is in no
# distribution: the one beside this script speaks its protocol.  The cases are in mongodb_cases.js.  As root; skips where
# a program or the driver is not to be had.  With KEEP=FOLDER the capture and the counts stay there.
source "$(dirname "$(readlink -f "$0")")/apart.sh"
needs node npm

prepare() {
    npm_fetch "$WORK" mongodb@6 snappy@7 @mongodb-js/zstd@1 || skip "npm cannot fetch the driver"
}

apart
kept=(all.pcap counts.json events.json)
record_options=(-s 0 -B 262144)
export NODE_PATH=$WORK/node_modules
node "$FOLDER/mongodb_server.js" 27017 counts.json >server.log 2>&1 &
server_pid=$!
pids+=("$server_pid")
until_ready "$server_pid" server.log grep -q listening server.log
record all

node "$FOLDER/mongodb_cases.js" 27017 events.json || { cat server.log >&2; exit 1; }
kill -TERM "$server_pid"
wait "$server_pid" || { cat server.log >&2; exit 1; }
recorded
python3 "$FOLDER/mongodb_compare.py" "$WORK" "$PROGRAM"
