"""Control: the client half-closes after its request, as HTTP/1.0 clients and `nc -N` do; the answer takes its time."""

import socket
import time

listener = socket.create_server(("127.0.0.1", 0))
print('{"did":"listening","port":%d}' % listener.getsockname()[1], flush=True)
connection, _ = listener.accept()
while connection.recv(65536):
    pass
for _ in range(45):
    connection.sendall(b"a line of the answer\n")
    time.sleep(0.1)
connection.close()
listener.accept()
