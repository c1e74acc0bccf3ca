"""libpq of every PostgreSQL version: TLS asked for and begun at once, protocol 3.2, cancelling."""

import struct

import pytest

from support.cutting_relay import CuttingRelay, Record
from support.libpq import libpq
from support.postgres import PASSWORD
from support.wire import cancel_request

DIRECT_TLS_SINCE = 17
PROTOCOL_3_2_SINCE = 18
LONG_KEY_BYTES = 32

pytestmark = pytest.mark.every_version


def assert_an_option_of_later_versions(report, name):
    assert f'invalid connection option "{name}"' in report["error"]


@pytest.mark.parametrize("binding", ["disable", "require"])
def test_tls_is_asked_for(make_backend, postgres, tmp_path, pg_version, binding):
    """SSLRequest, then SCRAM with and without the tie to the certificate."""
    roles = tmp_path / "roles"
    verifier = postgres.scalar("SELECT rolpassword FROM pg_authid WHERE rolname = 'app'")
    roles.write_text(f"app {verifier}\n")
    backend = make_backend(tls=True, auth="password", roles=roles)
    report = libpq(
        pg_version, backend.conninfo(channel_binding=binding), "query", "echo hello",
        PGPASSWORD=PASSWORD,
    )  # fmt: skip
    assert report.get("error") is None
    assert (report["encrypted"], report["tls"]) == (True, "TLSv1.3")
    assert report["alpn"] == ("postgresql" if int(pg_version) >= DIRECT_TLS_SINCE else None)
    assert (report["rows"], report["after"]) == ([["hello"]], [["ok"]])


def test_direct_tls(tls_backend, pg_version):
    """The first byte is the ClientHello's: nothing in clear comes before it."""
    with CuttingRelay(tls_backend.port, Record()) as relay:
        conninfo = tls_backend.conninfo(port=relay.port, sslnegotiation="direct")
        report = libpq(pg_version, conninfo, "query", "echo hello")
    if int(pg_version) < DIRECT_TLS_SINCE:
        return assert_an_option_of_later_versions(report, "sslnegotiation")
    assert report.get("error") is None
    assert (report["encrypted"], report["alpn"]) == (True, "postgresql")
    assert report["rows"] == [["hello"]]
    (said,) = relay.mode.connections
    tls_handshake = 0x16
    assert said["frontend"][0] == said["backend"][0] == tls_handshake


def test_direct_tls_where_there_is_none(backend, pg_version):
    """The server knows the ClientHello, and closes without an answer in clear."""
    conninfo = backend.conninfo(sslmode="require", sslnegotiation="direct")
    report = libpq(pg_version, conninfo, "query", "echo hello")
    if int(pg_version) < DIRECT_TLS_SINCE:
        return assert_an_option_of_later_versions(report, "sslnegotiation")
    assert "SSL SYSCALL error: EOF detected" in report["error"]
    assert "direct TLS without a certificate" in backend.log.text()


@pytest.mark.parametrize("newest", ["3.2", "latest"])
def test_protocol_3_2(either_backend, pg_version, newest):
    conninfo = either_backend.conninfo(max_protocol_version=newest)
    report = libpq(pg_version, conninfo, "query", "rows 3")
    if int(pg_version) < PROTOCOL_3_2_SINCE:
        return assert_an_option_of_later_versions(report, "max_protocol_version")
    assert report.get("error") is None
    assert report["protocol"] == "3.2"
    assert report["encrypted"] == either_backend.tls
    assert (report["rows"], report["after"]) == ([["1"], ["2"], ["3"]], [["ok"]])


def test_protocol_3_0_unless_asked_for(backend, pg_version):
    report = libpq(pg_version, backend.conninfo(), "query", "echo hello")
    assert (report["protocol"], report["rows"]) == ("3.0", [["hello"]])


def newest_protocol(pg_version):
    """What this libpq speaks at most, with the option that makes it ask for that."""
    if int(pg_version) < PROTOCOL_3_2_SINCE:
        return "3.0", {}
    return "3.2", {"max_protocol_version": "latest"}


def login(port, **options):
    settings = {"host": "localhost", "hostaddr": "127.0.0.1", "port": port, "user": "app",
                "dbname": "app", "gssencmode": "disable", **options}  # fmt: skip
    return " ".join(f"{name}={value}" for name, value in settings.items())


def key_of(said):
    """(process id, secret) of the BackendKeyData in what a server said."""
    start = said.index(b"Z\0\0\0\5I")
    position = said.rindex(b"K\0\0\0", 0, start)
    (length,) = struct.unpack_from("!I", said, position + 1)
    body = said[position + 5 : position + 1 + length]
    return struct.unpack_from("!i", body)[0], bytes(body[4:])


def assert_cancelled(report, protocol):
    assert report.get("error") is None
    assert report["protocol"] == protocol
    assert (report["state"], report["after"]) == ("57014", [["1"]])


def test_cancel_through_the_proxy(proxy, pg_version):
    """The request holds the whole key, in the length of its protocol, and ends the query."""
    protocol, newest = newest_protocol(pg_version)
    with CuttingRelay(proxy.port("through"), Record()) as relay:
        report = libpq(
            pg_version, login(relay.port, sslmode="disable", **newest), "cancel",
            "SELECT pg_sleep(100)", PGPASSWORD=PASSWORD,
        )  # fmt: skip
    assert_cancelled(report, protocol)
    session, *requests = relay.mode.connections
    pid, secret = key_of(session["backend"])
    assert len(secret) == (LONG_KEY_BYTES if protocol == "3.2" else 4)
    assert requests
    assert {bytes(said["frontend"]) for said in requests} == {cancel_request(pid, secret)}


@pytest.mark.parametrize("negotiation", ["postgres", "direct"])
def test_cancel_of_an_encrypted_session(proxy, pg_version, negotiation):
    protocol, newest = newest_protocol(pg_version)
    safe = int(pg_version) >= DIRECT_TLS_SINCE
    if safe:
        newest["sslnegotiation"] = negotiation
    report = libpq(
        pg_version,
        login(proxy.port("through_tls"), sslmode="verify-full", sslrootcert=proxy.ca, **newest),
        "cancel_safe" if safe else "cancel",
        "SELECT pg_sleep(100)",
        PGPASSWORD=PASSWORD,
    )
    assert_cancelled(report, protocol)
    assert report["encrypted"]
