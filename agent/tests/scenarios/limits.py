"""A server that does with its connection what few programs do. The test is its client, except where it says so.

usage: limits.py MANNER [ADDRESS [PORT]]
"""

import os
import select
import socket
import struct
import sys
import threading

import ring
import stage
from server import accept, leave

MPTCP = 262
TCP_ULP, SOL_TLS, TLS_TX, TLS_RX = 31, 282, 1, 2
# `struct tls12_crypto_info_aes_gcm_128`: TLS 1.2, the cipher, explicit nonce, key, salt, sequence number.
TLS_KEY = struct.pack("HH8s16s4s8s", 0x0303, 51, b"noncenon", b"0123456789abcdef", b"salt", b"\0" * 8)
SYN_DATA = 32


def splices(listener):
    """Moves the data to a pipe, end-of-stream included, and never closes."""
    splice_to_end(conn := accept(listener))
    leave(conn)


def splices_and_closes(listener):
    """The same, as it should be."""
    splice_to_end(conn := accept(listener))
    conn.close()
    stage.say("closed")


def splice_to_end(conn):
    out, into = os.pipe()
    while os.splice(conn.fileno(), into, 4096):
        os.read(out, 4096)
    stage.say("eof")


def peeks(listener):
    """Looks at the end-of-stream without taking it."""
    conn = accept(listener)
    stage.wait_until(lambda: stage.state_of(conn) == stage.CLOSE_WAIT)
    assert conn.recv(100, socket.MSG_PEEK) == b""
    stage.say("eof")
    leave(conn)


def dups(listener):
    """Has the connection under two descriptors; closes them one by one."""
    conn = accept(listener)
    twin = conn.dup()
    stage.say("duplicated", **stage.end_of(twin))
    stage.wait_for("close one")
    conn.close()
    stage.say("closed one")
    leave(twin)


def in_flight(listener):
    """Sends the descriptor through a Unix socket that nobody reads, and closes its own."""
    put_in_flight(accept(listener))


def in_flight_after_eof(listener):
    """The same, after it has read the end-of-stream."""
    conn = accept(listener)
    while conn.recv(4096):
        pass
    put_in_flight(conn)


def put_in_flight(conn):
    near, far = socket.socketpair()
    socket.send_fds(near, [b"x"], [conn.fileno()])
    conn.close()
    stage.say("gave away")
    stage.wait_for("close")
    near.close()
    far.close()
    stage.say("closed")
    stage.wait_for("exit")


def ring_reads_eof(listener):
    """Reads to the end by io_uring and forgets to close."""
    conn = accept(listener)
    ring.Ring().read_to_end(conn.fileno())
    stage.say("eof")
    leave(conn)


def ring_reads_eof_and_closes(listener):
    """The same, as it should be."""
    conn = accept(listener)
    ring.Ring().read_to_end(conn.fileno())
    conn.close()
    stage.say("closed")


def ring_direct(listener):
    """Keeps the connection as a direct descriptor of io_uring only, reads its end there, forgets it."""
    requests = only_in_ring(accept(listener))
    requests.read_to_end(0, ring.FIXED_FILE)
    stage.say("eof")
    drop(requests)


def ring_direct_unread(listener):
    """The same without reading."""
    drop(only_in_ring(accept(listener)))


def only_in_ring(conn):
    requests = ring.Ring()
    requests.keep(conn.fileno())
    conn.close()
    stage.say("gave away")
    return requests


def drop(requests):
    stage.wait_for("close")
    requests.drop()
    stage.say("closed")
    stage.wait_for("exit")


def closed_under_recv(listener):
    """Closes the descriptor while another thread is blocked in a receive on it."""
    fd = accept(listener).detach()
    reader = threading.Thread(target=os.read, args=(fd, 100))
    reader.start()
    stage.wait_until(lambda: is_blocked(reader))
    os.close(fd)
    stage.say("gave away")
    reader.join()
    stage.say("closed")
    stage.wait_for("exit")


def closed_under_poll(listener):
    """Closes the descriptor while another thread polls it, without asking for anything that is to come."""
    fd = accept(listener).detach()
    wake, waker = os.pipe()
    poll = select.poll()
    poll.register(fd, 0)
    poll.register(wake, select.POLLIN)
    poller = threading.Thread(target=poll.poll)
    poller.start()
    stage.wait_until(lambda: is_blocked(poller))
    os.close(fd)
    stage.say("gave away")
    stage.wait_for("close")
    os.write(waker, b"x")
    poller.join()
    stage.say("closed")
    stage.wait_for("exit")


def is_blocked(thread):
    """Whether the thread sleeps in the kernel."""
    with open(f"/proc/self/task/{thread.native_id}/stat") as stat:
        return stat.read().rsplit(")", 1)[1].split()[0] == "S"


def mptcp_never_reads(listener):
    """A listener for MPTCP: the client may speak it or not. Accepts and forgets."""
    conn = accept(listener)
    stage.say("protocol", bytes=conn.getsockopt(socket.SOL_SOCKET, socket.SO_PROTOCOL))
    leave(conn)


def mptcp_never_accepts(listener):
    """The same without accepting."""
    stage.wait_for("close")
    listener.close()
    stage.say("closed")


def mptcp_both(listener):
    """Is its own client, by MPTCP at both ends; the client sends its end-of-stream, the server never reads."""
    client = connect(listener, MPTCP)
    conn, _ = listener.accept()
    client.send(b"question")
    stage.say("connected", **stage.end_of(conn))
    client.shutdown(socket.SHUT_WR)
    stage.say("hung up")
    leave(conn)


def mptcp_client(listener):
    """Is a client of a plain server, by MPTCP; the server hangs up, the client never reads."""
    client = connect(listener, MPTCP)
    conn, _ = listener.accept()
    conn.close()
    stage.say("hung up", **stage.end_of(client))
    leave(client)


def connect(listener, protocol=0):
    client = socket.socket(socket.AF_INET, socket.SOCK_STREAM, protocol)
    client.connect(listener.getsockname())
    return client


def tls_never_reads(listener):
    """Is its own client. Both ends have kTLS; the client sends a record and hangs up."""
    leave(tls_pair(listener))


def tls_reads_eof(listener):
    """The same; reads the end-of-stream and forgets to close."""
    conn = tls_pair(listener)
    read_tls(conn)
    leave(conn)


def tls_closes(listener):
    """The same, as it should be."""
    conn = tls_pair(listener)
    read_tls(conn)
    conn.close()
    stage.say("closed")


def read_tls(conn):
    text = b""
    while some := conn.recv(4096):
        text += some
    assert text == b"question", text
    stage.say("eof")


def tls_pair(listener):
    client = connect(listener)
    conn, _ = listener.accept()
    for end, direction in ((client, TLS_TX), (conn, TLS_RX)):
        end.setsockopt(socket.IPPROTO_TCP, TCP_ULP, b"tls")
        end.setsockopt(SOL_TLS, direction, TLS_KEY)
    stage.say("connected", **stage.end_of(conn))
    client.send(b"question")
    client.close()
    return conn


def fast_open(listener):
    """Takes data with the SYN, then forgets the connection."""
    conn = accept(listener)
    stage.say("protocol", bytes=options_of(conn))
    leave(conn)


def fast_open_never_accepts(listener):
    """Is its own client, which sends data with its SYN and hangs up."""
    client = socket.socket()
    client.sendto(b"question", socket.MSG_FASTOPEN, listener.getsockname())
    stage.say("protocol", bytes=options_of(client), **stage.end_of(client))
    client.close()
    stage.wait_for("close")
    listener.close()
    stage.say("closed")


def options_of(sock):
    """`tcpi_options` of TCP_INFO: which of them came into use."""
    return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 6)[5] & SYN_DATA


def shares_port(listener):
    """Shares its port with others: accepts what it gets, and forgets it."""
    conns = []
    while 0 not in select.select([0, listener], [], [])[0]:
        conns.append(listener.accept()[0])
    stage.wait_for("close")
    ports = [conn.getpeername()[1] for conn in conns]
    for conn in conns:
        conn.close()
    listener.close()
    stage.say("closed", ports=ports)
    stage.wait_for("exit")


def shares_port_never_accepts(listener):
    """Shares its port and does not accept what it gets."""
    stage.wait_for("close")
    listener.close()
    stage.say("closed")
    stage.wait_for("exit")


MANNERS = [
    splices, splices_and_closes, peeks, dups, in_flight, in_flight_after_eof, ring_reads_eof,
    ring_reads_eof_and_closes, ring_direct, ring_direct_unread, closed_under_recv, closed_under_poll,
    mptcp_never_reads, mptcp_never_accepts, mptcp_both, mptcp_client, tls_never_reads, tls_reads_eof, tls_closes,
    fast_open, fast_open_never_accepts, shares_port, shares_port_never_accepts,
]


def listening_socket(name, address, port):
    protocol = MPTCP if name in ("mptcp_never_reads", "mptcp_never_accepts", "mptcp_both") else 0
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if name.startswith("shares_port"):
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind((address, port))
    if name.startswith("fast_open"):
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 8)
    listener.listen(64)
    return listener


if __name__ == "__main__":
    manner = {f.__name__: f for f in MANNERS}[sys.argv[1]]
    port = int(sys.argv[3]) if len(sys.argv) > 3 else 0
    with listening_socket(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "127.0.0.1", port) as listening:
        stage.say("listening", **stage.end_of(listening))
        manner(listening)
