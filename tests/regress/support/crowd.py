"""Thousands of clients that wait on a link listener, in one thread."""

import collections
import selectors
import socket

from support.wire import fields, startup

IP_BIND_ADDRESS_NO_PORT = 24


class Crowd:
    """`connect(n)` returns when n more have their answer; `outcomes` counts link or SQLSTATE."""

    batch = 200

    def __init__(self, port, source, timeout=60.0):
        self.address = ("127.0.0.1", port)
        self.source = source
        self.timeout = timeout
        self.outcomes = collections.Counter()
        self.sockets = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for client in self.sockets:
            client.close()
        self.sockets.clear()

    def connect(self, count):
        while count > 0:
            self._connect_batch(min(count, self.batch))
            count -= self.batch

    def _connect_batch(self, count):
        selector = selectors.DefaultSelector()
        for _ in range(count):
            client = self._open()
            client.sendall(startup(user="app", database="app"))
            self.sockets.append(client)
            selector.register(client, selectors.EVENT_READ, bytearray())
        waiting = count
        while waiting:
            ready = selector.select(self.timeout)
            assert ready, f"{waiting} clients got no answer within {self.timeout} s"
            for key, _ in ready:
                piece = key.fileobj.recv(65536)
                key.data.extend(piece)
                outcome = self._outcome(bytes(key.data)) or ("closed" if not piece else None)
                if outcome:
                    self.outcomes[outcome] += 1
                    selector.unregister(key.fileobj)
                    waiting -= 1
        selector.close()

    def _open(self):
        client = socket.socket()
        client.settimeout(30)
        # The port is chosen at connect, when the whole address pair is known: quick with thousands.
        client.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
        client.bind((self.source, 0))
        client.connect(self.address)
        return client

    @staticmethod
    def _outcome(data):
        """ "link" after a NOTICE, the SQLSTATE of an error, None while more is to come."""
        offset = 0
        while len(data) >= offset + 5:
            tag = data[offset : offset + 1]
            length = int.from_bytes(data[offset + 1 : offset + 5], "big")
            body = data[offset + 5 : offset + 1 + length]
            if len(body) < length - 4:
                return None
            if tag == b"N":
                return "link"
            if tag == b"E":
                return fields(body)["C"]
            offset += 1 + length
        return None
