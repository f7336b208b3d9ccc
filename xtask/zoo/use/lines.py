"""Keeps a connection and talks lines: lines.py PORT PAUSE LINE...; `\\r\\n` after each, whatever is answered is read."""
import socket
import sys
import time

port, pause, lines = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]
while True:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=60) as talk:
            talk.settimeout(2)
            for turn in range(15):
                for line in lines:
                    talk.sendall(line.encode() + b"\r\n")
                try:
                    while chunk := talk.recv(65536):
                        if chunk.startswith(b"PING"):
                            talk.sendall(chunk.replace(b"PING", b"PONG"))
                    break
                except TimeoutError:
                    time.sleep(pause)
    except OSError:
        time.sleep(1)
