"""A shop that forgets some of its connections: says its ports, then goes on until its standard input ends."""

import resource
import socket
import sys
import threading

resource.setrlimit(resource.RLIMIT_NOFILE, (512, 512))


def free_port():
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return made.getsockname()[1]


def listener(backlog):
    made = socket.socket()
    # A port that the kernel has chosen is none that an incident is known by.
    made.bind(("127.0.0.1", free_port()))
    made.listen(backlog)
    return made


def client(port):
    return socket.create_connection(("127.0.0.1", port))


shop = listener(64)
stuck = listener(16)
print(shop.getsockname()[1], stuck.getsockname()[1], flush=True)

# Nobody accepts these, and their clients have gone.
for _ in range(12):
    client(stuck.getsockname()[1]).close()

over = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()

kept = []
while not over.wait(0.3):
    port = shop.getsockname()[1]
    # One is served as it should be …
    one = client(port)
    served, _ = shop.accept()
    one.close()
    served.recv(1)
    served.close()
    # … and one is forgotten.
    if len(kept) < 400:
        one = client(port)
        forgotten, _ = shop.accept()
        kept.append(forgotten)
        one.close()
