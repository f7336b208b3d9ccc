"""Control: a listener restarts while clients wait in its accept queue."""

import socket
import sys
import time

port = 0
for _ in range(2):
    listener = socket.create_server(("127.0.0.1", port), backlog=16)
    port = listener.getsockname()[1]
    print('{"did":"listening","port":%d}' % port, flush=True)
    time.sleep(0.5)
    listener.close()
sys.stdin.read()
