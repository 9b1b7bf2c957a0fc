#!/bin/bash
# Where alerts go, with the programs that take them: rsyslog by a local socket, UDP and TCP, systemd's journal; what
# happens when they are gone, come back, or take nothing; rate limits; the daily digest.  A network namespace of its own.
#
#   tests/replay/outputs.sh PROGRAM      needs root; the last line is "N passed, N failed"
source "$(dirname "$0")/namespace.sh"

ip link set lo up
chmod 755 "$work"
mkdir "$work/rsyslog" "$work/www"
echo '<p>made up</p>' >"$work/www/index.html"
journald=/usr/lib/systemd/systemd-journald
severities=(info low medium high critical)
for severity in "${severities[@]}"; do
    cat <<YAML
  - id: rule-$severity
    name: Rule of "$severity" [made up]
    severity: $severity
    when: network.protocol == "http"
    by: client.ip
    measure: count
    over: 1h
    above: 3
    quiet: 2h
YAML
done | { echo rules:; cat; } >"$work/five.yaml"
cat >"$work/each.yaml" <<'YAML'
rules:
  - id: each
    name: Each transaction
    severity: low
    when: network.protocol exists
    by: server.port
    measure: count
    over: 30d
    above: 0
    quiet: 0
YAML
replay() { # OPTION...
    "$program" replay -s none --alerts "$work/alerts" --summary "$work/summary" "$@" 2>"$work/stderr"
}
says() { # TEXT
    grep -qF -- "$1" "$work/stderr"
}
said() { # TEXT N: in so many lines
    [ "$(grep -cF -- "$1" "$work/stderr")" -eq "$2" ]
}
ends() {
    local status=0
    kill -TERM "$watch"
    wait "$watch" || status=$?
    watch=
    [ "$status" -eq 0 ] || { echo "status $status"; return 1; }
}

# --- syslog -------------------------------------------------------------------------------------------------------------
cat >"$work/rsyslog.conf" <<CONF
global(workDirectory="$work/rsyslog")
module(load="imuxsock" SysSock.Use="off")
module(load="imudp")
module(load="imtcp")
input(type="imuxsock" Socket="$work/socket" UseSpecialParser="off" ParseHostname="on"
    IgnoreTimestamp="off" RateLimit.Interval="0")
input(type="imudp" address="127.0.0.1" port="514")
input(type="imtcp" address="::1" port="601")
template(name="line" type="list" option.jsonf="on") {
    property(outname="input" name="inputname" format="jsonf")
    property(outname="pri" name="pri" format="jsonf")
    property(outname="time" name="timereported" dateFormat="rfc3339" format="jsonf")
    property(outname="app" name="app-name" format="jsonf")
    property(outname="kind" name="msgid" format="jsonf")
    property(outname="data" name="structured-data" format="jsonf")
    property(outname="message" name="msg" format="jsonf")
}
action(type="omfile" file="$work/got" template="line")
CONF
collect() {
    rsyslogd -n -f "$work/rsyslog.conf" -i "$work/rsyslog.pid" >"$work/rsyslog.err" 2>&1 &
    collector=$!
    server="$server $collector"
    within bash -c "[ -S $work/socket ] && exec 3<>/dev/tcp/::1/601"
}
stop_collecting() {
    kill "$collector" 2>/dev/null
    wait "$collector" 2>/dev/null
    rm -f "$work/socket"
}
got() { # INPUT N: so many messages of a rule
    [ "$(grep -c "\"input\":\"$1\".*\"kind\":\"alert\"" "$work/got")" -eq "$2" ]
}
cat >"$work/syslog.yaml" <<YAML
alerts:
  - {to: syslog, address: $work/socket}
  - {to: syslog, address: 127.0.0.1:514, facility: local4, severity: medium}
  - {to: syslog, address: '[::1]:601', transport: tcp, severity: critical}
YAML
as_in_the_log() { # INPUT FACILITY LOWEST-SEVERITY
    python3 - "$work/got" "$work/alerts" "$@" <<'PY'
import json, sys
got, alerts, source, facility, lowest = sys.argv[1:]
names = ["info", "low", "medium", "high", "critical"]
have = [m for m in map(json.loads, open(got)) if m["input"] == source]
want = [a for a in map(json.loads, open(alerts)) if names.index(a["rule"]["severity"]) >= names.index(lowest)]
assert want and len(have) == len(want), (len(have), len(want))
for m, a in zip(have, want):
    assert int(m["pri"]) == int(facility) * 8 + 6 - names.index(a["rule"]["severity"]), m
    assert (m["app"], m["kind"], m["message"].strip()) == ("seepwatch", "alert", a["message"]), (m, a)
    assert m["time"][:26] == a["@timestamp"][:26], (m, a)
    name = a["rule"]["name"].replace('"', '\\"').replace("]", "\\]")
    assert m["data"] == (f'[seepwatch@32473 rule.id="{a["rule"]["id"]}" rule.name="{name}" '
                         f'rule.severity="{a["rule"]["severity"]}" client.ip="{a["client"]["ip"]}"]'), (m["data"], a)
PY
}
try_syslog() {
    local input
    : >"$work/got"
    expect "rsyslog listens" collect
    expect "replay leaves the configuration's outputs alone" replay -c "$work/syslog.yaml" -r "$work/five.yaml" samples/day.pcap.gz
    sleep 0.5
    expect "and sends nothing" test ! -s "$work/got"
    expect "with --outputs it uses them" replay -c "$work/syslog.yaml" --outputs -r "$work/five.yaml" samples/day.pcap.gz
    expect "the local socket has all alerts" within as_in_the_log imuxsock 10 info
    expect "UDP has those from medium on, of its facility" within as_in_the_log imudp 20 medium
    expect "TCP has the critical ones" within as_in_the_log imtcp 10 critical
    expect "nothing is noted" test ! -s "$work/stderr"

    # watch, confined, while rsyslog goes and comes
    python3 -m http.server 8080 --bind 127.0.0.1 --directory "$work/www" >/dev/null 2>&1 &
    server="$server $!"
    within bash -c 'exec 3<>/dev/tcp/127.0.0.1/8080'
    : >"$work/got"
    rm -rf "$work/logs"
    install -d -o nobody "$work/logs"
    cat >"$work/live.yaml" <<YAML
alerts:
  - {to: syslog, address: $work/socket}
  - {to: syslog, address: 127.0.0.1:514}
  - {to: syslog, address: '[::1]:601', transport: tcp}
  - {to: file, path: logs/lines, format: lines}
YAML
    "$program" watch -s none -i lo --user nobody -f 'tcp port 8080' -c "$work/live.yaml" -r "$work/each.yaml" \
        --summary "$work/summary" 2>"$work/stderr" &
    watch=$!
    expect "the file of the configuration is there once watch listens" within test -e "$work/logs/lines"
    sleep 1
    requests 3
    for input in imuxsock imudp imtcp; do
        expect "three alerts come by $input" within got $input 3
    done
    stop_collecting
    requests 2
    for input in "$work/socket" 'tcp [::1]:601' 'udp 127.0.0.1:514'; do
        expect "it is told that $input is lost" within says "note: syslog at $input cannot be reached: "
    done
    requests 2
    sleep 2
    for input in "$work/socket" 'tcp [::1]:601' 'udp 127.0.0.1:514'; do
        expect "once, of $input" said "note: syslog at $input cannot be reached: " 1
    done
    expect "rsyslog listens again" collect
    for input in imuxsock imtcp; do
        expect "all seven have come by $input" within got $input 7
    done
    requests 1
    for input in "$work/socket" 'tcp [::1]:601' 'udp 127.0.0.1:514'; do
        expect "it is told that $input is back" within says "note: syslog at $input is reached again"
    done
    expect "and the eighth is there" within got imtcp 8
    mv "$work/logs/lines" "$work/logs/lines.1"
    kill -HUP "$watch"
    expect "its file is begun anew after SIGHUP" within test -e "$work/logs/lines"
    requests 1
    for input in imuxsock imtcp; do
        expect "nine have come by $input" within got $input 9
    done
    expect "the new file has one" test "$(wc -l <"$work/logs/lines")" -eq 1
    expect "the old one had the others" test "$(wc -l <"$work/logs/lines.1")" -eq 8
    expect "status 0" ends
    expect "what UDP lost is counted" python3 - "$work/summary" "$work/got" <<'PY'
import json, sys
outputs = {o["to"].split()[1].split(":")[0] if "udp" not in o["to"] else "udp": o for o in json.load(open(sys.argv[1]))["outputs"]}
udp = outputs["udp"]
have = sum('"imudp"' in line and '"kind":"alert"' in line for line in open(sys.argv[2]))
assert udp["alerts"] == 9 and udp["lost"] >= 1 and have + udp["lost"] == 9, (udp, have)
for name, o in outputs.items():
    assert name == "udp" or (o["alerts"], o["folded"], o["lost"]) == (9, 0, 0), o
PY
    stop_collecting
}
if command -v rsyslogd >/dev/null; then
    try_syslog
else
    echo "skipped: there is no rsyslogd (package rsyslog)"
fi

# --- the journal --------------------------------------------------------------------------------------------------------
# In a mount namespace with a /run of its own, so that a journal of this machine is not touched.
in_a_journal() { # SCRIPT
    unshare --mount bash -c '
        mount --make-rprivate / && mount -t tmpfs none /run && mkdir -p /run/systemd/journal /run/log/journal || exit 1
        '"$journald"' >/dev/null 2>&1 &
        journal=$!
        for _ in $(seq 50); do [ -S /run/systemd/journal/socket ] && break; sleep 0.1; done
        '"$1"'
        status=$?
        kill $journal
        exit $status'
}
try_journal() {
    echo 'alerts: [{to: journal, severity: low}]' >"$work/journal.yaml"
    export program work
    expect "the journal runs" in_a_journal '
        "$program" replay -s none -c "$work/journal.yaml" --outputs -r "$work/five.yaml" --alerts "$work/alerts" samples/day.pcap.gz
        for _ in $(seq 50); do
            journalctl -D /run/log/journal -t seepwatch -o json --no-pager >"$work/entries" 2>/dev/null
            [ "$(wc -l <"$work/entries")" -ge "$(grep -vc \"severity\":\"info\" "$work/alerts")" ] && break
            sleep 0.1
        done'
    expect "its entries are the alerts" python3 - "$work/entries" "$work/alerts" <<'PY'
import json, sys
names = ["info", "low", "medium", "high", "critical"]
have = list(map(json.loads, open(sys.argv[1])))
want = [a for a in map(json.loads, open(sys.argv[2])) if a["rule"]["severity"] != "info"]
assert want and len(have) == len(want), (len(have), len(want))
for e, a in zip(have, want):
    assert e["MESSAGE"] == a["message"], (e, a)
    assert int(e["PRIORITY"]) == 6 - names.index(a["rule"]["severity"]), e
    assert e["SYSLOG_IDENTIFIER"] == "seepwatch" and e["SEEPWATCH_KIND"] == "alert", e
    assert e["SEEPWATCH_RULE_ID"] == a["rule"]["id"] and e["SEEPWATCH_RULE_NAME"] == a["rule"]["name"], e
    assert e["SEEPWATCH_SEVERITY"] == a["rule"]["severity"] and e["SEEPWATCH_CLIENT_IP"] == a["client"]["ip"], e
    assert e["SEEPWATCH_TIME"] == a["@timestamp"], e
PY
}
if [ -x "$journald" ] && command -v journalctl >/dev/null && in_a_journal 'test -S /run/systemd/journal/socket'; then
    try_journal
else
    echo "skipped: systemd's journal does not run here (package systemd)"
fi

# --- one that takes nothing ---------------------------------------------------------------------------------------------
# A socket that nobody reads is full after a few messages; the run goes on as without it.
python3 -c 'import signal, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
t = socket.create_server(("127.0.0.1", 700))
signal.pause()' "$work/deaf" &
server="$server $!"
within bash -c 'exec 3<>/dev/tcp/127.0.0.1/700'
cat >"$work/deaf.yaml" <<YAML
alerts:
  - {to: journal}
  - {to: syslog, address: $work/deaf}
  - {to: syslog, address: '127.0.0.1:700', transport: tcp}
YAML
echo '4096 4096 4096' >/proc/sys/net/ipv4/tcp_wmem
echo '4096 4096 4096' >/proc/sys/net/ipv4/tcp_rmem
sed 's/id: each/id: each-again/' "$work/each.yaml" >"$work/again.yaml"
replay -r "$work/each.yaml" -r "$work/again.yaml" --transactions "$work/want" samples/day.pcap.gz
cp "$work/alerts" "$work/want.alerts"
begin=$SECONDS
expect "a peer that takes nothing is no error" replay -c "$work/deaf.yaml" --outputs -r "$work/each.yaml" \
    -r "$work/again.yaml" --transactions "$work/have" samples/day.pcap.gz
expect "the run does not wait for it" test $((SECONDS - begin)) -lt 15
# hashes of customers have a key that is made anew at each start
without_hashes() { # FILE
    sed -E 's/"(ids|near)":\[[^]]*\]|"sketch":"[^"]*"//g' "$1"
}
expect "all transactions are there" cmp -s <(without_hashes "$work/want") <(without_hashes "$work/have")
expect "and all alerts in the file" cmp -s "$work/want.alerts" "$work/alerts"
expect "what was not sent is told" says "note: syslog at $work/deaf: "
expect "each alert was taken or folded" python3 - "$work/summary" <<'PY'
import json, sys
s = json.load(open(sys.argv[1]))
assert s["alerts"] > 1000, s["alerts"]
for o in s["outputs"]:
    assert o["alerts"] + o["folded"] == s["alerts"], (o, s["alerts"])
    assert o["to"].startswith("file") or (o["folded"] > 0 and o["lost"] > 0), o
PY

# --- a rate limit -------------------------------------------------------------------------------------------------------
cat >"$work/rate.yaml" <<YAML
alerts:
  - {to: file, path: limited, rate: 5/1h}
  - {to: file, path: all}
YAML
echo '{"kept": true}' >"$work/limited"
expect "a rate limit" replay -c "$work/rate.yaml" --outputs -r "$work/each.yaml" -r "$work/five.yaml" samples/day.pcap.gz
expect "tells or counts every alert, by rule" python3 - "$work/limited" "$work/all" "$work/alerts" <<'PY'
import collections, json, sys
limited, everything, log = (list(map(json.loads, open(path))) for path in sys.argv[1:])
assert everything == log and limited.pop(0) == {"kept": True}
count, folded, hours = collections.Counter(), collections.Counter(), collections.Counter()
for a in limited:
    if a["event"]["dataset"] == "seepwatch.alert":
        count[a["rule"]["id"]] += 1
    else:
        assert a["event"]["dataset"] == "seepwatch.folded" and a["folded"]["not_sent"] == 0, a
        folded[a["rule"]["id"]] += a["folded"]["beyond_limit"]
        assert f'{a["folded"]["beyond_limit"]:,} more alert' in a["message"], a
want = collections.Counter(a["rule"]["id"] for a in log)
assert count + folded == want, (count, folded, want)
assert sum(folded.values()) > 1000 and 20 <= sum(count.values()) <= 60, (count, folded)
PY

# --- the digest ---------------------------------------------------------------------------------------------------------
cat >"$work/digest.yaml" <<'YAML'
rules:
  - id: many
    name: Many rows
    severity: high
    when: db.system.name exists
    by: user.name
    measure: sum(db.response.returned_rows)
    over: 1h
    above: 20
    quiet: 30m
    except:
      - {when: user.name == "per", reason: known}
  - id: never
    name: Never
    severity: high
    by: user.name
    measure: count
    over: 1h
    above: 1000000
YAML
echo 'alerts: [{to: file, path: told}]' >"$work/utc.yaml"
printf 'timezone: Asia/Tokyo\nalerts: [{to: file, path: told}]\n' >"$work/tokyo.yaml"
replay -c samples/config.yaml -r "$work/digest.yaml" --transactions "$work/day.jsonl" samples/day.pcap.gz
expect "a day that is not over has no digest" test "$(grep -c seepwatch.digest "$work/alerts")" -eq 0
for day in 13 14; do # the same work on two days more
    sed "s/2026-01-12T/2026-01-${day}T/g" "$work/day.jsonl"
done | cat "$work/day.jsonl" - >"$work/days.jsonl"
digest_is_right() { # HOURS
    python3 - "$work/told" "$work/summary" "$1" <<'PY'
import collections, datetime, json, sys
ahead = datetime.timedelta(hours=int(sys.argv[3]))
alerts, repeats, digest = collections.Counter(), 0, []
for a in map(json.loads, open(sys.argv[1])):
    if a["event"]["dataset"] == "seepwatch.digest":
        digest.append(a)
        continue
    assert a["rule"]["id"] == "many", a
    local = datetime.datetime.fromisoformat(a["@timestamp"][:26]) + ahead
    alerts[local.date().isoformat()] += 1
summary = json.load(open(sys.argv[2]))
assert len(digest) >= 3 and all(d["rule"]["id"] == "many" for d in digest), digest
assert {d["digest"]["day"]: d["digest"]["alerts"] for d in digest} == dict(alerts), (digest, alerts)
assert sum(d["digest"]["folded"] for d in digest) == summary["alerts_folded"] > 0, summary
assert sum(d["digest"]["excepted"] for d in digest) == summary["transactions_excepted"] > 0, summary
for d in digest:
    assert d["digest"]["exceptions"] == [{"reason": "known", "count": d["digest"]["excepted"]}], d
for d in digest[:-1]:
    end = datetime.datetime.fromisoformat(d["@timestamp"][:26]) + ahead
    assert (end.hour, end.minute, end.second) == (0, 0, 0), d
PY
}
expect "three days" replay -c "$work/utc.yaml" --outputs -r "$work/digest.yaml" "$work/days.jsonl"
expect "each have their digest, by UTC" digest_is_right 0
rm "$work/told"
expect "a log of alerts has nothing else" test "$(grep -c seepwatch.digest "$work/alerts")" -eq 0
expect "three days elsewhere" replay -c "$work/tokyo.yaml" --outputs -r "$work/digest.yaml" "$work/days.jsonl"
expect "each have theirs, by the configured zone" digest_is_right 9
"$program" replay -s none -r "$work/digest.yaml" "$work/days.jsonl" >"$work/lines" 2>/dev/null
expect "people read it as lines" test "$(grep -c '^2026-01-1[345] .*  DIGEST  many  2026-01-1[234]: [0-9]* alerts, .* excepted: [0-9]* (known)$' "$work/lines")" -eq 3

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
