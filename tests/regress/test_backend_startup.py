"""What may come instead of a startup packet: answered as PostgreSQL would, without harm."""

import socket
import struct

import pytest

from support import wire

VIOLATION = ["protocol violation"]


def packet(length, code):
    """A startup packet that claims to have `length` bytes and has as many, up to 20,000."""
    body = struct.pack("!I", code) + bytes(20000)
    return struct.pack("!I", length) + body[: max(length - 4, 0)]


def startup_of(length):
    """A valid startup packet of exactly this many bytes."""
    short = wire.startup(user="app", options="")
    return wire.startup(user="app", options=" " * (length - len(short)))


@pytest.mark.parametrize("length", [0, 4, 5, 7, 10001, 1 << 31])
def test_a_length_that_no_packet_has(make_backend, length):
    make_backend.expected_errors += VIOLATION
    backend = make_backend()
    with backend.client() as client:
        client.send(packet(length, wire.PROTOCOL_3_0))
        error = client.error()
        assert (error["S"], error["C"]) == ("FATAL", "08P01")
        assert error["M"] == "invalid length of startup packet"
        assert client.is_closed()
    backend.still_serves()
    assert len(backend.log.at_level("error")) == 1


def test_the_shortest_packet_names_no_user(make_backend):
    """Eight bytes are length and version: the end of the parameters is missing."""
    make_backend.expected_errors += VIOLATION
    backend = make_backend()
    with backend.client() as client:
        client.send(packet(8, wire.PROTOCOL_3_0))
        error = client.error()
        assert (error["S"], error["C"]) == ("FATAL", "08P01")
        assert error["M"].startswith("invalid startup packet layout")
        assert client.is_closed()
    backend.still_serves()


@pytest.mark.parametrize("length", [100, 9999, 10000])
def test_the_longest_packet_is_taken(backend, length):
    with backend.client() as client:
        data = startup_of(length)
        assert len(data) == length
        client.send(data)
        client.read_until("Z")
        assert client.query("echo hello") == [["hello"]]


@pytest.mark.parametrize(
    ("major", "minor"), [(1234, 5999), (2, 0), (4, 0), (0, 0), (65535, 65535)], ids=str
)
def test_a_version_that_nobody_speaks(backend, major, minor):
    with backend.client() as client:
        client.send(packet(8, major << 16 | minor))
        error = client.error()
        assert (error["S"], error["C"]) == ("FATAL", "0A000")
        assert error["M"].startswith(f"unsupported frontend protocol {major}.{minor}")
        assert client.is_closed()
    backend.still_serves()


def test_a_newer_minor_version_is_negotiated(backend):
    with backend.client() as client:
        client.start(wire.PROTOCOL_3_0 + 99, user="app", **{"_pq_.unknown": "1"})
        assert client.negotiated == struct.pack("!II", wire.PROTOCOL_3_2, 1) + b"_pq_.unknown\0"
        assert client.query("echo hello") == [["hello"]]


def one_bad_packet(backend, data):
    with backend.client() as client:
        client.send(data)
        assert client.read_all()[:1] == b"E"
        # Reset, so that no port of ours stays in use for a minute.
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def test_memory_does_not_grow(make_backend):
    """20,000 bad packets, most of which claim more than they have."""
    make_backend.expected_errors += VIOLATION
    backend = make_backend()
    bad = [packet(length, wire.PROTOCOL_3_0) for length in (0, 4, 5, 7, 8, 10001, 1 << 31)]
    bad.append(packet(8, 4 << 16))
    for number in range(2000):
        one_bad_packet(backend, bad[number % len(bad)])
    before = backend.resident_bytes()
    for number in range(20000):
        one_bad_packet(backend, bad[number % len(bad)])
    assert backend.resident_bytes() - before < 2 << 20
    backend.still_serves()
