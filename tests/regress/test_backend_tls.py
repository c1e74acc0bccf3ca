"""TLS at PostgresBackend: asked for, demanded, begun at once, and broken."""

import socket
import ssl
import time

import pytest

from support import wire
from support.certificates import Authority

GARBAGE = b"this is not a ClientHello" * 10


def trusting_context(alpn=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if alpn:
        context.set_alpn_protocols([alpn])
    return context


def test_verify_full_is_quick(tls_backend):
    began = time.monotonic()
    done = tls_backend.psql("echo hello", r"\conninfo")
    assert time.monotonic() - began < 2
    assert done.stdout.startswith("hello\n"), done.stderr
    assert "SSL connection (protocol: TLSv1.3" in done.stdout


def test_another_authority_is_not_trusted(tls_backend, tmp_path):
    other = Authority(tmp_path / "other").certificate
    done = tls_backend.psql("echo hello", sslrootcert=other)
    assert done.returncode == 2
    assert "certificate verify failed" in done.stderr


def test_plain_connections_are_refused_where_tls_is_demanded(make_backend):
    backend = make_backend(tls=True, tls_required=True)
    done = backend.psql("echo hello", sslmode="disable")
    assert done.returncode == 2
    assert "FATAL:  must connect with TLS" in done.stderr
    with backend.client() as client:
        client.send(wire.startup(user="app"))
        assert client.error()["C"] == "28000"
        assert client.is_closed()
    backend.still_serves()


def test_a_server_without_certificate_says_so(backend):
    done = backend.psql("echo hello", sslmode="require")
    assert done.returncode == 2
    assert "server does not support SSL, but SSL was required" in done.stderr
    assert backend.psql("echo hello", sslmode="prefer").stdout == "hello\n"


@pytest.mark.parametrize("request_", [wire.SSL_REQUEST, wire.GSSENC_REQUEST], ids=["ssl", "gss"])
def test_bytes_behind_the_request_end_the_connection(make_backend, request_):
    """CVE-2021-23214: what came in clear must not count as encrypted. One ERROR line tells."""
    make_backend.expected_errors += ["protocol violation"]
    backend = make_backend(tls=True)
    with backend.client() as client:
        client.send(request_ + wire.startup(user="app"))
        assert client.read_all() == b""
    backend.still_serves()
    assert len(backend.log.at_level("error")) == 1


def test_broken_handshakes_do_no_harm(make_backend):
    backend = make_backend(tls=True)
    for _ in range(100):
        with backend.client() as client:
            client.send(wire.SSL_REQUEST)
            assert client.read_exactly(1) == b"S"
            client.send(GARBAGE)
            client.socket.shutdown(socket.SHUT_WR)
            try:
                client.read_all()  # an alert at most, then the end
            except ConnectionResetError:
                pass
    backend.still_serves()


def test_a_handshake_that_the_client_gives_up(make_backend):
    """Once after the answer, and once when the server's certificate does not please."""
    backend = make_backend(tls=True)
    suspicious = ssl.create_default_context()
    for _ in range(50):
        with backend.client() as client:
            client.send(wire.SSL_REQUEST)
            assert client.read_exactly(1) == b"S"
        with backend.client() as client:
            with pytest.raises(ssl.SSLCertVerificationError):
                client.start_tls(suspicious)
    backend.still_serves()


@pytest.mark.parametrize(
    ("request_", "version"), [(wire.SSL_REQUEST, "1234.5679"), (wire.GSSENC_REQUEST, "1234.5680")]
)
def test_no_request_for_encryption_inside_tls(tls_backend, request_, version):
    with tls_backend.client() as client:
        client.start_tls()
        client.send(request_)
        error = client.error()
        assert (error["S"], error["C"]) == ("FATAL", "0A000")
        assert f"unsupported frontend protocol {version}" in error["M"]
        assert client.is_closed()
    tls_backend.still_serves()


def test_tls_after_gss_was_declined(tls_backend):
    with tls_backend.client() as client:
        client.send(wire.GSSENC_REQUEST)
        assert client.read_exactly(1) == b"N"
        client.start_tls().start(user="app")
        assert client.query("echo hello") == [["hello"]]


def test_direct_tls(tls_backend):
    """Without SSLRequest, as libpq 17 does with sslnegotiation=direct."""
    with tls_backend.client() as client:
        client.wrap(trusting_context(alpn="postgresql")).start(user="app")
        assert client.socket.selected_alpn_protocol() == "postgresql"
        assert client.query("echo hello") == [["hello"]]


@pytest.mark.parametrize("alpn", [None, "h2"])
def test_direct_tls_needs_its_protocol(tls_backend, alpn):
    """Else an attacker could lead a browser's connection here (ALPACA)."""
    with tls_backend.client() as client:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            client.wrap(trusting_context(alpn)).start(user="app")
    tls_backend.still_serves()


def test_the_end_is_announced(tls_backend):
    """A client can tell the end of the session from a cut connection: close_notify comes first."""
    with tls_backend.session(tls=True) as client:
        client.send(wire.message("X"))
        assert client.read_all() == b""
