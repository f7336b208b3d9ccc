"""Accepts, keeps everything, and says what it feels when its sockets are destroyed.

usage: destroyed.py ADDRESS [PORT]

orders: accept | states | block N | feel N
"""

import errno
import select
import socket
import sys
import threading

import stage

NAMES = ("IN", "OUT", "RDHUP", "ERR", "HUP")


def attempt(name, call):
    """`read 0`, `read ECONNABORTED`."""
    try:
        result = call()
        return f"{name} {len(result) if isinstance(result, bytes) else result}"
    except OSError as error:
        return f"{name} {errno.errorcode[error.errno]}"


def read(sock):
    return attempt("read", lambda: sock.recv(100))


def write(sock):
    return attempt("write", lambda: sock.send(b"x"))


def events(sock):
    poll = select.epoll()
    poll.register(sock, sum(getattr(select, "EPOLL" + name) for name in NAMES))
    seen = dict(poll.poll(0)).get(sock.fileno(), 0)
    return "wakes " + "|".join(name for name in NAMES if seen & getattr(select, "EPOLL" + name))


def block(sock):
    """Another thread waits for data."""
    threading.Thread(target=lambda: stage.say("woken", felt=read(sock)), daemon=True).start()
    stage.say("blocks")


def feel(sock):
    stage.say("felt", felt=", ".join((events(sock), read(sock), write(sock), write(sock), read(sock))))


def main():
    port = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    listener = socket.create_server((sys.argv[1], port))
    stage.say("listening", **stage.end_of(listener))
    kept = []
    while True:
        order, *which = stage.order().split()
        if order == "accept":
            kept.append(listener.accept()[0])
            stage.say("accepted", **stage.end_of(kept[-1]))
        elif order == "states":
            stage.say("states", fds=[stage.state_of(sock) for sock in kept])
        elif order == "block":
            block(kept[int(which[0])])
        elif order == "feel":
            feel(kept[int(which[0])])


main()
