"""A relay in front of a server: writes down what is said, or cuts it into single bytes.

    with CuttingRelay(server.port, Cut(seed=7)) as relay:
        run_a_client(relay.port)

    with CuttingRelay(server.port, Record()) as relay:
        run_a_client(relay.port)
    relay.mode.connections[0]["frontend"]   # the bytes of that direction, or "backend"
"""

import random
import socket
import threading
import time


class Record:
    """Passes everything on as it comes and keeps it."""

    def __init__(self):
        self.connections = []

    def begin(self):
        said = {"frontend": bytearray(), "backend": bytearray()}
        self.connections.append(said)
        return said

    def pieces(self, data, said, direction):
        said[direction].extend(data)
        yield data


class Cut:
    """Sends pieces of 1 to `longest` bytes, one in ten of them after up to `delay` seconds."""

    def __init__(self, seed, longest=1, delay=0.002):
        print(f"cutting relay: seed {seed}")
        self._random = random.Random(seed)
        self._longest = longest
        self._delay = delay

    def begin(self):
        pass

    def pieces(self, data, _connection, _direction):
        while data:
            if self._random.random() < 0.1:
                time.sleep(self._random.uniform(0, self._delay))
            size = self._random.randint(1, self._longest)
            yield data[:size]
            data = data[size:]


class CuttingRelay:
    """Accepts clients on `port` of 127.0.0.1 and connects each to `server_port` there."""

    def __init__(self, server_port, mode):
        self.mode = mode
        self._server_port = server_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._threads = []
        self._sockets = []

    def __enter__(self):
        self._start(self._accept)
        return self

    def __exit__(self, *_):
        _shut_down(self._listener)
        self._threads[0].join()  # no more sockets from here on
        _shut_down(*self._sockets)
        for thread in self._threads[1:]:
            thread.join()
        for one in [self._listener, *self._sockets]:
            one.close()

    def _start(self, function, *arguments):
        thread = threading.Thread(target=function, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._server_port))
            self._sockets += [client, server]
            connection = self.mode.begin()
            self._start(self._copy, client, server, connection, "frontend")
            self._start(self._copy, server, client, connection, "backend")

    def _copy(self, source, target, connection, direction):
        target.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            while data := source.recv(65536):
                for piece in self.mode.pieces(data, connection, direction):
                    target.sendall(piece)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            # One side is gone: the other is told by the end of its connection.
            _shut_down(source, target)


def _shut_down(*sockets):
    for one in sockets:
        try:
            one.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
