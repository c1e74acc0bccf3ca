"""What no honest client sends: answered or dropped, quickly, without harm to anybody else."""

import random
import socket
import ssl
import struct

import pytest

from support import wire
from support.proxy import LinkWait, default_config
from support.waiting import wait_until

SEED = 20240229


def still_serves(proxy, listener="through"):
    with proxy.client(listener) as client:
        if listener.endswith("tls"):
            client.start_tls()
        client.start(user="probe", database="app")
        assert client.query("SELECT 1") == [["1"]]


def packet(length, body):
    return struct.pack("!I", length) + body


PROTOCOL = struct.pack("!I", wire.PROTOCOL_3_0)

GARBAGE = {
    "HTTP": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "zeros": b"\0" * 64,
    "ones": b"\xff" * 64,
    "length 0": packet(0, PROTOCOL),
    "length 4": packet(4, b""),
    "length 7": packet(7, PROTOCOL[:3]),
    "negative length": packet(0xFFFFFFFF, PROTOCOL),
    "SSLRequest with a body": packet(12, struct.pack("!I", 80877103) + b"\0" * 4),
    "unknown request code": packet(8, struct.pack("!I", (1234 << 16) + 5999)),
    "no final zero": packet(17, PROTOCOL + b"user\0app"[:9].ljust(9, b"x")),
    "name without value": packet(14, PROTOCOL + b"user\0\0"),
    "value without end": packet(16, PROTOCOL + b"user\0app"),
    "bytes after the end": packet(22, PROTOCOL + b"user\0app\0\0tail"[:14]),
}


@pytest.mark.parametrize("listener", ["through", "link_clear"])
@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_instead_of_a_startup_packet(proxy, listener, name):
    with proxy.client(listener) as client:
        client.send(GARBAGE[name])
        client.socket.shutdown(socket.SHUT_WR)
        client.assert_refused()
    still_serves(proxy)


def test_random_bytes(proxy):
    generator = random.Random(SEED)
    for _ in range(300):
        with proxy.client(generator.choice(["through", "link_clear", "through_tls"])) as client:
            client.send(generator.randbytes(generator.randrange(1, 200)))
            client.socket.shutdown(socket.SHUT_WR)
            assert client.is_closed() or client.close() is None
    still_serves(proxy)
    proxy.wait_quiet()


@pytest.mark.parametrize("listener", ["through", "link_clear"])
def test_an_oversized_startup_packet(proxy, listener):
    """The limit of PostgreSQL is 10,000 bytes; nothing of that size is waited for or stored."""
    for length in (10009, 1 << 20, 0x7FFFFFFF):
        with proxy.client(listener) as client:
            client.send(packet(length, PROTOCOL + b"user\0app\0"))
            error = client.error()
            assert (error["S"], error["C"]) == ("FATAL", "08P01")
            assert client.is_closed()


def test_a_startup_packet_without_user(proxy, postgres):
    with proxy.client("link_clear") as client:
        client.send(wire.startup(database="app"))
        assert client.error()["S"] == "FATAL"
        assert client.is_closed()


@pytest.mark.parametrize("listener", ["link", "through_tls"])
def test_tls_is_required(proxy, listener):
    with proxy.client(listener) as client:
        client.send(wire.startup(user="app", database="app"))
        error = client.error()
        assert (error["S"], error["V"], error["C"]) == ("FATAL", "FATAL", "28000")
        assert "sslmode=require" in error["M"] + error.get("H", "")
        assert client.is_closed()


def test_plaintext_right_after_ssl_request_is_not_used(proxy):
    """CVE-2021-23214: what came in clear before the handshake must not count as encrypted."""
    with proxy.client("through_tls") as client:
        client.send(wire.SSL_REQUEST + wire.startup(user="probe", database="app"))
        answer = client.socket.recv(1)
        assert answer in (b"S", b"E", b"")
        if answer == b"S":
            with pytest.raises((ssl.SSLError, ConnectionError, EOFError)):
                client.wrap()
                client.read_until("Z")
    still_serves(proxy, "through_tls")


def test_garbage_instead_of_the_tls_handshake(proxy):
    with proxy.client("through_tls") as client:
        client.send(wire.SSL_REQUEST)
        assert client.read_exactly(1) == b"S"
        client.send(b"this is not a ClientHello" * 10)
        client.socket.shutdown(socket.SHUT_WR)
        while client.socket.recv(65536):
            pass
    still_serves(proxy, "through_tls")


@pytest.mark.parametrize("request_", [wire.SSL_REQUEST, wire.GSSENC_REQUEST], ids=["ssl", "gss"])
def test_a_request_comes_once_only(proxy, request_):
    with proxy.client() as client:
        client.send(request_)
        assert client.read_exactly(1) == b"N"
        client.send(request_)
        assert client.error()["C"] in ("08P01", "0A000")
        assert client.is_closed()


def test_old_tls_is_refused(proxy):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    with proxy.client("through_tls") as client:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            client.start_tls(context)


@pytest.mark.parametrize(
    "data", [b"", b"\0", wire.SSL_REQUEST[:7], wire.startup(user="app")[:9]], ids=len
)
def test_a_handshake_that_does_not_go_on_is_ended(make_proxy, postgres, data):
    config = default_config(postgres)
    config["limits"]["handshake_timeout"] = "1s"
    proxy = make_proxy(config)
    with proxy.client() as client:
        client.send(data)
        client.assert_refused()
    proxy.wait_quiet()


def test_a_handshake_that_goes_on_slowly_is_ended_too(make_proxy, postgres):
    """The limit is for the whole handshake, not for each byte of it."""
    config = default_config(postgres)
    config["limits"]["handshake_timeout"] = "1s"
    proxy = make_proxy(config)
    with proxy.client() as client:
        client.socket.settimeout(0.2)
        data = iter(wire.startup(user="app", application_name="x" * 200))

        def closed():
            try:
                client.send(bytes([next(data)]))
                return client.socket.recv(1) in (b"", b"E")
            except TimeoutError:
                return False
            except ConnectionError:
                return True

        wait_until(closed, timeout=10, what="the connection is ended")


def test_a_waiting_client_that_talks_too_much(proxy):
    """Bytes sent while waiting are kept for the database, up to a bound."""
    wait = LinkWait(proxy)
    block = wire.query("SELECT " + "1" * 65000)
    wait.client.socket.settimeout(2)
    sent = 0
    try:
        while sent < 64 << 20:
            sent += wait.client.socket.send(block)
    except (TimeoutError, ConnectionError):
        pass
    assert sent < 64 << 20, "the proxy takes whatever a client that nobody knows sends"
    wait.close()
    wait_until(lambda: proxy.pending_links() == 0, what="no link is pending")


def test_the_bound_of_connections(make_proxy, postgres):
    config = default_config(postgres)
    config["limits"]["max_connections"] = 5
    proxy = make_proxy(config)
    clients = [proxy.client().start(user="probe", database="app") for _ in range(5)]
    with proxy.client() as client:
        client.send(wire.startup(user="probe", database="app"))
        assert client.error()["C"] == "53300"
        assert client.is_closed()
    clients.pop().close()

    def served():
        with proxy.client() as client:
            try:
                client.start(user="probe", database="app")
            except (wire.ServerError, EOFError):
                return False
            return client.query("SELECT 1") == [["1"]]

    wait_until(served, what="there is room again")
    for client in clients:
        client.close()
    proxy.wait_quiet()


def test_a_port_in_use(make_proxy, postgres):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        config = default_config(postgres)
        config["listeners"][0]["listen"] = "127.0.0.1:%d" % taken.getsockname()[1]
        proxy = make_proxy(config, start=False)
        proxy.write_config()
        proxy.process.start()
        assert proxy.process.wait() != 0
        assert str(taken.getsockname()[1]) in proxy.process.log_text()
