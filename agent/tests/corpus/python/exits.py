"""Control: ends with connections open that their peers have closed; the kernel closes them."""

import socket
import time

listener = socket.create_server(("127.0.0.1", 0), backlog=16)
print('{"did":"listening","port":%d}' % listener.getsockname()[1], flush=True)
connections = [listener.accept() for _ in range(4)]
time.sleep(0.3)
