"""A test suite as people write them: a server in a thread, a client per test. LEAK=1 plants a leak in the server."""

import os
import socket
import threading
import time
import unittest

LEAK = os.environ.get("LEAK") == "1"


def serve(listener):
    connection, _ = listener.accept()
    connection.sendall(b"hello")
    if LEAK:
        threading.Event().wait()  # forgets the connection
    while connection.recv(100):
        pass
    connection.close()


class Shop(unittest.TestCase):
    def setUp(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.server = threading.Thread(target=serve, args=(self.listener,), daemon=True)
        self.server.start()

    def tearDown(self):
        self.listener.close()

    def test_greets(self):
        with socket.create_connection(self.listener.getsockname()) as client:
            self.assertEqual(client.recv(5), b"hello")
        if not LEAK:
            self.server.join()

    def test_takes_its_time(self):
        time.sleep(2)
