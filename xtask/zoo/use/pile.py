"""Opens more connections than a server's queue holds, asks on each, and gives up after a while: pile.py PORT."""
import socket
import sys
import time

kept = []
while True:
    try:
        talk = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=2)
        talk.sendall(b"GET / HTTP/1.0\r\n\r\n")
        kept.append(talk)
    except OSError:
        pass
    if len(kept) % 2:
        kept[-1].close()
    time.sleep(0.01)
