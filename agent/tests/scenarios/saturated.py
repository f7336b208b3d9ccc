"""Answers as many clients at once as it has places for, and forgets those that hang up: it takes an event of theirs only
when the socket fails, as many an event loop does.

usage: saturated.py ADDRESS PLACES

orders: states
"""

import select
import socket
import sys

import stage

FAILED = select.EPOLLHUP | select.EPOLLERR


class Server:
    def __init__(self, address, places):
        self.listener = socket.create_server((address, 0))
        self.loop = select.epoll()
        self.places = places
        self.clients = {}
        self.loop.register(sys.stdin, select.EPOLLIN)
        self.loop.register(self.listener, 0)
        stage.say("listening", **stage.end_of(self.listener))

    def run(self):
        while True:
            free = len(self.clients) < self.places
            self.loop.modify(self.listener, select.EPOLLIN if free else 0)
            for number, event in self.loop.poll():
                self.turn(number, event)

    def turn(self, number, event):
        if number == sys.stdin.fileno():
            stage.order()
            stage.say("states", fds=[stage.state_of(client) for client in self.clients.values()])
        elif number == self.listener.fileno():
            client, _ = self.listener.accept()
            self.clients[client.fileno()] = client
            self.loop.register(client, select.EPOLLIN)
        elif event & FAILED:
            self.close(number)
        elif number in self.clients:
            self.answer(number)

    def answer(self, number):
        client = self.clients[number]
        if client.recv(100):
            client.send(b"pong")
        else:
            # Here it should close.
            self.loop.modify(client, 0)
            stage.say("forgotten", connections=len(self.clients))

    def close(self, number):
        self.loop.unregister(number)
        self.clients.pop(number).close()
        stage.say("closed", connections=len(self.clients))


Server(sys.argv[1], int(sys.argv[2])).run()
