"""Talks on some connections for a while, then closes them all: leave.py PORT COUNT SECONDS."""
import socket
import sys
import time

taken = [socket.create_connection(("127.0.0.1", int(sys.argv[1]))) for _ in range(int(sys.argv[2]))]
for talk in taken:
    talk.sendall(b"get one\r\n")
    talk.recv(100)
time.sleep(float(sys.argv[3]))
for talk in taken:
    talk.close()
time.sleep(3600)
