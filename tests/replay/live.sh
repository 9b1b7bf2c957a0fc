#!/bin/bash
# watch on a live interface, with one worker and with two: the loopback of a network namespace of its own, with a real
# HTTP server and client in it.
#
#   tests/replay/live.sh PROGRAM      needs root; the last line is "N passed, N failed"
set -u
cd "$(dirname "$0")/../.."
program=$(realpath "$1")

if [ "$(id -u)" -ne 0 ]; then
    echo "not root: watch is not tried on a live interface"
    echo "0 passed, 0 failed"
    exit 0
fi
if [ "${2:-}" != inside ]; then
    exec unshare --net "$0" "$program" inside
fi

work=$(mktemp -d)
watch= server=
clean() {
    local pid
    for pid in $watch $server; do
        kill "$pid" 2>/dev/null
        wait "$pid" 2>/dev/null
    done
    rm -rf "$work"
}
trap clean EXIT
passed=0
failed=0
expect() { # WHAT COMMAND...
    local what=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED: $what"
    fi
}
# Tries a command for up to 10 seconds.
within() {
    local _
    for _ in $(seq 100); do
        "$@" 2>/dev/null && return 0
        sleep 0.1
    done
    return 1
}
requests() { # N
    local _
    for _ in $(seq "$1"); do
        python3 -c 'import urllib.request; urllib.request.urlopen("http://127.0.0.1:8080/", timeout=5).read()' || return 1
    done
}
lines() { # FILE N: at least
    [ "$(wc -l <"$1")" -ge "$2" ]
}

ip link set lo up
chown nobody "$work" # whom watch becomes; it begins logs anew there
mkdir "$work/www"
echo '<p>made up</p>' >"$work/www/index.html"
python3 -m http.server 8080 --bind 127.0.0.1 --directory "$work/www" >/dev/null 2>&1 &
server=$!
cat >"$work/rules.yaml" <<'YAML'
rules:
  - id: some-requests
    name: More than three requests
    severity: low
    when: network.protocol == "http"
    by: client.ip
    measure: count
    over: 1h
    above: 3
YAML
within bash -c 'exec 3<>/dev/tcp/127.0.0.1/8080'
try() { # WORKERS
    rm -f "$work"/{alerts,log,log.1,summary}
    "$program" watch -i lo --user nobody --workers "$1" -f 'tcp port 8080' -r "$work/rules.yaml" --alerts "$work/alerts" --transactions "$work/log" \
        --summary "$work/summary" 2>"$work/stderr" &
    watch=$!
    expect "the log is there once watch listens" within test -e "$work/log"
    sleep 1
    requests 5
    expect "transactions come while it runs" within lines "$work/log" 5
    expect "the alert comes while it runs" within lines "$work/alerts" 1
    mv "$work/log" "$work/log.1"
    kill -HUP "$watch"
    expect "a log that was moved away is begun anew after SIGHUP" within test -e "$work/log"
    requests 2
    expect "transactions go into the new log" within lines "$work/log" 2
    expect "the old log keeps its own" test "$(wc -l <"$work/log.1")" -eq 5
    kill -TERM "$watch"
    wait "$watch"
    status=$?
    watch=
    expect "SIGTERM ends it with status 0, not $status: $(cat "$work/stderr")" test "$status" -eq 0
    expect "the summary counts all requests" python3 - "$work/summary" <<'PY'
import json, sys
have = json.load(open(sys.argv[1]))
assert have["protocols"]["http"]["requests"] == 7, have["protocols"]
assert have["capture"]["dropped"] == 0, have["capture"]
assert have["alerts"] == 1, have["alerts"]
assert have["limits"]["transactions_dropped"] == 0, have["limits"]
PY
}
try 1
try 2
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
