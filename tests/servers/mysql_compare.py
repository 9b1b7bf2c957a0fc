"""Holds what seepwatch saw against what MariaDB counted.

    mysql_compare.py FOLDER PROGRAM    replays FOLDER/all.pcap case by case; FOLDER/cases.json has the counts

Expected of a case are the server's Questions without those that are no statements (COM_QUIT and what stands at the case,
in mysql_cases.py), its Rows_sent and the errors of its log; of cases of the raw clients also the rows that these
received and the changes that they were told.
"""
import base64
import hashlib
import json
import sys

from mysql_cases import SECRET
from postgresql_compare import compare_customers, replay, split

COUNTED = "requests", "returned_rows", "affected_rows", "failures"


def compare(folder, program):
    with open(f"{folder}/cases.json", encoding="utf-8") as file:
        cases = json.load(file)
    split(folder, cases)
    passed, failed, totals = 0, 0, dict.fromkeys(COUNTED, 0)

    def check(good, line):
        nonlocal passed, failed
        passed, failed = passed + good, failed + (not good)
        print(("ok   " if good else "FAIL ") + line)

    print(f"     {'case':48}{'requests':>14}{'rows':>18}{'affected':>16}{'errors':>10}   seen/expected")
    for n, case in enumerate(cases):
        summary, _ = replay(program, folder, n)
        seen = summary["protocols"]["mysql"]
        for name in COUNTED:
            totals[name] += seen[name]
        if case["is_hidden"]:
            check(seen["encrypted"] == 1 and seen["requests"] == 0, f"{case['name'][:47]:48}")
            continue
        affected = seen["affected_rows"] if case["affected"] is None else case["affected"]
        expected = case["requests"], case["rows"], affected, case["failures"]
        good = (tuple(seen[name] for name in COUNTED) == expected and summary["streams"]["gaps"] == 0 and
                summary["streams"]["resyncs"] == 0 and case["received"] in (None, seen["returned_rows"]))
        check(good, f"{case['name'][:47]:48}{seen['requests']:>7}/{expected[0]:<6}{seen['returned_rows']:>9}/{expected[1]:<8}"
                    f"{seen['affected_rows']:>8}/{expected[2]:<7}{seen['failures']:>5}/{expected[3]:<4}   {case['why']}")
        if case["customers"]:
            check(*compare_customers(case["customers"], folder))
    summary, written = replay(program, folder, "all")
    whole = summary["protocols"]["mysql"]
    check(all(whole[name] == totals[name] for name in COUNTED), "all cases in one capture")
    once = hashlib.sha1(SECRET.encode()).digest()
    hidden = SECRET.encode(), base64.b64encode(SECRET.encode()), hashlib.sha1(once).hexdigest().encode()
    check(not any(secret in written for secret in hidden), "no password and no literal in what is written")
    print(f"{passed} passed, {failed} failed")
    return failed == 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(0 if compare(*sys.argv[1:]) else 1)
