"""The few bytes of the PostgreSQL protocol that idle clients and readiness checks need."""

import contextlib
import socket
import ssl
import struct

from processes import BenchError

SSL_REQUEST = struct.pack("!ii", 8, 80877103)
PROTOCOL_3_0 = 196608
READY_IDLE = b"Z\0\0\0\5I"
TERMINATE = b"X\0\0\0\4"


def startup_message(user: str, database: str) -> bytes:
    body = struct.pack("!i", PROTOCOL_3_0)
    for text in ("user", user, "database", database):
        body += text.encode() + b"\0"
    body += b"\0"
    return struct.pack("!i", len(body) + 4) + body


def query_message(sql: str) -> bytes:
    body = sql.encode() + b"\0"
    return b"Q" + struct.pack("!i", len(body) + 4) + body


def tls_context() -> ssl.SSLContext:
    """Encrypts without checking the certificate, as sslmode=require does."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def read_until_ready(connection: socket.socket) -> bytes:
    """Everything up to ReadyForQuery; an error or a closed connection raises."""
    received = b""
    while not received.endswith(READY_IDLE):
        chunk = connection.recv(8192)
        if not chunk:
            raise BenchError(f"connection closed after {received[-200:]!r}")
        received += chunk
        if received[:1] == b"E":
            raise BenchError(f"server error {received[:200]!r}")
    return received


def start_tls(connection: socket.socket, context: ssl.SSLContext) -> socket.socket:
    connection.sendall(SSL_REQUEST)
    answer = connection.recv(1)
    if answer != b"S":
        raise BenchError(f"no TLS offered, answer {answer!r}")
    return context.wrap_socket(connection)


def log_in(port: int, user: str, database: str, context: ssl.SSLContext | None = None,
           seconds: float = 20) -> socket.socket:
    """A connection that is logged in (trust) and ready for queries."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=seconds)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        if context is not None:
            connection = start_tls(connection, context)
        connection.sendall(startup_message(user, database))
        read_until_ready(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def log_out(connection: socket.socket) -> None:
    """Terminate as a polite client does, then close."""
    with connection, contextlib.suppress(OSError):
        connection.sendall(TERMINATE)


def run_query(connection: socket.socket, sql: str) -> bytes:
    """The raw answer to a simple query."""
    connection.sendall(query_message(sql))
    return read_until_ready(connection)


def first_value(answer: bytes) -> str:
    """The first column of the first DataRow in a raw answer."""
    position = 0
    while position < len(answer):
        kind, length = answer[position:position + 1], int.from_bytes(
            answer[position + 1:position + 5], "big")
        if kind == b"D":
            size = int.from_bytes(answer[position + 7:position + 11], "big")
            return answer[position + 11:position + 11 + size].decode()
        position += 1 + length
    raise BenchError("answer without a row")
