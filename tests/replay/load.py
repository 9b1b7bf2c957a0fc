#!/usr/bin/env python3
"""An HTTP server on the loopback and its clients, in one process: so many requests, each answered, over a few lasting
connections, spread over so many seconds or a little more.

    load.py PORT REQUESTS SECONDS
"""
import socket
import sys
import threading
import time

CONNECTIONS = 4
IN_TURN = 10  # requests between two pauses of a connection
REQUEST = b"GET /customers/17 HTTP/1.1\r\nHost: made.up\r\n\r\n"
REPLY = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 8\r\n\r\nmade up\n"


def read(connection, count):
    left = count
    while left > 0:
        data = connection.recv(left)
        if not data:
            return False
        left -= len(data)
    return True


def serve(connection):
    while read(connection, len(REQUEST)):
        connection.sendall(REPLY)
    connection.close()


def ask(port, count, seconds):
    with socket.create_connection(("127.0.0.1", port)) as connection:
        for i in range(count):
            connection.sendall(REQUEST)
            if not read(connection, len(REPLY)):
                raise SystemExit("no answer")
            if i % IN_TURN == 0:
                time.sleep(seconds * IN_TURN / count)


def main():
    port, count, seconds = map(int, sys.argv[1:])
    assert count % CONNECTIONS == 0
    listener = socket.create_server(("127.0.0.1", port))
    clients = [threading.Thread(target=ask, args=(port, count // CONNECTIONS, seconds)) for _ in range(CONNECTIONS)]
    for client in clients:
        client.start()
    for _ in clients:
        threading.Thread(target=serve, args=(listener.accept()[0],)).start()
    for client in clients:
        client.join()


main()
