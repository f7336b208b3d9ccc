"""S22: a synchronous worker is blocked in one request; all others wait in the accept queue and hang up there."""

import socket
import sys

listener = socket.create_server(("127.0.0.1", 0), backlog=16)
print('{"did":"listening","port":%d}' % listener.getsockname()[1], flush=True)
connection, _ = listener.accept()
connection.recv(65536)
print('{"did":"stuck"}', flush=True)
sys.stdin.read()  # the request that never ends
