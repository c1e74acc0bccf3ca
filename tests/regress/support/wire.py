"""The PostgreSQL protocol by hand, for what no driver would send."""

import socket
import ssl
import struct
from collections import namedtuple

Message = namedtuple("Message", "tag body")

SSL_REQUEST = struct.pack("!II", 8, 80877103)
GSSENC_REQUEST = struct.pack("!II", 8, 80877104)
PROTOCOL_3_0 = 3 << 16
PROTOCOL_3_2 = PROTOCOL_3_0 + 2


def c_string(text):
    return text.encode() + b"\0"


def message(tag, body=b""):
    return tag.encode() + struct.pack("!I", len(body) + 4) + body


def query(text):
    return message("Q", c_string(text))


def parse(text, name=""):
    return message("P", c_string(name) + c_string(text) + struct.pack("!H", 0))


def bind(values=(), name="", portal=""):
    body = c_string(portal) + c_string(name) + struct.pack("!HH", 0, len(values))
    for value in values:
        body += struct.pack("!I", len(value)) + value
    return message("B", body + struct.pack("!H", 0))


def execute(portal="", rows=0):
    return message("E", c_string(portal) + struct.pack("!I", rows))


def sync():
    return message("S")


def flush():
    return message("H")


def startup(protocol=PROTOCOL_3_0, **parameters):
    body = struct.pack("!I", protocol)
    for name, value in parameters.items():
        body += c_string(name) + c_string(value)
    body += b"\0"
    return struct.pack("!I", len(body) + 4) + body


def cancel_request(pid, secret):
    return struct.pack("!IIi", 12 + len(secret), 80877102, pid) + secret


def fields(body):
    """The fields of an ErrorResponse or NoticeResponse by their letters."""
    parts = body.rstrip(b"\0").split(b"\0")
    return {part[:1].decode(): part[1:].decode() for part in parts if part}


def columns(body):
    """The values of a DataRow as bytes, None for NULL."""
    (count,) = struct.unpack_from("!H", body)
    offset, result = 2, []
    for _ in range(count):
        (length,) = struct.unpack_from("!i", body, offset)
        offset += 4
        if length < 0:
            result.append(None)
            continue
        result.append(body[offset : offset + length])
        offset += length
    return result


class ServerError(AssertionError):
    """An ErrorResponse where none was expected."""

    def __init__(self, body):
        self.fields = fields(body)
        super().__init__(str(self.fields))


class RawClient:
    """One connection; nothing is sent that the test did not ask for."""

    def __init__(self, port, host="127.0.0.1", source=None, timeout=30):
        self.port = port
        self.host = host
        address = (source, 0) if source else None
        self.socket = socket.create_connection((host, port), timeout, source_address=address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.parameters = {}
        self.pid = None
        self.secret = None
        self.notices = []
        self.negotiated = None
        self._buffer = bytearray()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)
        return self

    def start_tls(self, context=None):
        """SSLRequest and the TLS handshake; nothing is verified without a context."""
        self.send(SSL_REQUEST)
        assert self.socket.recv(1) == b"S", "the server refused TLS"
        return self.wrap(context)

    def wrap(self, context=None):
        if context is None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        self.socket = context.wrap_socket(self.socket, server_hostname="localhost")
        return self

    def read_exactly(self, count):
        while len(self._buffer) < count:
            piece = self.socket.recv(262144)
            if not piece:
                raise EOFError("the server closed the connection")
            self._buffer += piece
        result = bytes(self._buffer[:count])
        del self._buffer[:count]
        return result

    def read_all(self):
        """Everything until the server closes, as bytes."""
        while piece := self.socket.recv(262144):
            self._buffer += piece
        return bytes(self._buffer)

    def read(self):
        """The next message."""
        tag, length = struct.unpack("!cI", self.read_exactly(5))
        return Message(tag.decode(), self.read_exactly(length - 4))

    def read_until(self, *tags):
        """All messages up to the first with one of the tags; raises an unwanted ErrorResponse."""
        result = []
        while True:
            received = self.read()
            result.append(received)
            self._remember(received)
            if received.tag in tags:
                return result
            if received.tag == "E":
                raise ServerError(received.body)

    def _remember(self, received):
        if received.tag == "S":
            name, value = received.body[:-1].split(b"\0")
            self.parameters[name.decode()] = value.decode()
        elif received.tag == "K":
            self.pid = struct.unpack_from("!i", received.body)[0]
            self.secret = received.body[4:]
        elif received.tag == "N":
            self.notices.append(fields(received.body))
        elif received.tag == "v":
            self.negotiated = received.body

    def start(self, protocol=PROTOCOL_3_0, **parameters):
        """StartupMessage and everything up to ReadyForQuery, for a role that needs no password."""
        self.send(startup(protocol, **parameters))
        self.read_until("Z")
        return self

    def error(self):
        """Reads up to an ErrorResponse and returns its fields."""
        return fields(self.read_until("E")[-1].body)

    def is_closed(self):
        """True when the server has closed: waits for that, up to the socket's timeout."""
        try:
            self.read_exactly(1)
        except EOFError:
            return True
        except (ConnectionResetError, ssl.SSLError):
            return True
        return False

    def assert_refused(self, *codes):
        """Closed by the server, at most after one ErrorResponse that says FATAL."""
        try:
            received = self.read_all()
        except ConnectionResetError:
            return
        assert received == b"" or received[:1] == b"E", received
        if received:
            error = fields(received[5:])
            assert error["S"] == "FATAL" and error["C"] and error["M"]
            assert not codes or error["C"] in codes

    def query(self, text):
        """Rows of a simple query as lists of text."""
        self.send(query(text))
        return self.rows(self.read_until("Z"))

    @staticmethod
    def rows(messages):
        return [
            [None if value is None else value.decode() for value in columns(received.body)]
            for received in messages
            if received.tag == "D"
        ]
