"""Control: clients reset their connections; the server looks, sees the error, and closes."""

import socket
import sys

listener = socket.create_server(("127.0.0.1", 0), backlog=16)
print('{"did":"listening","port":%d}' % listener.getsockname()[1], flush=True)
for _ in range(3):
    connection, _ = listener.accept()
    try:
        while connection.recv(65536):
            pass
    except ConnectionResetError:
        pass
    connection.close()
sys.stdin.read()
