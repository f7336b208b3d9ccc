"""A server that treats its client's end-of-stream in one of many manners.

usage: server.py MANNER [ADDRESS [PORT]]
"""

import os
import sys
import time

import stage


def never_accepts(listener):
    """The client connects, hangs up, and stays in the accept queue."""
    stage.wait_for("close")
    listener.close()
    stage.say("closed")


def never_reads(listener):
    """Accepts and forgets."""
    conn = accept(listener)
    leave(conn)


def reads_eof(listener):
    """Reads to the end and forgets to close."""
    conn = accept(listener)
    while conn.recv(4096):
        pass
    stage.say("eof")
    leave(conn)


def reads_exactly(listener):
    """Takes data and FIN with one recv, which gives the data's length, and never asks again."""
    conn = accept(listener)
    stage.wait_until(lambda: stage.state_of(conn) == stage.CLOSE_WAIT)
    length = stage.unread(conn)
    stage.say("took", bytes=len(conn.recv(length)), of=length)
    leave(conn)


def drains(listener):
    """The client only wants an answer: reads its end-of-stream, sends on until it is told to finish."""
    conn = accept(listener)
    while conn.recv(4096):
        pass
    stage.say("eof")
    sent = 0
    while stage.order(timeout=0.02) != "finish":
        sent += conn.send(b"more\n" * 20)
    stage.say("sent", bytes=sent)
    conn.close()
    stage.say("closed")


def forks(listener):
    """The parent accepts, a child inherits the connection, the parent closes its own descriptor."""
    conn = accept(listener)
    orders, give = os.pipe()
    time.sleep(1.5)  # a child that is started at once is the connection's own
    child = os.fork()
    if child == 0:
        stage.bound_life()
        os.close(give)
        listener.close()
        stage.say("inherited", **stage.end_of(conn))
        os.read(orders, 1)  # an order, or the end of the parent
        conn.close()
        stage.say("closed")
        os._exit(0)
    conn.close()
    stage.wait_for("close")
    os.write(give, b"c")
    os.waitpid(child, 0)


def accept(listener):
    conn, _ = listener.accept()
    stage.say("accepted", **stage.end_of(conn))
    return conn


def leave(conn):
    stage.wait_for("close")
    conn.close()
    stage.say("closed")
    stage.wait_for("exit")


MANNERS = [never_accepts, never_reads, reads_eof, reads_exactly, drains, forks]

if __name__ == "__main__":
    manner = {f.__name__: f for f in MANNERS}[sys.argv[1]]
    address = sys.argv[2] if len(sys.argv) > 2 else "127.0.0.1"
    port = int(sys.argv[3]) if len(sys.argv) > 3 else 0
    with stage.listen(address, port, 64) as listening:
        stage.say("listening", **stage.end_of(listening))
        manner(listening)
