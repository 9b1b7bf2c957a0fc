#!/bin/bash
# SIGHUP, or a rule file or list that changes, while watch is confined: changed rules take the place of the old ones as
# a whole, rules whose meaning stayed go on counting, and a mistake leaves everything as it was.  The loopback of a
# network namespace of its own, with a real HTTP server and client in it.
#
#   tests/replay/reload.sh PROGRAM      needs root; the last line is "N passed, N failed"
source "$(dirname "$0")/namespace.sh"

rule() { # ID ABOVE WHEN
    cat <<YAML
  - id: $1
    name: $1
    severity: low
    when: $3
    by: client.ip
    measure: count
    over: 1h
    above: $2
    quiet: 0
YAML
}
# Writes beside and moves over it, as editors do.
put() { # FILE < text
    cat >"$1.new"
    mv "$1.new" "$1"
}
# The values that a rule's alerts told, in one line.
values() { # ID
    python3 - "$work/alerts" "$1" <<'PY'
import json, sys
alerts = [json.loads(line) for line in open(sys.argv[1])]
print(*[a["alert"]["value"] for a in alerts if a["rule"]["id"] == sys.argv[2] and "alert" in a])
PY
}
told() { # ID VALUE...
    local id=$1
    shift
    [ "$(values "$id")" = "$*" ]
}
refused() { # TIMES: that the log of alerts says that rules were refused
    [ "$(grep -c '"dataset":"seepwatch.health"},"rule":{"id":"rules-refused"' "$work/alerts")" = "$1" ]
}
counted() { # N: requests that watch has seen, by a rule that tells each
    local last
    last=$(values each | awk '{print $NF}')
    [ "${last:-0}" -ge "$1" ]
}
says() { # TEXT
    grep -qF -- "$1" "$work/stderr"
}

ip link set lo up
chmod 755 "$work"
mkdir "$work/www"
echo '<p>made up</p>' >"$work/www/index.html"
python3 -m http.server 8080 --bind 127.0.0.1 --directory "$work/www" >/dev/null 2>&1 &
server=$!
within bash -c 'exec 3<>/dev/tcp/127.0.0.1/8080'

try() { # WORKERS
    rm -rf "$work"/{logs,rules,one.yaml,summary}
    install -d -o nobody "$work/logs"
    mkdir "$work/rules"
    {
        echo 'rules:'
        rule each 0 'network.protocol == "http"'
        rule same 5 'network.protocol == "http" and client.ip in [127.0.0.1]'
        rule limit 100 'network.protocol == "http"'
        rule other 5 'network.protocol == "http"'
    } | put "$work/rules/a.yaml"
    { echo 'rules:'; rule gone 5 'network.protocol == "http"'; } | put "$work/one.yaml"
    "$program" watch -s none -i lo --user nobody --workers "$1" -f 'tcp port 8080' -r "$work/rules" -r "$work/one.yaml" \
        --alerts "$work/logs/alerts" --summary "$work/summary" 2>"$work/stderr" &
    watch=$!
    ln -sfn "$work/logs/alerts" "$work/alerts"
    expect "the log is there once watch listens" within test -e "$work/alerts"
    sleep 1
    requests 4
    expect "four requests are seen" within counted 4
    expect "nothing is told before the limit" told same

    # a file that is replaced, a new one in the folder, one rule less
    {
        echo 'lists: {here: [127.0.0.1]}'
        echo 'rules:'
        rule other 5 'network.protocol == "http" and client.ip in here'
        rule limit 6 'network.protocol == "http"'
        rule each 0 'network.protocol == "http"'
        rule same 5 'network.protocol == "http" and client.ip in [127.0.0.1]'
    } | put "$work/rules/a.yaml"
    { echo 'rules:'; rule named 0 'network.community_id exists'; } | put "$work/rules/b.yaml"
    { echo 'rules:'; rule late 2 'network.protocol == "http"'; } | put "$work/one.yaml"
    kill -HUP "$watch"
    expect "the rules are read again" within says 'note: the rules were read again: 6 on, 3 of them anew'
    requests 3
    expect "three more are seen" within counted 7
    expect "a rule as it was goes on counting" told same 6 7
    expect "so does one with another limit" told limit 7
    expect "one with another condition begins anew" told other
    expect "one that is gone tells nothing" told gone
    expect "a new one counts from then on" told late 3
    expect "what is costly is computed once a rule asks for it" told named 1 2 3

    # a mistake, with a change beside it
    { echo 'rules:'; rule late 1000000 'network.protocol == "http"'; } | put "$work/one.yaml"
    { echo 'rules:'; rule broken 1 'network.protocl == "http"'; } | put "$work/rules/b.yaml"
    kill -HUP "$watch"
    expect "a mistake is told with its place" within says "seepwatch: $work/rules/b.yaml:5:11: "
    expect "and that nothing has changed" within says 'seepwatch: the rules stay as they were'
    expect "so it is where alerts go, once" within refused 1
    requests 3
    expect "ten are seen" within counted 10
    expect "the old set goes on" told same 6 7 8 9 10
    expect "no part of the new one counts" told late 3 4 5 6
    expect "the one that had begun anew comes to its limit" told other 6

    # mended, and the log moved away
    { echo 'rules:'; rule late 7 'network.protocol == "http"'; } | put "$work/one.yaml"
    rm "$work/rules/b.yaml"
    mv "$work/logs/alerts" "$work/logs/alerts.1"
    kill -HUP "$watch"
    expect "mended, it is read" within says 'note: the rules were read again: 5 on, 0 of them anew'
    expect "and the log is begun anew" within test -e "$work/alerts"
    requests 1
    expect "eleven are seen" within counted 11
    expect "the limit of now is the one that counts" told late
    requests 1
    expect "twelve are seen" within counted 12
    expect "over all three sets" told late 8
    kill -TERM "$watch"
    wait "$watch"
    status=$?
    watch=
    expect "SIGTERM ends it with status 0, not $status" test "$status" -eq 0
    expect "mistakes are told once" test "$(grep -c 'b.yaml:5' "$work/stderr")" -eq 1
    expect "the summary counts all requests" python3 - "$work/summary" <<'PY'
import json, sys
have = json.load(open(sys.argv[1]))
assert have["protocols"]["http"]["requests"] == 12, have["protocols"]
assert have["capture"]["dropped"] == 0, have["capture"]
PY
}
try 1
try 2

# --- files that change without a signal ---------------------------------------------------------------------------------
reloads() { # N
    [ "$(grep -c 'rules were read again' "$work/stderr")" -eq "$1" ]
}
stays_at() { # N: no more than these, for longer than files take to settle
    within reloads "$1" && sleep 2 && reloads "$1"
}
one() { # ID ABOVE
    { echo 'rules:'; rule "$1" "$2" 'network.protocol == "http"'; }
}
try_files() { # WORKERS
    rm -rf "$work"/{logs,rules,beside}
    install -d -o nobody "$work/logs"
    mkdir "$work/rules" "$work/beside"
    echo '10.0.0.0/8 # elsewhere' >"$work/beside/list.txt"
    {
        echo 'lists: {named: {file: ../beside/list.txt}}'
        one each 0
        rule listed 0 'network.protocol == "http" and client.ip in named'
    } | put "$work/rules/a.yaml"
    one same 2 | put "$work/beside/one.yaml"
    "$program" watch -s none -i lo --user nobody --workers "$1" -f 'tcp port 8080' -r "$work/rules" -r "$work/beside/one.yaml" \
        --alerts "$work/logs/alerts" 2>"$work/stderr" &
    watch=$!
    expect "watch listens" within test -e "$work/alerts"
    sleep 1
    requests 2
    expect "two requests are seen" within counted 2
    for limit in 9 8 7 6 4; do
        one same "$limit" | put "$work/beside/one.yaml"
        one "new-$limit" 100 >"$work/rules/b.yaml"
        sleep 0.2
    done
    expect "several writes are one reload" stays_at 1
    expect "of what they end with" says 'note: the rules were read again: 4 on, 1 of them anew'
    requests 3
    expect "three more are seen" within counted 5
    expect "a rule goes on with its new limit" told same 5
    rm "$work/rules/b.yaml"
    expect "a file that is gone is noticed" stays_at 2
    expect "what is in no list tells nothing" told listed
    echo 127.0.0.1 | put "$work/beside/list.txt"
    expect "a list that changes is read" within says 'note: the rules were read again: 3 on, 1 of them anew'
    requests 1
    expect "and counts" within told listed 1
    one other 5 >"$work/beside/other.yaml"
    one other 5 >"$work/rules/.hidden.yaml"
    one other 5 >"$work/rules/a.yaml.swp"
    expect "what is no rule file is not" stays_at 3
    one same nothing | put "$work/beside/one.yaml"
    expect "a mistake is told with its place" within says "seepwatch: $work/beside/one.yaml:"
    expect "and that nothing has changed" within says 'seepwatch: the rules stay as they were'
    requests 1
    expect "the old set goes on" within told same 5 6 7
    rm "$work/beside/list.txt"
    expect "a list that is gone is told where it is named" within says "$work/rules/a.yaml:1:23: $work/rules/../beside/list.txt: "
    echo 127.0.0.1 >"$work/beside/list.txt"
    mv "$work/beside/one.yaml" "$work/beside/two.yaml"
    one same 3 >"$work/beside/new.yaml"
    mv "$work/beside/new.yaml" "$work/beside/one.yaml"
    kill -HUP "$watch"
    expect "what SIGHUP has read is not read twice" stays_at 4
    kill -TERM "$watch"
    wait "$watch"
    expect "status 0" test $? -eq 0
    watch=
}
try_files 1
try_files 2

# --- under load ---------------------------------------------------------------------------------------------------------
# Requests without a pause, while the rules are read again several times a second, by SIGHUP and by file watch, every
# third time with a mistake.  Each request counts, and once: the values that a rule tells are 1, 2, 3, ...
load_totals() { # REQUESTS
    python3 - "$work" "$1" <<'PY'
import collections, json, sys
work, count = sys.argv[1], int(sys.argv[2])
values = collections.defaultdict(list)
digest = collections.Counter()
for a in map(json.loads, open(f"{work}/logs/told")):
    if a["event"]["dataset"] == "seepwatch.digest":
        digest[a["rule"]["id"]] += a["digest"]["alerts"]
        assert a["digest"]["excepted"] == (count if a["rule"]["id"] == "excepted" else 0), a
for a in map(json.loads, open(f"{work}/logs/alerts")):
    if a["event"]["dataset"] != "seepwatch.health":
        values[a["rule"]["id"]].append(a["alert"]["value"])
summary = json.load(open(f"{work}/summary"))
assert summary["capture"]["dropped"] == 0, summary["capture"]
assert summary["limits"]["transactions_dropped"] == 0, summary["limits"]
assert summary["protocols"]["http"]["requests"] == summary["protocols"]["http"]["responses"] == count, summary["protocols"]
assert summary["transactions"] == sum(1 for _ in open(f"{work}/logs/log")) == count, summary["transactions"]
assert values["each"] == list(range(1, count + 1)), (len(values["each"]), values["each"][-1])
# its limit changes all the time: each of its alerts tells a value of the same count, none twice
limited = values["limit"]
assert len(limited) == len(set(limited)) and limited == sorted(limited), limited
assert summary["transactions_excepted"] == count, summary["transactions_excepted"]
assert summary["alerts"] == sum(map(len, values.values())), summary["alerts"]
assert {k: n for k, n in digest.items() if n} == {k: len(v) for k, v in values.items() if v}, digest
PY
}
load_rules() { # LIMIT OTHER
    echo 'rules:'
    rule each 0 'network.protocol == "http"'
    rule limit "$1" 'network.protocol == "http"'
    rule excepted 0 'network.protocol == "http"'
    echo '    except: [{when: network.protocol == "http", reason: made up}]'
    rule "$2" 1000000 'network.protocol == "http"'
}
try_load() { # WORKERS SIGNAL SECONDS PAUSE
    local i=0 limit count=12000
    rm -rf "$work"/{logs,rules,summary}
    install -d -o nobody "$work/logs"
    mkdir "$work/rules"
    load_rules 1000000 first | put "$work/rules/a.yaml"
    echo 'alerts: [{to: file, path: logs/told}]' >"$work/told.yaml"
    rm -f "$work/logs/told"
    "$program" watch -s none -c "$work/told.yaml" -i lo --user nobody --workers "$1" -f 'tcp port 8081' -r "$work/rules" --alerts "$work/logs/alerts" \
        --transactions "$work/logs/log" --summary "$work/summary" 2>"$work/stderr" &
    watch=$!
    expect "watch listens" within test -e "$work/logs/log"
    sleep 1
    tests/replay/load.py 8081 "$count" "$3" >"$work/load" 2>&1 &
    server="$server $!"
    while kill -0 "${server##* }" 2>/dev/null; do
        i=$((i + 1))
        limit=$((i % 2 ? 1000000 : i * 10))
        if [ $((i % 3)) -eq 0 ]; then
            load_rules "$limit" 'a mistake' | put "$work/rules/a.yaml"
        else
            load_rules "$limit" "rule-$i" | put "$work/rules/a.yaml"
        fi
        [ "$2" = none ] || kill -"$2" "$watch"
        sleep "$4"
    done
    expect "all requests were answered: $(cat "$work/load")" wait "${server##* }"
    server=${server% *}
    within eval '[ "$(wc -l <"$work/logs/log")" -ge "$count" ]'
    kill -TERM "$watch"
    wait "$watch"
    expect "status 0" test $? -eq 0
    watch=
    expect "the rules changed at least three times" test "$(grep -c 'rules were read again' "$work/stderr")" -ge 3
    expect "mistakes were among them" says 'seepwatch: the rules stay as they were'
    expect "no request and no count is lost" load_totals "$count"
}
try_load 1 HUP 3 0.15
try_load 2 HUP 3 0.15
try_load 1 none 9 1.4
try_load 2 none 9 1.4

# --- rules that the user may not read -----------------------------------------------------------------------------------
chmod 700 "$work/rules"
"$program" watch -s none -i lo --user nobody -r "$work/rules" --alerts /dev/null 2>"$work/stderr" &
watch=$!
expect "it is told at the start" within says "note: the user nobody may not read $work/rules: SIGHUP cannot load it again"
kill -HUP "$watch"
expect "and on SIGHUP" within says "$work/rules: Permission denied"
expect "and it goes on" within says 'the rules stay as they were'
kill -TERM "$watch"
wait "$watch"
expect "status 0" test $? -eq 0
watch=
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
