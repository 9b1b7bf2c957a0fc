#!/bin/bash
# The program as its user runs it: counts against the servers' own, the alerts of the sample, every kind of mistake.
#
#   tests/replay/run.sh PROGRAM           runs all checks; the last line is "N passed, N failed"
#   tests/replay/run.sh PROGRAM renew     writes the golden alerts anew, to be looked at with git diff
set -u
cd "$(dirname "$0")/../.."
program=$(realpath "$1")
golden=tests/replay/day.alerts
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# ids of customers are the same in all runs, by a key of their own
config=$work/sample.yaml
(umask 077 && echo 000102030405060708090a0b0c0d0e0f >"$work/site.key")
{ cat samples/config.yaml && echo "subject: {key: site.key}"; } >"$config"
passed=0
failed=0

good() {
    passed=$((passed + 1))
}

bad() {
    failed=$((failed + 1))
    echo "FAILED: $*"
}

replay_sample() {
    "$program" replay -s none -c "$config" samples/day.pcap.gz "$@"
}

# --- the sample: exact against the servers' own counters ---------------------------------------------------------------
counts_agree() {
    replay_sample --alerts /dev/null --summary "$work/summary.json" || return 1
    python3 - "$work/summary.json" samples/truth.json <<'PY'
import json, sys
have, want = json.load(open(sys.argv[1])), json.load(open(sys.argv[2]))
wrong = []
def same(what, a, b):
    if a != b:
        wrong.append(f"{what}: {a}, the server counted {b}")
p, h = have["protocols"]["postgresql"], have["protocols"]["http"]
same("postgresql requests", p["requests"], want["postgresql"]["requests"])
same("postgresql responses", p["responses"], want["postgresql"]["requests"])
same("postgresql returned_rows", p["returned_rows"], want["postgresql"]["returned_rows"])
same("postgresql affected_rows", p["affected_rows"], want["postgresql"]["affected_rows"])
same("postgresql failures", p["failures"], want["postgresql"]["failed_logins"])
same("http requests", h["requests"], want["http"]["requests"])
same("http failures", h["failures"], want["http"]["failures"])
same("packets", have["capture"]["packets"], want["packets"])
same("lost bytes", have["streams"]["lost_bytes"], 0)
print("\n".join(wrong))
sys.exit(1 if wrong else 0)
PY
}

bodies_agree() {
    replay_sample --alerts /dev/null --transactions "$work/transactions.jsonl" --sessions "$work/sessions.jsonl" || return 1
    python3 - "$work/transactions.jsonl" "$work/sessions.jsonl" samples/truth.json <<'PY'
import json, sys
transactions = [json.loads(line) for line in open(sys.argv[1])]
sessions = [json.loads(line) for line in open(sys.argv[2])]
want = json.load(open(sys.argv[3]))
bodies = sum(t["http"]["response"]["body"]["bytes"] for t in transactions if t["network"]["protocol"] == "http")
rows = sum(t.get("db", {}).get("response", {}).get("returned_rows", 0) for t in transactions)
assert bodies == want["http"]["response_body_bytes"], (bodies, want["http"])
assert rows == want["postgresql"]["returned_rows"], (rows, want["postgresql"])
final = [s for s in sessions if "end" in s["event"]]
assert sum(s["server"]["bytes"] for s in final) == sum(t["server"]["bytes"] for t in transactions)
assert {t["session"]["id"] for t in transactions} == {s["session"]["id"] for s in final}
PY
}

# No literal of a statement, no password, no identifier in a path.
outputs_tell_no_secret() {
    replay_sample --alerts "$work/alerts.jsonl" --transactions "$work/transactions.jsonl" \
        --sessions "$work/sessions.jsonl" --summary "$work/summary.json" || return 1
    # what a rule says of itself is no secret
    ! sed -E 's/"description":"[^"]*"//' "$work"/*.json* | grep -oE "id = [0-9]+|'[^']+'|/customers/[0-9]+|[Pp]assword=|Basic "
}

alerts_are_golden() {
    replay_sample >"$work/alerts" 2>"$work/errors" || return 1
    [ "${1:-}" != renew ] || cp "$work/alerts" "$golden"
    diff "$golden" "$work/alerts"
}

same_from_every_source() {
    gzip -dc samples/day.pcap.gz >"$work/day.pcap"
    local from
    for from in "$work/day.pcap" -; do
        "$program" replay -s none -c "$config" --alerts /dev/null --transactions "$work/other.jsonl" "$from" \
            <"$work/day.pcap" || return 1
        cmp "$work/transactions.jsonl" "$work/other.jsonl" || return 1
    done
    "$program" replay -s none -c "$config" --alerts /dev/null --transactions "$work/other.jsonl" - \
        < <(cat "$work/day.pcap") && cmp "$work/transactions.jsonl" "$work/other.jsonl" || return 1
    # two files, merged by time
    local half
    half=$(stat -c %s "$work/day.pcap")
    python3 - "$work/day.pcap" "$work/a.pcap" "$work/b.pcap" <<'PY'
import struct, sys
data = open(sys.argv[1], "rb").read()
out, at, n = [data[:24], data[:24]], 24, 0
while at < len(data):
    size = 16 + struct.unpack("<I", data[at + 8:at + 12])[0]
    out[n % 2] += data[at:at + size]
    at, n = at + size, n + 1
open(sys.argv[2], "wb").write(out[0]); open(sys.argv[3], "wb").write(out[1])
PY
    "$program" replay -s none -c "$config" --alerts /dev/null --transactions "$work/other.jsonl" \
        "$work/b.pcap" "$work/a.pcap" || return 1
    cmp "$work/transactions.jsonl" "$work/other.jsonl" && [ "$half" -gt 0 ]
}

# Order aside, whatever the number of workers.
same_with_more_workers() {
    local workers
    for workers in 2 3; do
        replay_sample --workers $workers --transactions "$work/other.jsonl" --summary "$work/other.json" \
            >"$work/alerts" || return 1
        cmp <(sort "$work/transactions.jsonl") <(sort "$work/other.jsonl") || return 1
        diff "$golden" "$work/alerts" || return 1
        python3 - "$work/summary.json" "$work/other.json" <<'PY' || return 1
import json, sys
one, more = (json.load(open(name)) for name in sys.argv[1:])
for key in ("seconds", "limits", "outputs"):
    del one[key], more[key]
assert one == more, (one, more)
PY
    done
}

# The site's key is made once, for its owner alone; with it the ids of two runs are the same, and another's are others.
ids_are_the_sites() {
    local run
    for run in 1 2 3; do
        mkdir -p "$work/site$((run / 3))"
        { cat samples/config.yaml && echo "subject: {key: site$((run / 3))/key}"; } >"$work/key.yaml"
        "$program" replay -s none -c "$work/key.yaml" --alerts /dev/null --transactions "$work/run$run" \
            samples/day.pcap.gz 2>"$work/stderr" || return 1
        grep -c 'is the site key now' "$work/stderr"
    done | paste -sd ' ' | grep -qx '1 0 1' || return 1
    [ "$(stat -c %a "$work/site0/key")" = 600 ] && cmp "$work/run1" "$work/run2" && ! cmp -s "$work/run1" "$work/run3" &&
        grep -q '"subject":{"count":' "$work/run1" || return 1
    chmod 640 "$work/site0/key"
    echo "subject: {key: site0/key}" >"$work/key.yaml"
    ! "$program" replay -s none -c "$work/key.yaml" samples/day.pcap.gz 2>"$work/stderr" &&
        grep -q 'chmod 600' "$work/stderr"
}

# What is there, in words; and a configuration from it that check finds good and a replay takes.
survey_finds_what_is_there() {
    "$program" survey --write-config "$work/starter.yaml" samples/day.pcap.gz >"$work/report" 2>"$work/stderr" || return 1
    grep -qE '^  10\.20\.0\.10:5432 +postgresql +985 +14,676 ' "$work/report" &&
        grep -qE '^  per +567 +14,175 ' "$work/report" &&
        grep -q '^  Nothing that can be seen from here\.$' "$work/report" &&
        "$program" check -c "$work/starter.yaml" &&
        "$program" replay -c "$work/starter.yaml" --transactions "$work/named.jsonl" samples/day.pcap.gz >/dev/null &&
        grep -q '"network":{[^}]*"name":"net-10-1-2-0"' "$work/named.jsonl" &&
        ! "$program" survey --write-config "$work/starter.yaml" samples/day.pcap.gz >/dev/null 2>"$work/stderr" &&
        grep -q 'is there already' "$work/stderr" || { cat "$work/report" "$work/stderr"; return 1; }
}

# Half of the day is over at noon.
survey_stops_in_time() {
    "$program" survey --for 3h samples/day.pcap.gz >"$work/report" 2>&1 || return 1
    local requests
    requests=$(awk '$2 == "postgresql" || $2 == "http" { gsub(",", "", $3); sum += $3 } END { print sum }' "$work/report")
    [ "$requests" -gt 0 ] && [ "$requests" -lt 1317 ]
}

# The tests of a rule file are run; one that fails is shown, and the status is 2.  --list tells the rules in words.
tests_of_rules_are_run() {
    local status=0
    cat >"$work/local.yaml" <<'YAML'
change:
  - id: account-volume-day
    above: 1000
    except: [{when: user.name == "audit", reason: the auditors}]
tests:
  - name: a bulk
    transactions: [{user.name: anna, server.bytes: 1001}]
    raises: [{rule: account-volume-day, user.name: anna}]
    silent: [account-rows-day]
  - name: the auditors
    transactions: [{user.name: audit, server.bytes: 1001}]
    silent: [account-volume-day]
YAML
    "$program" check --list -r rules -r "$work/local.yaml" >"$work/list" || return 1
    grep -q '^[0-9]* tests of rules: [0-9]* passed, 0 failed$' "$work/list" &&
        grep -q "^  defined     rules/volume.yaml:[0-9]*, changed $work/local.yaml:2$" "$work/list" &&
        grep -q '^  except      user.name == "audit" (the auditors)$' "$work/list" || return 1
    sed -i 's/bytes: 1001/bytes: 1000/' "$work/local.yaml"
    "$program" check -r rules -r "$work/local.yaml" >"$work/list" 2>"$work/stderr" || status=$?
    [ "$status" -eq 2 ] && grep -q '^  - account-volume-day user.name=anna: was not raised$' "$work/list" &&
        grep -q '1 tests of rules failed' "$work/stderr"
}

# --- mistakes: the status, one line on standard error, and nothing written ---------------------------------------------
mistake() { # STATUS PATTERN ARGUMENT...
    local wanted=$1 pattern=$2 status=0
    shift 2
    rm -f "$work/out.json"
    "$program" ${1+"$1"} --transactions "$work/out.json" "${@:2}" >"$work/stdout" 2>"$work/stderr" </dev/null || status=$?
    if [ "$status" -ne "$wanted" ] || [ "$(wc -l <"$work/stderr")" -ne 1 ] || ! grep -qE "$pattern" "$work/stderr" ||
        [ -s "$work/stdout" ] || [ -e "$work/out.json" ]; then
        bad "seepwatch $*: status $status, $(cat "$work/stderr")"
    else
        good
    fi
}

mistakes() {
    local day=samples/day.pcap.gz
    echo "not a capture, only text that is long enough to be looked at" >"$work/text"
    : >"$work/empty"
    printf 'rules:\n  - id: a\n    when: event.acton == "read"\n    name: a\n    severity: low\n    by: user.name\n    measure: count\n    over: 1h\n    above: 1\n' >"$work/rules.yaml"
    printf 'networks:\n  - name: a\n    prefixes: [10.0.0.1/8]\n' >"$work/config.yaml"
    printf 'netwroks: []\n' >"$work/keys.yaml"
    mistake 1 'No such file' replay "$work/none.pcap"
    mistake 1 'No such file' replay "$day" "$work/none.pcap"
    mistake 1 'not a capture' replay "$work/text"
    mistake 1 'empty|not a capture' replay "$work/empty"
    mistake 1 'directory' replay "$work"
    mistake 1 '' replay "$day" --alerts "$work/none/alerts"
    mistake 2 'unknown option --foo' replay --foo "$day"
    mistake 2 'needs a value' replay "$day" -c
    mistake 2 'name a capture' replay
    mistake 2 'name an interface' watch
    mistake 2 'check reads' check
    mistake 2 "list is check's" replay --list "$day"
    mistake 2 'unknown command' reply "$day"
    mistake 2 'watch, replay, survey, check or tune'
    mistake 2 'survey has no rules and logs' survey "$day"
    mistake 2 'name a file, or none' replay -s '' "$day"
    mistake 2 'rules.yaml:3:11: .*event.action' replay -r "$work/rules.yaml" "$day"
    mistake 2 'config.yaml:3:16: ' replay -c "$work/config.yaml" "$day"
    mistake 2 'keys.yaml:1:1: .*networks' replay -c "$work/keys.yaml" "$day"
    mistake 2 'No such file' replay -c "$work/none.yaml" "$day"
    mistake 2 'No such file' replay -r "$work/none.yaml" "$day"
    mistake 1 '' replay --geo "$work/text" "$day"
    mistake 2 'filter|syntax' replay -f 'tcp prot 80' "$day"
    mistake 2 'workers 0' replay -w 0 "$day"
    mistake 2 'one worker only' replay -w 2 -
    mistake 2 'pin' replay --pin 0 "$day"
    mistake 2 'no processor 999' replay -w 2 --pin 0,999 "$day"
    mistake 1 'nosuchif0' watch -s none -i nosuchif0
    mistake 2 'for and --write-config are' replay --for 5m "$day"
    mistake 2 'for never' replay --for never "$day"
}

check() { # NAME COMMAND...
    local name=$1
    shift
    if "$@" >"$work/said" 2>&1; then
        good
    else
        bad "$name"
        cat "$work/said"
    fi
}

if [ "${2:-}" = renew ]; then
    alerts_are_golden renew
    exit
fi
check "the sample's counts are the servers' own" counts_agree
check "bodies, rows and sessions add up" bodies_agree
check "outputs tell no secret" outputs_tell_no_secret
check "the sample's alerts are $golden" alerts_are_golden
check "the same from plain, from standard input, and from two files" same_from_every_source
check "the same with 2 and 3 workers" same_with_more_workers
check "ids of customers are the site's" ids_are_the_sites
check "a survey finds what is there" survey_finds_what_is_there
check "the strict limits load over the shipped rules" "$program" check -r rules -r samples/strict.yaml
check "a survey stops in time" survey_stops_in_time
check "the tests of rules are run" tests_of_rules_are_run
check "check finds no mistake in what ships" "$program" check -c samples/config.yaml
mistakes
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
