#!/bin/bash
# What seepwatch tells of a portal against the portal's own log: every login, failure, logout,
# account, record and byte, in all codings; directly, and through nginx, which packs with gzip (and
# brotli where its module is there) and names the client in X-Forwarded-For.  The portal is
# portal.js on npm's express, the agents are curl's and, where it is installed, Chromium's.  Recorded on the loopback interface of a network
# namespace of their own, as root; skips where a program is not there, or npm cannot fetch.  With
# KEEP=FOLDER the captures, the log and what was written stay there.
source "$(dirname "$(readlink -f "$0")")/apart.sh"
needs node npm nginx curl zstd
AGENTS=2

prepare() {
    npm_fetch "$WORK" express@4 express-session@1 jsonwebtoken@9 puppeteer-core@24 || skip "npm cannot fetch express"
}

apart
kept=('*.pcap' '*.log' '*.transactions' '*.sessions' '*.summary')
ip address add 127.0.0.2/8 dev lo 2>/dev/null || true
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

record direct 'tcp port 3000 and not host 127.0.0.2'
record proxied 'tcp port 3000 and host 127.0.0.2'
record front 'tcp port 80'
until_ready "${pids[0]}" node.out grep -q listening node.out
until_ready "${pids[0]}" node.out curl -s -o warm http://127.0.0.1/login -A warm

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
recorded
python3 "$FOLDER/portal_compare.py" "$WORK" "$PROGRAM"
