#!/bin/bash
# How fast the program is, beside a bare libpcap loop over the same file in the same run: one, the
# other, and again, five times; medians of CPU seconds (user and system).
#
# usage: tests/bench/bench.sh PROGRAM [FOLDER]
#
# Each *.pcap and *.pcapng of FOLDER; without one, small captures that ../servers/traffic.sh makes
# (as root, once, in build/traffic).
set -euo pipefail
HERE=$(dirname "$(readlink -f "$0")")
ROUNDS=5
PROGRAM=$(realpath -e "$1")
FOLDER=${2:-}
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT

if [ -z "$FOLDER" ]; then
    FOLDER=$HERE/../../build/traffic
    [ -s "$FOLDER/mixed.pcap" ] || "$HERE/../servers/traffic.sh" "$FOLDER"
fi
cc -O2 -D_DEFAULT_SOURCE "$HERE/bare.c" -o "$WORK/bare" -lpcap

cpu_seconds() { # COMMAND...
    local TIMEFORMAT='%U %S'
    { time "$@" >"$WORK/out" 2>"$WORK/messages"; } 2>"$WORK/time" || {
        cat "$WORK/messages" >&2
        echo "bench: $1 failed" >&2
        return 1
    }
    awk '{printf "%.3f\n", $1 + $2}' "$WORK/time"
}

median() {
    sort -n | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'
}

measure() { # FILE
    local file=$1 round packets bytes bare own
    : >"$WORK/bare.times"
    : >"$WORK/own.times"
    cat "$file" >/dev/null # both read it from memory
    for ((round = 0; round < ROUNDS; round++)); do
        cpu_seconds "$WORK/bare" "$file" >>"$WORK/bare.times"
        read -r packets bytes _ <"$WORK/out"
        cpu_seconds "$PROGRAM" replay -s none --alerts /dev/null "$file" >>"$WORK/own.times"
    done
    bare=$(median <"$WORK/bare.times")
    own=$(median <"$WORK/own.times")
    awk -v name="$(basename "$file")" -v packets="$packets" -v bytes="$bytes" -v bare="$bare" -v own="$own" 'BEGIN {
        printf("%-22s %10d %8.1f %9.3f %9.3f %12.0f %8.2f %7.2f\n", name, packets, bytes / 1e6, bare, own,
               own ? packets / own : 0, own ? bytes * 8 / own / 1e9 : 0, bare ? own / bare : 0)
    }'
}

printf '%-22s %10s %8s %9s %9s %12s %8s %7s\n' capture packets MB 'bare s' 'own s' 'packets/s' 'Gbit/s' ratio
found=
for file in "$FOLDER"/*.pcap "$FOLDER"/*.pcapng; do
    [ -f "$file" ] || continue
    found=1
    measure "$file"
done
[ -n "$found" ] || { echo "bench: no *.pcap or *.pcapng in $FOLDER" >&2; exit 1; }
