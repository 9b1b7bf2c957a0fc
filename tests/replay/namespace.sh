# Sourced by the checks of watch, with PROGRAM in $1: the script goes on in a network namespace of its own, from the root
# of the tree, with a folder $work that goes when it ends; what it starts as $watch and $server is ended then.
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
        echo "FAILED: $what: $(head -3 "$work/stderr" 2>/dev/null)"
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
requests() { # N: to the server on port 8080
    local _
    for _ in $(seq "$1"); do
        python3 -c 'import urllib.request; urllib.request.urlopen("http://127.0.0.1:8080/", timeout=5).read()' || return 1
    done
}
