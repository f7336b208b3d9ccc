"""Programs that call themselves what they like, or are more than anybody expects.

usage: hostile.py leak NAME [ANYTHING...]   calls itself NAME (hexadecimal), opens Unix sockets with odd names, and leaves a
                                            connection unread whose client has ended; "close" closes it
       hostile.py hoard NAME                the same with as many descriptors as it may have
       hostile.py swarm                     starts processes by the hundred, each with a short connection that is read to its
                                            end; until told "exit"
"""

import os
import resource
import select
import socket
import sys

import stage


def call_itself(name):
    with open("/proc/self/comm", "wb", buffering=0) as comm:
        comm.write(bytes.fromhex(name))


def odd_sockets():
    """Abstract ones: nothing is left behind."""
    kept = []
    for name in (b"\0\xff\x1b[2J\n" + str(os.getpid()).encode(), b"\0" + b"/" * 100, b""):
        one = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        one.bind(name) if name else None
        kept.append(one)
    return kept


def leak(name, *_):
    call_itself(name)
    kept = odd_sockets()
    listener = stage.listen("127.0.0.1", 0, 8)
    if os.fork() == 0:
        client = socket.create_connection(listener.getsockname())
        client.sendall(b"x")
        os._exit(0)
    conn, _ = listener.accept()
    os.wait()
    stage.wait_until(lambda: stage.state_of(conn) == stage.CLOSE_WAIT)
    stage.say("leaking", **stage.end_of(conn))
    stage.wait_for("close")
    conn.close()
    stage.say("closed")
    return kept


def hoard(name):
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = min(most, 20_000)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    kept = [os.open("/dev/null", os.O_RDONLY)]
    while len(kept) < most - 32:
        kept.append(os.dup(kept[0]))
    stage.say("hoarding", connections=len(kept))
    leak(name)


def swarm():
    listener = stage.listen("127.0.0.1", 0, 128)
    address = listener.getsockname()
    stage.say("swarming", **stage.end_of(listener))
    count = 0
    while not select.select([0], [], [], 0)[0]:
        child = os.fork()
        if child == 0:
            with socket.create_connection(address) as client:
                client.sendall(b"x")
            os._exit(0)
        conn, _ = listener.accept()
        while conn.recv(16):
            pass
        conn.close()
        os.waitpid(child, 0)
        count += 1
    stage.wait_for("exit")
    stage.say("swarmed", connections=count)


{"leak": leak, "hoard": hoard, "swarm": swarm}[sys.argv[1]](*sys.argv[2:])
