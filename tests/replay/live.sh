#!/bin/bash
# watch on live interfaces of a network namespace of its own, with one worker and with two: the loopback, with a real
# HTTP server and client; and a pair of interfaces of which one is the mirror port that the sample's frames come from.
#
#   tests/replay/live.sh PROGRAM      needs root; the last line is "N passed, N failed"
source "$(dirname "$0")/namespace.sh"

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
    "$program" watch -s none -i lo --user nobody --workers "$1" -f 'tcp port 8080' -r "$work/rules.yaml" --alerts "$work/alerts" --transactions "$work/log" \
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

# --- a mirror port ------------------------------------------------------------------------------------------------------
ip link add wire0 type veth peer name mirror0
for interface in wire0 mirror0; do
    echo 1 >/proc/sys/net/ipv6/conf/$interface/disable_ipv6
    ip link set $interface arp off multicast off mtu 9000 up
done
mirror() { # RING OPTION...
    rm -f "$work"/{log,summary}
    echo "limits: {ring: $1}" >"$work/config.yaml"
    "$program" watch -s none -c "$work/config.yaml" -r "$work/rules.yaml" -i mirror0 --user nobody --alerts /dev/null \
        --transactions "$work/log" --summary "$work/summary" "${@:2}" 2>"$work/stderr" &
    watch=$!
    within test -e "$work/log"
}
has_rested() { # a third of a second with less than 30 ms of work: what the ring had is read
    local before after
    before=$(awk '{n += $1} END {printf "%.0f", n}' /proc/"$watch"/task/*/schedstat)
    sleep 0.3
    after=$(awk '{n += $1} END {printf "%.0f", n}' /proc/"$watch"/task/*/schedstat)
    [ $(((after - before) / 1000000)) -lt 30 ]
}
end_mirror() {
    within has_rested
    kill -TERM "$watch"
    wait "$watch"
    watch=
}
send() { # OPTION...
    tests/replay/live_send.py wire0 samples/day.pcap.gz "$@"
}
# Nanoseconds that each thread but the first, the watcher's, has run.
ran() {
    local task
    for task in /proc/"$watch"/task/*; do
        [ "${task##*/}" = "$watch" ] || cut -d' ' -f1 "$task/schedstat"
    done
}
everyone_worked() { # BEFORE...: each ran for another millisecond
    local now
    for now in $(ran); do
        [ $((now - $1)) -gt 1000000 ] || return 1
        shift
    done
}

"$program" replay -r "$work/rules.yaml" --alerts /dev/null --summary "$work/want" samples/day.pcap.gz
counts_as_in_the_file() { # FRAMES
    python3 - "$work/summary" "$work/want" "$1" <<'PY'
import json, sys
have, want = (json.load(open(path)) for path in sys.argv[1:3])
assert have["capture"]["packets"] == int(sys.argv[3]), have["capture"]
assert have["capture"]["dropped"] == 0, have["capture"]
for key in "tcp", "midstream", "one_sided":
    assert have["flows"][key] == want["flows"][key], (key, have["flows"], want["flows"])
for name, counts in want["protocols"].items():
    assert have["protocols"][name] == counts, (name, have["protocols"][name], counts)
PY
}
for wrap in none qinq mpls gre erspan vxlan geneve gtp; do
    for workers in 1 2; do
        mirror 64MiB --workers $workers
        # shellcheck disable=SC2046
        before=($(ran))
        sent=$(send --wrap $wrap)
        within has_rested
        [ $workers = 1 ] || expect "$wrap: both workers have work" everyone_worked "${before[@]}"
        end_mirror
        expect "$wrap, $workers workers: the counts are those of the file" counts_as_in_the_file "$sent"
    done
done

# --- full rate ----------------------------------------------------------------------------------------------------------
packets_told() { # FRAMES WHAT-OF-THE-DROPPED
    python3 - "$work/summary" "$1" "$2" <<'PY'
import json, sys
have = json.load(open(sys.argv[1]))["capture"]
assert have["packets"] + have["dropped"] == int(sys.argv[2]), (have, sys.argv[2])
assert eval(sys.argv[3], {"dropped": have["dropped"]}), have
PY
}
for workers in 1 2; do
    mirror 64MiB --workers $workers
    sent=$(send --times 10)
    end_mirror
    expect "a ring of 64 MiB loses nothing, $workers workers" packets_told "$sent" 'dropped == 0'
    mirror 2MiB --workers $workers
    sent=$(send --times 3 --pid "$watch")
    end_mirror
    expect "what a ring of 2 MiB loses is told, $workers workers" packets_told "$sent" 'dropped > 1000'
done

# --- where threads run --------------------------------------------------------------------------------------------------
processors=$(python3 -c 'import os; on = sorted(os.sched_getaffinity(0)); print(on[0], on[-1])')
read -r first last <<<"$processors"
pinned() { # each worker is where it should be, and the watcher anywhere
    local task lists=()
    for task in /proc/"$watch"/task/*; do
        [ "${task##*/}" = "$watch" ] || lists+=("$(sed -n 's/^Cpus_allowed_list:\s*//p' "$task/status")")
    done
    [ "${lists[*]}" = "$processors" ] && cmp -s <(grep Cpus_allowed_list /proc/self/status) \
        <(grep Cpus_allowed_list /proc/"$watch"/status)
}
mirror 2MiB --workers 2 --pin "$first,$last"
expect "--pin puts each worker on its processor" within pinned
end_mirror
mirror 2MiB --workers 2 --pin "$last,$first"
processors="$last $first"
expect "in the order that was given" within pinned
end_mirror

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
