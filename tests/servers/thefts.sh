#!/bin/bash
# The three thefts that this program is for, and a bulk answer, from packets: four weeks and three days of agents and
# thieves against a real PostgreSQL and a portal (thefts.py), recorded, moved to the times that they
# stand for, and replayed with the shipped rules.  As root; skips where a program is not there.
#
#     thefts.sh [PROGRAM]      with KEEP=FOLDER what was recorded and written stays there
set -euo pipefail
export PYTHONDONTWRITEBYTECODE=1
FOLDER=$(dirname "$(readlink -f "$0")")
PROGRAM=$(readlink -f "${1:-$FOLDER/../../build/release/seepwatch}")
cd "$FOLDER"
source ./lab.sh

lab_or_skip
lab_begin
desks=()
for shop in $(seq 0 9); do desks+=("10.1.$shop.1/32"); done
for seat in $(seq 10); do desks+=("10.3.0.$seat/32"); done
lab_client desks "${desks[@]}"
for network in 10.70.0 10.80.0; do # callers and guessers
    lab_in desks ip route add local "$network.0/24" dev lo
done
for address in 10.20.0.11 10.20.0.12; do # the portal, and voicemail
    lab_in server ip addr add "$address/32" dev eth0
done
pg_begin
pg_sql crm <<'SQL'
create table customers as
select id, '4670' || lpad((1000000 + id * 37 % 9000000)::text, 7, '0') as msisdn, 'Customer ' || id as name,
       (id % 90 + 1) || ' Example Street, Sampleville' as address,
       (array['basic', 'family', 'business'])[1 + id % 3] as plan
from generate_series(1, 20000) as id;
create unique index on customers (msisdn);
create table notes (customer text, text text);
SQL
echo 'create role root login; grant select on customers to root' | pg_sql crm # the portal
for account in esb centre-{0..9}; do
    echo "create role \"$account\" login password '$account-made-up'; grant select, insert on customers, notes to \"$account\";"
done | pg_sql crm
ip netns exec "$LAB_PREFIX-server" python3 thefts_portal.py "$LAB/socket" 2>"$LAB/portal.log" &
lab_pids+=("$!")
until lab_in desks python3 -c "import socket; socket.create_connection(('10.20.0.11', 80))" 2>/dev/null; do
    kill -0 "${lab_pids[-1]}" 2>/dev/null
    sleep 0.1
done
capture_begin "$LAB/weeks.pcap"
lab_in desks python3 thefts.py "$LAB/times" "$LAB/truth"
capture_end >"$LAB/packets"
echo "$(cat "$LAB/packets") packets recorded"
python3 stretch.py "$LAB/weeks.pcap" "$LAB/times" "$LAB/weeks.pcap.gz"
if [ -n "${KEEP:-}" ]; then
    cp "$LAB/weeks.pcap.gz" "$LAB/truth" "$KEEP"
fi
python3 thefts_compare.py "$LAB" "$PROGRAM"
