"""A client that opens and closes a connection per request uses up its local ports.

Has a network namespace with few of them for itself: 40 ports, 36 connections.
"""

import os
import socket
import sys

with open("/proc/sys/net/ipv4/ip_local_port_range", "w") as ports:
    ports.write("40000 40039")
listener = socket.create_server(("127.0.0.1", 8080), backlog=64)
if os.fork() == 0:
    while True:
        connection, _ = listener.accept()
        connection.recv(1)
        connection.close()
listener.close()
for _ in range(36):
    with socket.create_connection(("127.0.0.1", 8080)) as connection:
        connection.shutdown(socket.SHUT_WR)
        connection.recv(1)
print('{"did":"stuck","pid":%d,"port":0,"peer_port":8080}' % os.getpid(), flush=True)
sys.stdin.read()
