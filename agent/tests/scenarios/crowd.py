"""Many connections that are all handled as they should be.

usage: crowd.py serve [ADDRESS]            reads each connection to its end, then closes it; until told "exit"
       crowd.py connect ADDRESS PORT COUNT AT_ONCE
                                           opens COUNT connections, AT_ONCE at a time, sends, closes, reports ports
"""

import select
import socket
import sys

import stage


def serve(address="127.0.0.1"):
    listener = stage.listen(address, 0, 1024)
    listener.setblocking(False)
    stage.say("listening", **stage.end_of(listener))
    poll = select.epoll()
    poll.register(listener.fileno(), select.EPOLLIN)
    poll.register(0, select.EPOLLIN)
    conns, served = {}, 0
    while True:
        for fd, _ in poll.poll():
            if fd == 0:
                stage.wait_for("exit")
                stage.say("served", connections=served, **stage.end_of(listener))
                return
            if fd == listener.fileno():
                served += accept_all(listener, poll, conns)
            elif not conns[fd].recv(4096):
                poll.unregister(fd)
                conns.pop(fd).close()


def accept_all(listener, poll, conns):
    count = 0
    while True:
        try:
            conn, _ = listener.accept()
        except BlockingIOError:
            return count
        conns[conn.fileno()] = conn
        poll.register(conn.fileno(), select.EPOLLIN)
        count += 1


def connect(address, port, count, at_once):
    """Waits for `go`, closes each batch at `close` if there is only one, else at once."""
    stage.say("ready")
    stage.wait_for("go")
    done = 0
    while done < count:
        batch = [socket.create_connection((address, port)) for _ in range(min(at_once, count - done))]
        for conn in batch:
            conn.send(b"hello")
        if len(batch) == count:
            stage.say("open", ports=[conn.getsockname()[1] for conn in batch])
            stage.wait_for("close")
        for conn in batch:
            conn.close()
        done += len(batch)
    stage.say("done", connections=done)
    stage.wait_for("exit")


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(*sys.argv[2:])
    else:
        connect(sys.argv[2], *(int(word) for word in sys.argv[3:6]))
