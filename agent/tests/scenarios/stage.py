"""What every scenario needs: a bounded life, JSON lines out, orders in."""

import fcntl
import json
import os
import select
import signal
import socket
import struct
import sys
import termios
import time

CLOSE_WAIT = 8


def bound_life():
    """Ends this process after FINBACK_SCENARIO_LIFE seconds, whatever happens to the test. Not inherited by fork."""
    signal.alarm(int(os.environ.get("FINBACK_SCENARIO_LIFE", "60")))


bound_life()


def say(did, **what):
    """One line: what this process has just done."""
    line = json.dumps({"did": did, "pid": os.getpid(), **what}) + "\n"
    os.write(sys.stdout.fileno(), line.encode())


def end_of(sock):
    """The socket as the kernel and as this process know it."""
    end = {"fd": sock.fileno(), "inode": os.fstat(sock.fileno()).st_ino}
    end["port"] = sock.getsockname()[1]
    try:
        end["peer_port"] = sock.getpeername()[1]
    except OSError:
        pass
    return end


_pending = b""


def order(timeout=None):
    """The next order of the test, None after `timeout` seconds. Without a test there is nothing left to do."""
    global _pending
    while b"\n" not in _pending:
        if timeout is not None and not select.select([0], [], [], timeout)[0]:
            return None
        some = os.read(0, 4096)
        if not some:
            sys.exit(0)
        _pending += some
    line, _pending = _pending.split(b"\n", 1)
    return line.decode()


def wait_for(wanted):
    """Returns when the test has given this order."""
    while order() != wanted:
        pass


def state_of(sock):
    """`tcpi_state`, the first byte of TCP_INFO."""
    return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]


def unread(sock):
    """Bytes that wait to be read; the FIN does not count."""
    answer = fcntl.ioctl(sock.fileno(), termios.FIONREAD, b"\0" * 4)
    return struct.unpack("i", answer)[0]


def wait_until(condition):
    """Polls; the life of the process bounds it."""
    while not condition():
        time.sleep(0.002)


def listen(address, port, backlog):
    """A listener of the address's family; `::` takes IPv4 clients too (v4-mapped)."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    listener.bind((address, port))
    listener.listen(backlog)
    return listener
