"""Drives FreeTDS' ODBC driver, by python3-pyodbc, case by case, each on a connection of its own.

    tds_odbc.py PORT DRIVER    prints what it was told: a line of JSON a case; DRIVER is the library
"""
import json
import sys

import pyodbc

PORT, DRIVER = sys.argv[1:]
SECRET = "hunter2"


def connect(user="tester", version="7.4", **more):
    options = {"Driver": DRIVER, "Server": "127.0.0.1", "Port": PORT, "UID": user,
               "PWD": SECRET, "TDS_Version": version, "ClientCharset": "UTF-8", "Encryption": "off", **more}
    return pyodbc.connect(";".join(f"{name}={value}" for name, value in options.items()), autocommit=True)


def fetch(cursor):
    rows = len(cursor.fetchall()) if cursor.description else 0
    while cursor.nextset():
        rows += len(cursor.fetchall()) if cursor.description else 0
    return rows


def batches(connection):
    cursor = connection.cursor()
    rows = 0
    for count in 0, 1, 300:
        cursor.execute(f"select /* rows={count} kind=texts */ * from customers where name = '{SECRET}'")
        rows += fetch(cursor)
    return rows


def parameters(connection):
    cursor = connection.cursor()
    rows = 0
    for n in range(3):
        cursor.execute("select /* rows=20 */ * from customers where id = ? and name = ?", n, SECRET)
        rows += fetch(cursor)
    return rows


def mars(connection):
    """Two results at a time, their packets mixed."""
    one = connection.cursor()
    one.execute("select /* rows=3000 kind=texts */ * from customers")
    rows = len(one.fetchmany(10))
    for _ in range(5):
        two = connection.cursor()
        two.execute("select /* rows=500 kind=large */ * from orders")
        rows += len(two.fetchmany(7))
        rows += len(one.fetchmany(10))
        rows += fetch(two)
    return rows + fetch(one)


def errors(connection):
    for text in "select /* error=208 */ * from missing", "update t set a = 1 /* changes=3 */":
        try:
            connection.cursor().execute(text)
        except pyodbc.Error:
            pass
    return 0


CASES = [("odbc: batches", batches, {}), ("odbc: parameters", parameters, {}), ("odbc: errors", errors, {}),
         ("odbc: old batches", batches, {"version": "7.1"}), ("odbc: oldest batches", batches, {"version": "7.0"}),
         ("odbc: old parameters", parameters, {"version": "7.1"}), ("odbc: login encrypted", parameters, {"Encryption": "request"}),
         ("odbc: MARS", mars, {"MARS_Connection": "yes"}), ("odbc: MARS, login encrypted", mars, {"MARS_Connection": "yes", "Encryption": "request"})]

for name, work, options in CASES:
    connection = connect(**options)
    told = work(connection)
    connection.close()
    print(json.dumps({"name": name, "rows": told}), flush=True)
