#!/bin/bash
# What seepwatch counts of HTTP/2, gRPC, WebSocket and behind the PROXY protocol against what real
# programs count themselves: nginx's access log, h2load's and nghttp's figures, and the logs of a
# gRPC server and a WebSocket server on npm's packages.  Recorded on the loopback interface of a
# network namespace of their own, as root; skips where a program is not there, or npm cannot fetch.
# With KEEP=FOLDER the captures, the logs and what was written stay there.
source "$(dirname "$(readlink -f "$0")")/apart.sh"
needs node npm nginx haproxy nghttpd nghttpx nghttp h2load curl

prepare() {
    npm_fetch "$WORK" @grpc/grpc-js@1 ws@8 || skip "npm cannot fetch @grpc/grpc-js and ws"
}

apart
kept=('*.pcap' '*.log' '*.out' '*.yaml' '*.transactions' '*.summary')
record_options=(-s 66000 -B 131072)
cp "$FOLDER"/http2_*.js .
mkdir www
python3 - <<'PYTHON'
import json, random
random.seed(1)
for name, n in ("none", 0), ("one", 1), ("frame", 16384), ("more", 16385), ("large", 300000):
    open(f"www/{name}.bin", "wb").write(random.randbytes(n))
for n in (1, 50, 900):
    json.dump([{"id": i, "name": f"Customer {i}"} for i in range(n)], open(f"www/list{n}.json", "w"))
PYTHON

cat >nginx.conf <<EOF
daemon off; master_process off; pid $WORK/nginx.pid; error_log $WORK/nginx.err;
events { worker_connections 1024; }
http {
    log_format counts '\$server_port \$request_method \$status \$body_bytes_sent \$request_uri \$remote_addr \$remote_port \$proxy_protocol_addr \$proxy_protocol_port';
    access_log $WORK/nginx.log counts;
    client_body_temp_path $WORK; proxy_temp_path $WORK; fastcgi_temp_path $WORK; uwsgi_temp_path $WORK; scgi_temp_path $WORK;
    keepalive_requests 1000000; large_client_header_buffers 4 64k; types { application/json json; } default_type application/octet-stream;
    gzip on; gzip_min_length 200; gzip_types application/json;
    server {
        listen 127.0.0.1:8081 http2;
        listen 127.0.0.1:8084 http2 proxy_protocol;
        listen 127.0.0.1:8085 proxy_protocol;
        root $WORK/www;
        location = /refused { return 403 "no"; }
        location = /moved { return 302 /none.bin; }
        location = /upload { client_max_body_size 4m; proxy_pass http://127.0.0.1:8086/thanks; }
        location /proxied/ { proxy_pass http://127.0.0.1:8086/; }
    }
    server { listen 127.0.0.1:8086; access_log off; root $WORK/www; gzip off; location = /thanks { client_max_body_size 4m; return 200 "thanks"; } }
}
EOF
nginx -p "$WORK" -c "$WORK/nginx.conf" >nginx.out 2>&1 &
pids+=("$!")
nghttpd --no-tls -a 127.0.0.1 -d www 8082 >nghttpd.out 2>&1 &
pids+=("$!")
# shellcheck disable=SC2016
nghttpx --conf=/dev/null --frontend='127.0.0.1,8088;no-tls' --backend='127.0.0.1,8086' --workers=1 \
    --accesslog-file="$WORK/upgraded.log" --accesslog-format='$status $body_bytes_sent $request' >nghttpx.out 2>&1 &
pids+=("$!")
cat >haproxy.conf <<EOF
global
    log stdout local0
defaults
    timeout connect 5s
    timeout client 30s
    timeout server 30s
frontend v2
    mode tcp
    bind 127.0.0.1:8091
    default_backend v2
frontend v1
    mode tcp
    bind 127.0.0.1:8092
    default_backend v1
frontend spoken
    mode http
    bind 127.0.0.1:8093
    default_backend spoken
backend v2
    mode tcp
    server nginx 127.0.0.1:8084 send-proxy-v2 source 127.0.0.2
backend v1
    mode tcp
    server nginx 127.0.0.1:8085 send-proxy source 127.0.0.2
backend spoken
    mode http
    server nginx 127.0.0.1:8081 proto h2 source 127.0.0.2
EOF
haproxy -f haproxy.conf >haproxy.out 2>&1 &
pids+=("$!")

for port in 8081 8082 8084 8085 8088 8091 8092 8093; do
    until (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do sleep 0.1; done
done
sleep 0.5
: >nginx.log
: >upgraded.log
record nginx 'tcp port 8081'
record nghttpd 'tcp port 8082'
record upgraded 'tcp port 8088'
record proxied 'tcp port 8084 or tcp port 8085'
record grpc 'tcp port 50051'
record websocket 'tcp port 8087'

quiet() { timeout 120 "$@" >>clients.out 2>&1 || true; }
url=http://127.0.0.1:8081
for path in none.bin one.bin frame.bin more.bin large.bin list1.json list50.json list900.json refused moved nothing \
    proxied/large.bin proxied/list900.json 'list50.json?id=49170555012345'; do
    quiet curl -s --http2-prior-knowledge "$url/$path"
    quiet curl -s --http2-prior-knowledge --compressed -A agent/1 -b 'sid=0123456789abcdef0123' "$url/$path"
done
quiet curl -s --http2-prior-knowledge -I "$url/large.bin"
quiet curl -s --http2-prior-knowledge --data-binary @www/large.bin "$url/upload"
quiet curl -s --http2-prior-knowledge --data user=anna --data password=geheim "$url/upload"
# shellcheck disable=SC2046
quiet curl -s --http2-prior-knowledge -Z $(for i in $(seq 200); do echo "$url/list$([ $((i % 2)) = 0 ] && echo 1 || echo 900).json"; done)
quiet nghttp -n "$url/more.bin" "$url/list50.json" "$url/none.bin"
quiet nghttp -n -b 200 -H 'x-long: '"$(head -c 30000 /dev/zero | tr '\0' y)" "$url/one.bin"
quiet h2load -n 3000 -c 3 -m 100 "$url/more.bin"
quiet h2load -n 2000 -c 2 -m 10 -H 'cookie: sid=0123456789abcdef0123' "$url/list50.json"
quiet h2load -n 500 -c 1 -m 1 "$url/list900.json"
for i in $(seq 20); do quiet curl -s "http://127.0.0.1:8093/list50.json?n=$i"; done

for i in $(seq 3); do quiet nghttp -n -u "http://127.0.0.1:8088/list50.json" "http://127.0.0.1:8088/more.bin"; done
for i in $(seq 3); do quiet curl -s --http2 "http://127.0.0.1:8088/large.bin"; done
h2load -n 4000 -c 4 -m 100 http://127.0.0.1:8082/frame.bin >h2load.out 2>&1

for i in $(seq 5); do
    quiet curl -s --interface "127.0.0.$((10 + i))" --http2-prior-knowledge "http://127.0.0.1:8091/list50.json" "http://127.0.0.1:8091/one.bin"
    quiet curl -s --interface "127.0.0.$((20 + i))" "http://127.0.0.1:8092/list50.json" "http://127.0.0.1:8092/one.bin"
done
quiet node http2_grpc.js 50051 "$WORK/grpc.log"
quiet node http2_websocket.js 8087 "$WORK/websocket.log"
recorded
python3 "$FOLDER/http2_compare.py" "$WORK" "$PROGRAM"
