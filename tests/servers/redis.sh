#!/bin/bash
# What seepwatch counts of Redis against what Redis counts itself, INFO: a real server and real
# clients, recorded on the loopback interface of a network namespace of their own.  The cases are in
# redis_cases.py.  As root; skips where a program is not there.  With KEEP=FOLDER the capture, the
# counts and the server's log stay there.  npm's driver takes part where npm can fetch it.
source "$(dirname "$(readlink -f "$0")")/apart.sh"
needs redis-server redis-cli redis-benchmark

prepare() {
    mkdir "$WORK/driver"
    ! npm_fetch "$WORK/driver" redis@5 || cp "$FOLDER/redis_driver.js" "$WORK/driver/driver.js"
}

apart
kept=(all.pcap cases.json server.log)
redis-server --bind 127.0.0.1 --port 6379 --unixsocket "$WORK/redis.sock" --dir "$WORK" --save '' --appendonly no \
    --enable-debug-command yes --repl-diskless-sync-delay 0 >server.log 2>&1 &
pids+=("$!")
is_up() {
    [ "$(redis-cli -s redis.sock ping)" = PONG ]
}
until_ready "${pids[0]}" server.log is_up
record all

python3 "$FOLDER/redis_cases.py" "$WORK"
recorded
python3 "$FOLDER/redis_compare.py" "$WORK" "$PROGRAM"
