"""A fixed mixture of traffic, for the comparison with another tool. Says what it did, then ends.

usage: mixture.py IPV4-ADDRESS IPV6-ADDRESS
"""

import socket
import struct
import sys

import stage


def pair(address, **server):
    """A connected pair and its listener."""
    listener = stage.listen(server.get("bind", address), 0, 8)
    client = socket.create_connection((address, listener.getsockname()[1]))
    conn, _ = listener.accept()
    return listener, client, conn


def client_closes(address, **server):
    listener, client, conn = pair(address, **server)
    client.send(b"question")
    conn.recv(100)
    conn.send(b"answer")
    client.recv(100)
    client.close()
    assert conn.recv(100) == b""
    conn.close()
    listener.close()


def server_closes(address):
    listener, client, conn = pair(address)
    conn.close()
    assert client.recv(100) == b""
    client.close()
    listener.close()


def half_close(address):
    listener, client, conn = pair(address)
    client.shutdown(socket.SHUT_WR)
    assert conn.recv(100) == b""
    conn.send(b"answer after the question's end")
    client.recv(100)
    conn.close()
    assert client.recv(100) == b""
    client.close()
    listener.close()


def reset(address):
    listener, client, conn = pair(address)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    try:
        conn.recv(100)
    except ConnectionResetError:
        pass
    conn.close()
    listener.close()


def refused(address):
    holder = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    holder.bind((address, 0))
    try:
        socket.create_connection((address, holder.getsockname()[1]))
        raise SystemExit("a port that nobody listens on took a connection")
    except ConnectionRefusedError:
        pass
    holder.close()


def never_accepted(address):
    listener = stage.listen(address, 0, 8)
    client = socket.create_connection((address, listener.getsockname()[1]))
    client.close()
    listener.close()


if __name__ == "__main__":
    for where in sys.argv[1:3]:
        for traffic in (client_closes, server_closes, half_close, reset, refused, never_accepted):
            traffic(where)
    client_closes(sys.argv[1], bind="::")
    stage.say("done")
