# shellcheck shell=bash
# The frame of the scripts beside it that run a server and its clients on the loopback interface of a network namespace of
# their own, record them, and compare.  Sourced first; the script's argument is the program.  As root.
#
#   needs PROGRAM...       skips where one is not there
#   apart                  goes on in the namespace, in an empty folder, $WORK; where the script has a function `prepare`, that
#                          ran there before, where there still is a network
#   as_on_a_wire           frames of 1,500 bytes from then on
#   until_ready PID LOG COMMAND...   waits until the command works; fails, and shows the log, where the process ended
#   record NAME [FILTER]   records NAME.pcap from then on
#   recorded               ends that; fails where a packet was dropped
#
# Only processes that were started here are ended, by their ids, which go into `pids`.  Of what is in $WORK in the end the
# files of `kept` (patterns) stay in KEEP=FOLDER.
set -euo pipefail
export PYTHONDONTWRITEBYTECODE=1
FOLDER=$(dirname "$(readlink -f "$0")")
PROGRAM=$(readlink -f "${1:-$FOLDER/../../build/release/seepwatch}")
[ -z "${KEEP:-}" ] || KEEP=$(readlink -f "$KEEP")
record_options=(-s 0 -B 65536)
pids=()
recorders=()
kept=()

skip() {
    echo "${0##*/}: skipped: $*"
    echo "0 passed, 0 failed"
    exit 0
}

needs() { # PROGRAM...
    local program
    [ "$(id -u)" -eq 0 ] || skip "it makes a network namespace and records: only as root"
    for program in tcpdump unshare ip ethtool python3 "$@"; do
        command -v "$program" >/dev/null || skip "there is no $program"
    done
}

npm_fetch() { # FOLDER PACKAGE...
    mkdir -p "$1"
    command -v node >/dev/null && command -v npm >/dev/null &&
        (cd "$1" && timeout 120 npm install --silent --no-audit --no-fund "${@:2}" >npm.log 2>&1)
}

end() {
    local pid
    for pid in "${pids[@]}"; do
        # PostgreSQL ends at once for the first, MariaDB knows the second alone
        kill -INT "$pid" 2>/dev/null || continue
        kill -TERM "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    # shellcheck disable=SC2048,SC2086
    [ -z "${KEEP:-}" ] || (cd "$WORK" && cp ${kept[*]} "$KEEP") || true
    rm -rf "$WORK"
}

apart() {
    if [ "${SEEPWATCH_APART:-}" != yes ]; then
        unshare --net true 2>/dev/null || skip "network namespaces are not allowed here"
        WORK=$(mktemp -d "${TMPDIR:-/tmp}/seepwatch-servers.XXXXXX")
        export WORK
        trap 'rm -rf "$WORK"' EXIT
        chmod 755 "$WORK"
        if declare -F prepare >/dev/null; then
            prepare
        fi
        SEEPWATCH_APART=yes exec unshare --net "$FOLDER/${0##*/}" "$PROGRAM"
    fi
    trap end EXIT
    ip link set lo up
    cd "$WORK"
}

as_on_a_wire() {
    ip link set lo mtu 1500
    ethtool -K lo tso off gso off gro off >/dev/null 2>&1 || true
}

until_ready() { # PID LOG COMMAND...
    until "${@:3}" >/dev/null 2>&1; do
        kill -0 "$1" 2>/dev/null || { cat "$2" >&2; exit 1; }
        sleep 0.1
    done
}

record() { # NAME [FILTER]
    tcpdump -i lo "${record_options[@]}" -U --nano -Z root -w "$1.pcap" "${2:-tcp}" 2>"$1.tcpdump" &
    pids+=("$!")
    recorders+=("$!:$1")
    until_ready "$!" "$1.tcpdump" grep -q listening "$1.tcpdump"
}

recorded() {
    local recorder pid name
    sleep 1
    for recorder in "${recorders[@]}"; do
        pid=${recorder%%:*} name=${recorder#*:}
        kill -INT "$pid"
        wait "$pid" || true
        grep -q '^0 packets dropped by kernel' "$name.tcpdump" || { cat "$name.tcpdump" >&2; exit 1; }
    done
    recorders=()
}
