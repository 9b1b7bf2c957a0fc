#!/bin/bash
# What a run gives up, seen from outside: user, groups, capabilities, files and system calls; and that it still does all
# of its work.  The loopback of a network namespace of its own; a build without sanitizers.
#
#   tests/replay/confine.sh PROGRAM      needs root; the last line is "N passed, N failed"
source "$(dirname "$0")/namespace.sh"

chmod 755 "$work"
rules() {
    cat <<'YAML'
rules:
  - id: none
    name: Nothing
    severity: low
    when: network.protocol == "http"
    by: client.ip
    measure: count
    over: 1h
    above: 1000000
YAML
}
# Every thread's line of that name in /proc/PID/status is this one.
has() { # NAME VALUE...
    local name=$1 status
    shift
    for status in /proc/"$watch"/task/*/status; do
        [ "$(sed -n "s/^$name:\s*//p" "$status" | tr -s '[:blank:]' ' ' | sed 's/ $//')" = "$*" ] || return 1
    done
}
threads() {
    has Threads "$1"
}
start() { # COMMAND...
    "$@" <&0 >/dev/null 2>"$work/stderr" &
    watch=$!
}
# What it told, but for the key of customers' ids: nothing of these runs is kept.
told() {
    grep -v 'no place is named for a site key' "$work/stderr"
}
ends_with() { # STATUS [SIGNAL]
    local status=0
    [ -z "${2:-}" ] || kill -"$2" "$watch"
    wait "$watch" || status=$?
    watch=
    [ "$status" -eq "$1" ] || { echo "status $status"; return 1; }
}
expect_no_rights() {
    local set
    for set in CapInh CapPrm CapEff CapAmb; do
        expect "$set is empty" has "$set" 0000000000000000
    done
    expect "no new privileges" has NoNewPrivs 1
    expect "system calls are filtered" has Seccomp 2
}
owned_by() { # USER FILE
    [ "$(stat -c %U "$2")" = "$1" ]
}

ip link set lo up
rules >"$work/rules.yaml"
install -m 755 "$program" "$work/seepwatch"
nobody=$(id -u nobody)
nogroup=$(id -g nobody)

# --- watch, started as root, with one thread and with several -----------------------------------------------------------
watch() { # OPTION...
    start setpriv --groups 0,4 "$work/seepwatch" watch -s none -i lo -r "$work/rules.yaml" --alerts "$work/logs/alerts" \
        --transactions "$work/logs/log" --summary "$work/summary" "$@"
}
try() { # WORKERS THREADS
    rm -rf "$work/logs" "$work/summary"
    install -d -o nobody -m 700 "$work/logs"
    watch --user nobody -w "$1"
    expect "it runs with $2 threads" within threads "$2"
    expect "it is confined" within has Seccomp 2
    expect "user" has Uid "$nobody $nobody $nobody $nobody"
    expect "group" has Gid "$nogroup $nogroup $nogroup $nogroup"
    expect "other groups are left" has Groups ""
    expect "CapBnd is empty" has CapBnd 0000000000000000
    expect_no_rights
    expect "its logs are the user's" owned_by nobody "$work/logs/log"
    expect "what lies elsewhere stays root's" owned_by root "$work/summary"
    mv "$work/logs/log" "$work/logs/log.1"
    kill -HUP "$watch"
    expect "a log is begun anew after SIGHUP" within test -e "$work/logs/log"
    kill -STOP "$watch"
    sleep 0.2
    kill -CONT "$watch"
    sleep 0.2
    expect "SIGTERM ends it with status 0" ends_with 0 TERM
    expect "SIGHUP is all there is to tell" \
        test "$(told)" = "seepwatch: note: the rules were read again: 1 on, 0 of them anew"
    expect "the summary is written" python3 -m json.tool "$work/summary" /dev/null
}
try 1 1
try 2 3

# --- whose logs are given away ------------------------------------------------------------------------------------------
rm -rf "$work/logs"
mkdir "$work/logs"
touch "$work/logs/alerts"
ln -s "$work/elsewhere" "$work/logs/log"
watch --user nobody
expect "it is confined" within has Seccomp 2
expect "a log that was there stays whose it is" owned_by root "$work/logs/alerts"
expect "so does the end of a symbolic link" owned_by root "$work/elsewhere"
expect "a folder that is not the user's is told in one line" \
    test "$(grep -c "note: the user nobody may not create files in $work/logs: " "$work/stderr")-$(told | wc -l)" = 1-1
expect "and it goes on" ends_with 0 TERM

# --- an interface that goes ---------------------------------------------------------------------------------------------
ip link add mirror0 type veth peer name mirror1 && ip link set mirror0 up && ip link set mirror1 up
start "$work/seepwatch" watch -s none -i mirror0 -r "$work/rules.yaml" --alerts /dev/null
expect "it is confined" within has Seccomp 2
ip link set mirror0 down
sleep 0.5
expect "an interface that is down is waited for" has Seccomp 2
ip link set mirror0 up
sleep 0.5
ip link del mirror0
expect "one that is gone ends it with status 1" ends_with 1
expect "and is named" grep -q '^seepwatch: mirror0: ' "$work/stderr"

# --- users --------------------------------------------------------------------------------------------------------------
usual=$(id -u seepwatch 2>/dev/null || id -u nobody)
start "$work/seepwatch" watch -s none -i lo -r "$work/rules.yaml" --alerts /dev/null
expect "it is confined" within has Seccomp 2
expect "the usual user" has Uid "$usual $usual $usual $usual"
expect "status 0" ends_with 0 INT
start "$work/seepwatch" watch -s none -i lo -r "$work/rules.yaml" --alerts /dev/null --user root
expect "it is confined" within has Seccomp 2
expect "root, where it is asked for" has Uid "0 0 0 0"
expect_no_rights
expect "status 0" ends_with 0 INT
start "$work/seepwatch" watch -s none -i lo -r "$work/rules.yaml" --alerts /dev/null --user nosuchuser
expect "an unknown user: status 2" ends_with 2
expect "and is named" grep -q 'there is no user nosuchuser' "$work/stderr"
start "$work/seepwatch" watch -s none -i lo -r "$work/rules.yaml" --alerts "$work/unconfined" --unconfined
expect "--unconfined runs" within test -e "$work/unconfined"
sleep 0.5
expect "it keeps its system calls" has Seccomp 0
expect "and root" has Uid "0 0 0 0"
expect "status 0" ends_with 0 INT

as_nobody=(setpriv --reuid "$nobody" --regid "$nogroup" --clear-groups)
start "${as_nobody[@]}" "$work/seepwatch" watch -s none -i lo -r "$work/rules.yaml" --alerts /dev/null
expect "without rights: status 1" ends_with 1
expect "and what to do" grep -q 'lo: no permission to capture: run as root, or once: setcap' "$work/stderr"
start "${as_nobody[@]}" --inh-caps +net_raw,+net_admin --ambient-caps +net_raw,+net_admin \
    "$work/seepwatch" watch -s none -i lo -r "$work/rules.yaml" --alerts /dev/null
expect "with capabilities instead of root it is confined" within has Seccomp 2
expect_no_rights
expect "status 0" ends_with 0 INT
start "${as_nobody[@]}" "$work/seepwatch" watch -s none -i lo -r "$work/rules.yaml" --user root
expect "--user without root: status 2" ends_with 2

# --- replay -------------------------------------------------------------------------------------------------------------
"$work/seepwatch" replay -r "$work/rules.yaml" --unconfined --alerts /dev/null --transactions "$work/want" samples/day.pcap.gz
"$work/seepwatch" replay -r "$work/rules.yaml" --alerts /dev/null --transactions "$work/have" samples/day.pcap.gz
# hashes of customers have a key that is made anew at each start
without_hashes() { # FILE
    sed -E 's/"(ids|near)":\[[^]]*\]|"sketch":"[^"]*"//g' "$1"
}
expect "replay finds the same with and without" cmp -s <(without_hashes "$work/want") <(without_hashes "$work/have")
expect "replay found something" test -s "$work/have"
mkfifo "$work/pipe"
(zcat samples/day.pcap.gz; exec sleep 60) >"$work/pipe" &
writer=$!
start "$work/seepwatch" replay -r "$work/rules.yaml" --alerts /dev/null - <"$work/pipe"
expect "replay is confined" within has Seccomp 2
expect "replay stays who it is" has Uid "0 0 0 0"
expect_no_rights
kill "$writer"
expect "status 0" ends_with 0

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
