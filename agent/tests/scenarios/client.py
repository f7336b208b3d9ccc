"""A client whose server closes first.

usage: client.py MANNER ADDRESS PORT
"""

import socket
import sys

import stage


def never_reads(_sock):
    """Connects and forgets."""


def reads_eof(sock):
    """Reads to the end and forgets to close."""
    while sock.recv(4096):
        pass
    stage.say("eof")


if __name__ == "__main__":
    manner = {"never_reads": never_reads, "reads_eof": reads_eof}[sys.argv[1]]
    with socket.create_connection((sys.argv[2], int(sys.argv[3]))) as conn:
        stage.say("connected", **stage.end_of(conn))
        manner(conn)
        stage.wait_for("close")
        conn.close()
        stage.say("closed")
        stage.wait_for("exit")
