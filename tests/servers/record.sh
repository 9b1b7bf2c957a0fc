#!/bin/bash
# Records the sample again: samples/day.pcap.gz, and samples/truth.json with what the servers
# themselves counted.  As root on Debian; see lab.sh and its packages.txt.
#
# A day in front of a customer database: agents of five networks who serve customers through SQL and
# a web page, a report twice a day; and, among them, an account that pages through all customers, a
# guesser of passwords, and an account in use from another country.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")"
SAMPLES=$(cd ../.. && pwd)/samples
source ./lab.sh

# Each client and its address.  Those of 10.98 and 10.99 stand for public ones, in Sweden and in Brazil.
CLIENTS='
sthlm1 10.1.2.11/32
sthlm2 10.1.2.12/32
sthlm3 10.1.2.13/32
sthlm4 10.1.2.14/32
gbg1 10.1.3.11/32
gbg2 10.1.3.12/32
gbg3 10.1.3.13/32
gbg4 10.1.3.99/32
malmo1 10.1.4.11/32
malmo2 10.1.4.12/32
malmo3 10.1.4.13/32
oslo1 fd10:2::11/128
oslo2 fd10:2::12/128
office1 10.20.1.5/32
home1 10.98.0.21/32
abroad1 10.99.0.66/32
'
PUBLIC=(10.98.0.21=90.231.10.21 10.99.0.66=200.160.2.66)
ACCOUNTS='anna bo cecilia erik frida gustav hanna ivar johanna per kari lars sara reporting'

lab_begin
while read -r name address; do
    [ -z "$name" ] || lab_client "$name" "$address"
done <<<"$CLIENTS"

pg_begin
pg_customers 20000
for account in $ACCOUNTS; do
    echo "create role $account login password '$account-made-up';"
    echo "grant select, insert, update on customers, notes to $account;"
done | pg_sql crm
for account in $ACCOUNTS; do
    echo "$account:$(openssl passwd -apr1 "$account-made-up")"
done >"$LAB/accounts"
mkdir -p "$LAB/www/customers"
for id in $(seq 20000); do
    printf '{"id": %d, "name": "Customer %d", "phone": "555-01%02d-%d", "plan": "family"}\n' \
        "$id" "$id" $((id % 100)) "$id" >"$LAB/www/customers/$id"
done
nginx_begin <<CONF
        auth_basic "CRM";
        auth_basic_user_file $LAB/accounts;
        location /customers/ { }
        location ~ ^/customers/[0-9]+/notes\$ { try_files /noted =404; error_page 405 =200 \$uri; }
CONF
echo '{"noted": true}' >"$LAB/www/noted"

pg_reset
capture_begin "$LAB/day.pcap"
python3 day.py "$LAB_PREFIX" "$LAB/times"
packets=$(capture_end)
read -r statements returned affected < <(pg_counts)
read -r requests refused bodies connections < <(nginx_counts)
refused_logins=$(grep -c 'FATAL:  password authentication failed' "$LAB/pg.log")
logins=$(grep 'connection authorized: ' "$LAB/pg.log" | grep -vc 'user=postgres ')

mkdir -p "$SAMPLES"
python3 stretch.py "$LAB/day.pcap" "$LAB/times" "$SAMPLES/day.pcap.gz" "${PUBLIC[@]}"
cat >"$SAMPLES/truth.json" <<JSON
{
  "packets": $packets,
  "postgresql": {
    "requests": $statements,
    "returned_rows": $returned,
    "affected_rows": $affected,
    "logins": $logins,
    "failed_logins": $refused_logins
  },
  "http": {
    "connections": $connections,
    "requests": $requests,
    "failures": $refused,
    "response_body_bytes": $bodies
  }
}
JSON
ls -l "$SAMPLES/day.pcap.gz"
cat "$SAMPLES/truth.json"
