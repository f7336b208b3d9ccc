"""S22, gthread: answered keep-alive connections wait for a next request in a set that nobody polls."""

import socket
import sys

listener = socket.create_server(("127.0.0.1", 0), backlog=16)
print('{"did":"listening","port":%d}' % listener.getsockname()[1], flush=True)
waiting = set()
for _ in range(3):
    connection, _ = listener.accept()
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    waiting.add(connection)
print('{"did":"stuck"}', flush=True)
sys.stdin.read()
