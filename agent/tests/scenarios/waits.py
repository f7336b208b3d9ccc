"""A server that waits for each of its connections in another way, and never reads what tells of the end.

usage: waits.py WAY...      one connection for each way, in this order
"""

import select
import socket
import sys
import threading

import ring
import stage
from limits import is_blocked

# What is made for one connection must outlive the call that makes it.
kept = []


def in_thread(work, *args):
    """Does it in a thread of its own; returns when that sleeps, with its number."""
    thread = threading.Thread(target=work, args=args, daemon=True)
    thread.start()
    stage.wait_until(lambda: is_blocked(thread))
    return thread.native_id


def nobody(_conn):
    """Nobody looks."""


def poll(conn, events=0):
    """A thread in poll that asks only for what is always told (both directions shut down, errors)."""
    poller = select.poll()
    poller.register(conn, events)
    return in_thread(poller.poll)


def select_urgent(conn):
    """A thread in select that waits for urgent data."""
    return in_thread(select.select, [], [], [conn])


def epoll(conn, events):
    instance = select.epoll()
    instance.register(conn, events)
    kept.append(instance)
    return instance


def level(conn):
    """Level-triggered, and nobody calls epoll_wait."""
    epoll(conn, select.EPOLLIN)


def edge(conn):
    """Edge-triggered, and nobody calls epoll_wait."""
    epoll(conn, select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLET)


def edge_fetched(conn):
    """Edge-triggered; a thread fetches the event and forgets it."""
    in_thread(epoll(conn, select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLET).poll)


def oneshot_fetched(conn):
    """The same, one-shot: the registration is spent."""
    in_thread(epoll(conn, select.EPOLLIN | select.EPOLLONESHOT).poll)


def writable(conn):
    """Registered for something else than reading."""
    epoll(conn, select.EPOLLOUT | select.EPOLLET)


def ring_deferred(conn):
    """io_uring receives; what has come is taken only when the application enters the kernel, which it does not."""
    requests = ring.Ring(ring.DEFER_TASKRUN | ring.SINGLE_ISSUER)
    requests.ask_to_receive(conn.fileno())
    kept.append(requests)


# From here on, the server has shut down its side and the client has not.


def receives(conn):
    conn.shutdown(socket.SHUT_WR)
    return in_thread(conn.recv, 100)


def polls(conn):
    conn.shutdown(socket.SHUT_WR)
    poll(conn, select.POLLIN)


def level_idle(conn):
    conn.shutdown(socket.SHUT_WR)
    in_thread(epoll(conn, select.EPOLLIN).poll)


def edge_idle(conn):
    """The events of the shutdown are fetched, then nothing more comes."""
    conn.shutdown(socket.SHUT_WR)
    instance = epoll(conn, select.EPOLLIN | select.EPOLLET)
    instance.poll(0)
    in_thread(instance.poll)


def ring_receives(conn):
    conn.shutdown(socket.SHUT_WR)
    requests = ring.Ring()
    requests.ask_to_receive(conn.fileno())
    kept.append(requests)


def ignores(conn):
    conn.shutdown(socket.SHUT_WR)


# From here on, nobody has shut down anything.


def sends(conn):
    """Sends without reading, until nobody takes any more."""
    return in_thread(conn.sendall, b"more" * 4_000_000)


WAYS = [
    nobody, poll, select_urgent, level, edge, edge_fetched, oneshot_fetched, writable, ring_deferred,
    receives, polls, level_idle, edge_idle, ring_receives, ignores, sends,
]

if __name__ == "__main__":
    ways = {f.__name__: f for f in WAYS}
    with stage.listen("127.0.0.1", 0, 64) as listening:
        stage.say("listening", **stage.end_of(listening))
        for way in sys.argv[1:]:
            conn, _ = listening.accept()
            kept.append(conn)
            try:
                thread = ways[way](conn) or 0
            except OSError:
                # A way that this kernel does not know.
                stage.say("waits", connections=0)
                continue
            stage.say("waits", **stage.end_of(conn), thread=thread, connections=1)
        stage.wait_for("exit")
