"""S23: TLS has said goodbye (close_notify), so nobody looks below it any more: the FIN that follows stays unread."""

import os
import socket
import ssl
import sys


def context(side):
    """Without certificates: nobody is to be trusted here."""
    made = ssl.SSLContext(side)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    made.maximum_version = ssl.TLSVersion.TLSv1_2
    made.set_ciphers("AECDH-AES256-SHA:@SECLEVEL=0")
    return made


def peer(port):
    """Another process: shakes hands, says goodbye, does not wait long for the answer, and goes."""
    tls = context(ssl.PROTOCOL_TLS_CLIENT).wrap_socket(socket.create_connection(("127.0.0.1", port)))
    tls.settimeout(0.3)
    try:
        tls.unwrap()
    except TimeoutError:
        os._exit(0)


listener = socket.create_server(("127.0.0.1", 0))
if os.fork() == 0:
    peer(listener.getsockname()[1])
connection, _ = listener.accept()
listener.close()
tls = context(ssl.PROTOCOL_TLS_SERVER).wrap_socket(connection, server_side=True)
while tls.recv(4096):
    pass
ends = (os.getpid(), tls.fileno(), tls.getsockname()[1], tls.getpeername()[1])
print('{"did":"stuck","pid":%d,"fd":%d,"port":%d,"peer_port":%d}' % ends, flush=True)
sys.stdin.read()
