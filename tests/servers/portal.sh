#!/bin/bash
# What seepwatch tells of a portal against the portal's own log: every login, failure, logout,
# account, record and byte, in all codings; directly, and through nginx, which packs with gzip (and
# brotli where its module is there) and names the client in X-Forwarded-For.  The portal is
# portal.js on npm's express, the agents are curl's and, where it is installed, Chromium's.  Recorded on the loopback interface of a network
# namespace of their own, as root; skips where a program is not there, or npm cannot fetch.  With
# KEEP=FOLDER the captures, the log and what was written stay there.
set -euo pipefail
export PYTHONDONTWRITEBYTECODE=1
FOLDER=$(dirname "$(readlink -f "$0")")
PROGRAM=$(readlink -f "${1:-$FOLDER/../../build/release/seepwatch}")
AGENTS=2

skip() {
    echo "portal.sh: skipped: $*"
    echo "0 passed, 0 failed"
    exit 0
}

[ "$(id -u)" -eq 0 ] || skip "it makes a network namespace and records: only as root"
for program in node npm nginx curl zstd tcpdump unshare ip python3; do
    command -v "$program" >/dev/null || skip "there is no $program"
done
if [ "${SEEPWATCH_APART:-}" != yes ]; then
    unshare --net true 2>/dev/null || skip "network namespaces are not allowed here"
    WORK=$(mktemp -d "${TMPDIR:-/tmp}/seepwatch-portal.XXXXXX")
    (cd "$WORK" && timeout 120 npm install --silent --no-audit --no-fund express@4 express-session@1 jsonwebtoken@9 puppeteer-core@24) \
        >/dev/null 2>&1 || { rm -rf "$WORK"; skip "npm cannot fetch express"; }
    export WORK
    SEEPWATCH_APART=yes exec unshare --net "$0" "$PROGRAM"
fi

chmod 755 "$WORK"
pids=()

end() {
    local pid
    for pid in "${pids[@]}"; do
        kill -TERM "$pid" 2>/dev/null || continue
        wait "$pid" 2>/dev/null || true
    done
    rm -rf "$WORK/node_modules"
    [ -z "${KEEP:-}" ] || cp "$WORK"/*.{pcap,log,transactions,sessions,summary} "$KEEP" || true
    rm -rf "$WORK"
}
trap end EXIT

ip link set lo up
ip address add 127.0.0.2/8 dev lo 2>/dev/null || true
cd "$WORK"
cp "$FOLDER/portal.js" .
node portal.js 3000 portal.log >node.out 2>&1 &
pids+=("$!")

modules=/usr/lib/nginx/modules
{
    if [ -f "$modules/ngx_http_brotli_filter_module.so" ]; then
        echo "load_module $modules/ngx_http_brotli_filter_module.so;"
    fi
    cat <<EOF
daemon off; master_process off; pid $WORK/nginx.pid; error_log $WORK/nginx.log;
events { worker_connections 256; }
http {
    access_log off;
    client_body_temp_path $WORK; proxy_temp_path $WORK; fastcgi_temp_path $WORK; uwsgi_temp_path $WORK; scgi_temp_path $WORK;
    gzip on; gzip_min_length 200; gzip_types text/csv application/json application/x-ndjson application/xml;
    $([ -f "$modules/ngx_http_brotli_filter_module.so" ] &&
        echo "brotli on; brotli_min_length 200; brotli_types text/csv application/json application/x-ndjson application/xml;")
    upstream portal { server 127.0.0.1:3000; keepalive 4; }
    server {
        listen 127.0.0.1:80;
        location / {
            proxy_pass http://portal; proxy_bind 127.0.0.2; proxy_http_version 1.1;
            proxy_set_header Connection ""; proxy_set_header Host \$host;
            proxy_set_header X-Forwarded-For \$proxy_add_x_forwarded_for;
        }
    }
}
EOF
} >nginx.conf
nginx -p "$WORK" -c "$WORK/nginx.conf" >nginx.out 2>&1 &
pids+=("$!")

recorders=()
record() { # NAME FILTER
    tcpdump -i lo -s 0 -B 65536 -U --nano -Z root -w "$1.pcap" "$2" 2>"$1.tcpdump" &
    pids+=("$!")
    recorders+=("$!")
}
record direct 'tcp port 3000 and not host 127.0.0.2'
record proxied 'tcp port 3000 and host 127.0.0.2'
record front 'tcp port 80'
for name in direct proxied front; do
    until grep -q listening "$name.tcpdump"; do sleep 0.1; done
done
until grep -q listening node.out && curl -s -o warm http://127.0.0.1/login -A warm; do
    kill -0 "${pids[0]}" || { cat node.out >&2; exit 1; }
    sleep 0.1
done

for agent in $(seq "$AGENTS"); do
    python3 "$FOLDER/portal_agent.py" http://127.0.0.1:3000 "$WORK" "d$agent" &
    first=$!
    python3 "$FOLDER/portal_agent.py" http://127.0.0.1 "$WORK" "f$agent" &
    wait "$first" "$!"
done
if command -v chromium >/dev/null; then
    cp "$FOLDER/portal_browser.js" .
    HOME=$WORK timeout 120 node portal_browser.js http://127.0.0.1 >browser.out 2>&1 || { cat browser.out >&2; exit 1; }
else
    echo "portal.sh: there is no chromium: without a browser"
fi
sleep 1
for pid in "${recorders[@]}"; do
    kill -INT "$pid"
    wait "$pid" || true
done
for name in direct proxied front; do
    grep -q '^0 packets dropped by kernel' "$name.tcpdump" || { cat "$name.tcpdump" >&2; exit 1; }
done
python3 "$FOLDER/portal_compare.py" "$WORK" "$PROGRAM"
