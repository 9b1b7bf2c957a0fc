#!/bin/bash
# Logs as input: a capture and the logs written from it raise the same alerts and make the same sessions, to the byte.
#
#   tests/replay/logs.sh PROGRAM
set -eu
cd "$(dirname "$0")/../.."
program=$(realpath "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
capture=samples/day.pcap.gz
failed=0

bad() {
    echo "FAILED: $*"
    failed=$((failed + 1))
}

replay() { # NAME FILE...: the logs of that name
    local name=$1
    shift
    "$program" replay -s none -c samples/config.yaml -r rules --alerts "$work/$name.alerts" --sessions "$work/$name.sessions" \
        --transactions "$work/$name.jsonl" --mirror "$work/$name.mirror.jsonl" --summary "$work/$name.summary" "$@"
}

# Totals of each session when it ended: how they were written on the way depends on when somebody looked.
ended() {
    grep '"end"' "$work/$1.sessions" | sort
}

same() { # NAME: as the capture
    cmp "$work/capture.alerts" "$work/$1.alerts" || bad "$1: other alerts"
    cmp "$work/capture.jsonl" "$work/$1.jsonl" || bad "$1: other transactions"
    cmp "$work/capture.mirror.jsonl" "$work/$1.mirror.jsonl" || bad "$1: other records of the mirror"
    cmp <(ended capture) <(ended "$1") || bad "$1: other sessions"
}

replay capture "$capture"
[ -s "$work/capture.alerts" ] || bad "the capture raises no alert: nothing is tested"
logs=("$work/capture.jsonl" "$work/capture.mirror.jsonl")

replay logs "${logs[@]}"
same logs

gzip -k "$work/capture.jsonl"
zstd -q "$work/capture.mirror.jsonl"
mv "$work/capture.jsonl.gz" "$work/one" # known by what they hold
mv "$work/capture.mirror.jsonl.zst" "$work/two"
replay packed "$work/one" "$work/two"
same packed

replay workers --workers 2 "${logs[@]}"
same workers

replay input - "${logs[1]}" <"${logs[0]}"
same input

# a rotated log: two files, merged by time
head -700 "${logs[0]}" >"$work/a.jsonl"
tail -n +701 "${logs[0]}" >"$work/b.jsonl"
replay rotated "$work/b.jsonl" "$work/a.jsonl" "${logs[1]}"
same rotated

# beside a capture, each transaction counts: twice here
replay both "$capture" "${logs[0]}"
[ "$(wc -l <"$work/both.jsonl")" -eq $((2 * $(wc -l <"${logs[0]}"))) ] || bad "capture and log together: not all transactions"
sorted() { python3 -c 'import json, sys
last = ""
for line in open(sys.argv[1]):
    last = max(last, json.loads(line)["@timestamp"][:16])
    assert json.loads(line)["@timestamp"][:16] >= last[:13], line' "$1"; }
sorted "$work/both.jsonl" || bad "capture and log together: not by time"

# a bad line is told with its number, and stops nothing
{ head -3 "${logs[0]}"; echo '{"half'; tail -n +4 "${logs[0]}"; } >"$work/broken-line.jsonl"
replay broken "$work/broken-line.jsonl" "${logs[1]}" 2>"$work/said" || bad "a bad line ends the run"
same broken
grep -q 'broken-line.jsonl:4: ' "$work/said" || bad "a bad line is not told with its number: $(cat "$work/said")"
grep -q '"logs":{"transactions":[0-9]*,"mirror":[0-9]*,"others":0,"bad":1}' "$work/broken.summary" ||
    bad "a bad line is not counted"

echo '{"half' >"$work/bad-line.jsonl"
! replay bad "$work/bad-line.jsonl" 2>"$work/said" || bad "a log without one good line is no error"
grep -q 'not one line is a transaction' "$work/said" || bad "a log without one good line: $(cat "$work/said")"

head -c 3000 "$work/one" >"$work/cut.gz"
! replay cut "$work/cut.gz" 2>"$work/said" || bad "a cut gzip is no error"
grep -q 'compressed data ends early' "$work/said" || bad "a cut gzip: $(cat "$work/said")"

! replay filter -f tcp "${logs[0]}" 2>"$work/said" || bad "a filter over a log is no error"

cp "${logs[0]}" "$work/own.jsonl"
! replay own "$work/own.jsonl" 2>"$work/said" || bad "a log may be its own output"
cmp "${logs[0]}" "$work/own.jsonl" || bad "a log was overwritten by its own replay"

tried() { # RULE KEY LIMIT...: each line of tune is what a run with that limit gives
    local rule=$1 key=$2 limit alerts tuned
    shift 2
    "$program" tune "$rule" --from "${logs[@]}" -r rules --limits "$(IFS=, && echo "$*")" >"$work/table"
    for limit in "$@"; do
        printf 'change:\n  - id: %s\n    %s: %s\n' "$rule" "$key" "$limit" >"$work/zz.yaml"
        alerts=$("$program" replay -r rules -r "$work/zz.yaml" --alerts - "${logs[@]}" | grep -c "\"id\":\"$rule\"" || true)
        tuned=$(awk -v limit="$limit" '{ sub(/^\*/, ""); gsub(",", "", $1); if ($1 == limit) print $2 }' "$work/table")
        [ "$tuned" = "$alerts" ] || bad "tune of $rule at $limit: ${tuned:-none}, not the $alerts alerts of a run"
    done
}
tried machine-rhythm score 1.5 7 8.25 60
tried password-spraying above 2 8 40
tried account-rows-day above 3000 10000 20000

# every shipped rule has a number to vary, but those that fire each time
for rule in $(sed -n 's/^  - id: //p' rules/*.yaml); do
    "$program" tune "$rule" --from "${logs[@]}" -r rules >"$work/said" || bad "tune of $rule fails"
    [ "$rule" = planted-customer ] || [ "$(sed -n '6,/\*:/p' "$work/said" | wc -l)" -gt 5 ] || bad "tune of $rule: one limit"
done
! "$program" tune planted-customer --limits 2 --from "${logs[0]}" -r rules 2>"$work/said" || bad "tune of what has no limit"
grep -q 'planted-customer has no number that could be tuned' "$work/said" || bad "tune: $(cat "$work/said")"

"$program" tune account-rows-day --from "${logs[0]}" -r rules --change "$work/zz.yaml" >"$work/said" ||
    bad "tune with a change fails"
grep -q 'the change removes 1 alerts' "$work/said" || bad "tune does not tell what a change removes"
! grep -q 'user.name=per' "$work/said" || bad "tune names people"
"$program" tune account-rows-day -r rules --budget 10 "${logs[0]}" >"$work/said" || bad "tune with a budget fails"
grep -q '^proposed: 20,000: 0.00 alerts' "$work/said" || bad "tune proposes another limit: $(grep proposed "$work/said")"
! "$program" tune none-such --from "${logs[0]}" -r rules 2>"$work/said" || bad "tune of a rule that is not there"
! "$program" tune account-rows-day --from "$capture" -r rules 2>"$work/said" || bad "tune of a capture"

[ "$failed" -eq 0 ] || exit 1
echo "logs: all good"
