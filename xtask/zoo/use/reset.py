"""Connects, asks, and resets after a second: reset.py PORT COUNT."""
import socket
import struct
import sys
import time

taken = []
for _ in range(int(sys.argv[2])):
    talk = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    talk.sendall(b"PING\r\n")
    talk.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    taken.append(talk)
time.sleep(1)
for talk in taken:
    talk.close()
time.sleep(3600)
