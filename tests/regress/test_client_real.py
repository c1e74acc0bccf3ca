"""PostgresClient and ReplicationClient with real PostgreSQL servers."""

import os
import shutil
import signal
import time

import pytest

from support.certificates import Authority
from support.client import client, conninfo, failure, query, session, start
from support.cutting_relay import Cut, CuttingRelay
from support.postgres import PASSWORD, PostgresServer
from support.processes import free_port
from support.waiting import wait_until

HBA = """\
local     all          all                         trust
hostssl   all          certified     127.0.0.1/32  cert
hostssl   all          encrypted     127.0.0.1/32  scram-sha-256
hostnossl all          unencrypted   127.0.0.1/32  scram-sha-256
host      all          md5           127.0.0.1/32  md5
host      all          cleartext     127.0.0.1/32  password
host      all          probe         127.0.0.1/32  trust
host      replication  probe         127.0.0.1/32  trust
host      all          app           127.0.0.1/32  scram-sha-256
"""
SEGMENT_BYTES = 16 << 20
APPLICATION = "application_name"


@pytest.fixture(scope="module")
def server(pg_version, tmp_path_factory):
    """A PostgreSQL with TLS that wants another kind of login for each role."""
    authority = Authority(tmp_path_factory.mktemp("client-tls"))
    server = PostgresServer(pg_version, tls=authority.issue("server")).create()
    server.authority = authority
    server.ca = authority.certificate
    server._write(server.data / "ca.crt", authority.certificate.read_text())
    server._write(server.data / "pg_hba.conf", HBA)
    with server.connect() as connection:
        for role in ("certified", "encrypted", "unencrypted", "cleartext"):
            connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'")
        connection.execute("SET password_encryption = 'md5'")
        connection.execute(f"CREATE ROLE md5 LOGIN PASSWORD '{PASSWORD}'")
        connection.execute("ALTER SYSTEM SET ssl_ca_file = 'ca.crt'")
        connection.execute("SELECT pg_reload_conf()")
    wait_until(lambda: server.scalar("SHOW ssl_ca_file") == "ca.crt", what="the CA is loaded")
    yield server
    server.destroy()


@pytest.mark.every_version
@pytest.mark.parametrize(
    ("role", "method"),
    [
        ("app", "scram-sha-256"),
        ("md5", "md5"),
        ("cleartext", "password"),
        ("probe", "none"),
    ],
)
def test_logins(server, role, method):
    text = conninfo(server, user=role, require_auth=method)
    assert query(text, "SELECT current_user") == [[role]]
    other = "md5" if method == "scram-sha-256" else "scram-sha-256"
    code, message = failure(conninfo(server, user=role, require_auth=other))
    assert code == "none"
    assert "which require_auth does not allow" in message


def test_a_wrong_password(server):
    code, message = failure(conninfo(server, password="wrong"))
    assert code == "28P01"
    assert 'password authentication failed for user "app"' in message


@pytest.mark.every_version
def test_channel_binding(server):
    text = conninfo(server, channel_binding="require", sslmode="require")
    assert session(text)["encrypted"] == "yes"
    code, message = failure(conninfo(server, channel_binding="require"))
    assert (code, "channel binding is required" in message) == ("none", True)
    for role in ("md5", "cleartext", "probe"):
        code, message = failure(
            conninfo(server, user=role, channel_binding="require", sslmode="require")
        )
        assert (code, "channel binding required" in message) == ("none", True)


@pytest.mark.parametrize(
    ("mode", "role", "encrypted"),
    [
        ("disable", "unencrypted", "no"),
        ("allow", "app", "no"),
        ("allow", "unencrypted", "no"),
        ("allow", "encrypted", "yes"),
        ("prefer", "app", "yes"),
        ("prefer", "unencrypted", "no"),
        ("prefer", "encrypted", "yes"),
        ("require", "encrypted", "yes"),
        ("verify-ca", "encrypted", "yes"),
        ("verify-full", "encrypted", "yes"),
    ],
)
def test_tls_modes(server, mode, role, encrypted):
    ca = {"sslrootcert": server.ca} if mode.startswith("verify") else {}
    text = conninfo(server, user=role, dbname="app", sslmode=mode, **ca)
    assert session(text)["encrypted"] == encrypted


def test_tls_is_refused(server):
    code, message = failure(conninfo(server, user="encrypted"))
    assert code == "28000"
    code, message = failure(conninfo(server, user="unencrypted", sslmode="require"))
    assert code == "28000"
    other_name = {"host": "elsewhere.test", "hostaddr": "127.0.0.1", "sslmode": "verify-full"}
    code, message = failure(conninfo(server, sslrootcert=server.ca, **other_name))
    assert "hostname mismatch" in message
    stranger = Authority(server.ca.parent / "stranger")
    code, message = failure(
        conninfo(server, sslmode="verify-ca", sslrootcert=stranger.certificate)
    )
    assert "certificate verify failed" in message


def test_a_server_without_tls(postgres):
    assert session(conninfo(postgres, sslmode="prefer"))["encrypted"] == "no"
    code, message = failure(conninfo(postgres, sslmode="require"))
    assert "the server does not support TLS" in message


@pytest.mark.every_version
def test_direct_tls(server, pg_version):
    text = conninfo(
        server, sslmode="verify-full", sslrootcert=server.ca, sslnegotiation="direct"
    )
    if int(pg_version) >= 17:
        assert session(text)["encrypted"] == "yes"
    else:
        assert failure(text)[0] == "none"


@pytest.mark.every_version
def test_client_certificates(server):
    certificate, key = server.authority.issue("certified", common_name="certified")
    settings = {"user": "certified", "dbname": "app", "sslmode": "require"}
    text = conninfo(server, sslcert=certificate, sslkey=key, **settings)
    assert query(text, "SELECT current_user") == [["certified"]]
    code, message = failure(conninfo(server, **settings))
    assert code == "28000"
    assert "valid client certificate" in message
    key.chmod(0o644)
    code, message = failure(text)
    assert "has group or world access" in message


@pytest.mark.every_version
def test_protocol_versions(server, pg_version):
    assert session(conninfo(server))["protocol"] == "3.0"
    newest = session(conninfo(server, max_protocol_version="latest"))
    spoken = ("3.2", "32") if int(pg_version) >= 18 else ("3.0", "4")
    assert (newest["protocol"], newest["key"]) == spoken
    text = conninfo(server, min_protocol_version="3.2")
    if int(pg_version) >= 18:
        assert session(text)["protocol"] == "3.2"
    else:
        assert "the server speaks only protocol 3.0" in failure(text)[1]


def test_unix_sockets(server):
    text = conninfo(server, host=server.socket_folder, sslmode="verify-full", sslrootcert=server.ca)
    assert session(text)["encrypted"] == "no"


@pytest.mark.every_version
def test_statements_with_parameters(server):
    text = conninfo(server)
    done = client(text, "execute", "SELECT $1::int + $2::int, $3::text", "40", "2", "NULL")
    assert done.stdout == "42\tNULL\nSELECT 1\n", done.stderr
    code, message = failure(text, "execute", "SELECT $1")
    assert code == "08P01"
    assert "bind message supplies 0 parameters" in message


@pytest.mark.every_version
@pytest.mark.parametrize("mode", ["disable", "require"])
@pytest.mark.parametrize("protocol", ["3.0", "3.2"])
def test_cancel(server, tmp_path, mode, protocol):
    name = f"cancel-{mode}-{protocol}"
    text = conninfo(
        server, application_name=name, sslmode=mode, max_protocol_version=protocol
    )
    process = start(tmp_path, text, "cancelled", "SELECT pg_sleep(100)")
    server.wait_active(name)
    process.signal(signal.SIGUSR1)
    assert process.wait() == 1
    assert "57014 the server says 57014: canceling statement" in process.log_text()
    server.wait_no_sessions(application_name=name)


@pytest.fixture(scope="module")
def standby(server, pg_version):
    """A standby made from a copy of `server`, which is stopped for a moment."""
    copy = PostgresServer(pg_version)
    server.stop("fast")
    shutil.copytree(server.data, copy.data)
    server.start()
    settings = f"port = {copy.port}\nunix_socket_directories = '{copy.folder}'\n"
    configuration = (copy.data / "postgresql.conf").read_text() + settings
    copy._write(copy.data / "standby.signal", "")
    copy._write(copy.data / "postgresql.conf", configuration)
    if os.getuid() == 0:
        for folder, _, files in os.walk(copy.data):
            for path in (folder, *(os.path.join(folder, name) for name in files)):
                shutil.chown(path, "postgres", "postgres")
    copy.start()
    yield copy
    copy.destroy()


@pytest.mark.every_version
@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("any", "primary"),
        ("primary", "primary"),
        ("read-write", "primary"),
        ("standby", "standby"),
        ("read-only", "standby"),
        ("prefer-standby", "standby"),
    ],
)
def test_target_session_attributes(server, standby, wanted, found):
    down = free_port()
    text = conninfo(
        server,
        host="localhost,localhost,localhost",
        port=f"{down},{server.port},{standby.port}",
        target_session_attrs=wanted,
    )
    port = server.port if found == "primary" else standby.port
    assert session(text)["host"] == f"localhost:{port}"


def test_no_host_is_what_is_wanted(server, standby):
    text = conninfo(server, target_session_attrs="standby")
    assert "server is not in hot standby mode" in failure(text)[1]
    text = conninfo(standby, target_session_attrs="read-write")
    assert "session is read-only" in failure(text)[1]


def test_every_host_is_down(server):
    first, second = free_port(), free_port()
    text = conninfo(server, host="localhost,localhost", port=f"{first},{second}")
    code, message = failure(text)
    assert code == "none"
    assert f"localhost:{first}" in message
    assert f"localhost:{second}" in message


def replication(server, **settings):
    return conninfo(server, user="probe", replication="true", **settings)


@pytest.mark.every_version
def test_identify_system(server):
    done = client(replication(server), "identify")
    assert done.returncode == 0, done.stderr
    system, timeline, lsn, segment = done.stdout.strip().split("\t")
    assert system == str(server.scalar("SELECT system_identifier FROM pg_control_system()"))
    assert (timeline, segment) == ("1", "16MB")
    assert server.scalar("SELECT pg_current_wal_flush_lsn() >= %s::pg_lsn", lsn)


def begin_segment(server):
    """A new WAL segment: its start and its file."""
    with server.connect() as connection:
        connection.execute("SELECT pg_switch_wal()")
        # At a boundary pg_walfile_name() would name the segment before.
        connection.execute("DROP TABLE IF EXISTS numbers")
        connection.execute("CREATE TABLE numbers (n int, t text)")
        lsn, name = connection.execute(
            "SELECT pg_current_wal_lsn(), pg_walfile_name(pg_current_wal_lsn())"
        ).fetchone()
    high, low = (int(part, 16) for part in lsn.split("/"))
    return f"{high:X}/{low // SEGMENT_BYTES * SEGMENT_BYTES:X}", server.data / "pg_wal" / name


@pytest.mark.every_version
@pytest.mark.parametrize("mode", ["disable", "require"])
def test_received_wal_is_that_of_the_server(server, tmp_path, mode):
    lsn, segment = begin_segment(server)
    server.query("INSERT INTO numbers SELECT n, repeat('x', 100) FROM generate_series(1, 8000) n"
                 " RETURNING 1")  # fmt: skip
    done = client(
        replication(server, sslmode=mode), "receive", lsn, 1_000_000, tmp_path / "wal"
    )
    assert done.returncode == 0, done.stderr
    assert "ended by us" in done.stdout
    received = (tmp_path / "wal").read_bytes()
    assert 1_000_000 <= len(received) < SEGMENT_BYTES
    assert received == segment.read_bytes()[: len(received)]


def test_wal_that_the_server_has_not(server, tmp_path):
    done = client(replication(server), "receive", "FFFF/0", 1, tmp_path / "wal")
    assert done.returncode == 1, done.stdout
    assert "requested starting point" in done.stderr


def start_receiving(server, folder):
    lsn, _ = begin_segment(server)
    process = start(folder, replication(server), "receive", lsn, 1 << 40, folder / "wal")
    process.wait_ready(lambda: "streaming" in process.log_text())
    return process


@pytest.mark.every_version
def test_a_stream_that_the_server_ends_in_order(own_postgres, tmp_path):
    process = start_receiving(own_postgres, tmp_path)
    own_postgres.stop("fast")
    assert process.wait() == 0, process.log_text()
    assert "ended by the server" in process.log_text()


@pytest.mark.every_version
def test_a_server_that_stops_at_once(own_postgres, tmp_path):
    receiving = start_receiving(own_postgres, tmp_path)
    name = "stopped"
    text = conninfo(own_postgres, application_name=name)
    asking = start(tmp_path, text, "query", "SELECT pg_sleep(100)")
    own_postgres.wait_active(name)
    own_postgres.stop("immediate")
    for process in (receiving, asking):
        assert process.wait() == 1, process.log_text()
        assert "the server closed the connection" in process.log_text()


@pytest.mark.parametrize("mode", ["disable", "require"])
def test_conversations_cut_into_bytes(server, mode, tmp_path):
    """A login with SCRAM, statements, an error; the same through a relay that cuts everything."""
    for longest in (1, 7):
        with CuttingRelay(server.port, Cut(seed=20240312, longest=longest)) as relay:
            text = conninfo(server, port=relay.port, sslmode=mode, application_name="till")
            rows = query(text, "SELECT n, repeat('é', n) FROM generate_series(1, 50) n")
            assert rows == [[str(n), "é" * n] for n in range(1, 51)]
            done = client(text, "execute", "SELECT $1 || current_setting($2)", "", APPLICATION)
            assert done.stdout == "till\nSELECT 1\n", done.stderr
            assert failure(text, "query", "SELECT 1; SELECT 1/0")[0] == "22012"
    lsn, segment = begin_segment(server)
    server.query("INSERT INTO numbers SELECT 1, 'x' FROM generate_series(1, 1000) RETURNING 1")
    with CuttingRelay(server.port, Cut(seed=20240313, longest=500, delay=0.0)) as relay:
        text = replication(server, port=relay.port, sslmode=mode)
        done = client(text, "receive", lsn, 50_000, tmp_path / "wal")
    assert done.returncode == 0, done.stderr
    received = (tmp_path / "wal").read_bytes()
    assert received == segment.read_bytes()[: len(received)]


@pytest.mark.every_version
def test_copy_is_no_query(server):
    """COPY TO sends what nobody asked for, COPY FROM is refused; the sessions end as usual."""
    text = conninfo(server)
    assert client(text, "query", "COPY (SELECT 1) TO STDOUT").stdout == "COPY 1\n"
    code, message = failure(text, "query", "CREATE TEMP TABLE t (n int); COPY t FROM STDIN")
    assert code == "57014"
    assert "COPY FROM STDIN is not supported here" in message
    query(text, "CREATE TABLE IF NOT EXISTS copied (n int)")
    code, message = failure(text, "execute", "COPY copied FROM STDIN")
    assert code == "57014"
    assert "COPY FROM STDIN is not supported here" in message


def test_answers_that_are_too_large(server):
    """The bound is 16 MiB of memory, which rows without columns take too."""
    text = conninfo(server)
    for rows in (
        "SELECT repeat('x', 17000000)",
        "SELECT repeat('x', 1000000) FROM generate_series(1, 20)",
        "SELECT FROM generate_series(1, 1000000)",
    ):
        assert failure(text, "query", rows) == ("none", "the answer is larger than allowed")


def test_a_session_that_is_terminated(server, tmp_path):
    name = "terminated"
    process = start(
        tmp_path, conninfo(server, application_name=name), "query", "SELECT pg_sleep(100)"
    )
    server.wait_active(name)
    server.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                 " WHERE application_name = %s", name)  # fmt: skip
    assert process.wait() == 1
    assert process.log_text().startswith("57P01 ")


def fails_in_time(text, *arguments):
    """The command gives up after its second; the rest is what a busy machine takes."""
    before = time.monotonic()
    done = client(text, *arguments, timeout=1.0)
    assert time.monotonic() - before < 10
    assert done.returncode == 1
    assert "timed out" in done.stderr, done.stderr


def test_a_server_that_says_nothing(own_postgres, tmp_path):
    """At the login, in a query, in a stream: the deadline holds in each."""
    name = "silent"
    text = conninfo(own_postgres, application_name=name)
    fails_in_time(text, "query", "SELECT pg_sleep(100)")
    lsn, _ = begin_segment(own_postgres)
    fails_in_time(replication(own_postgres), "receive", lsn, 1 << 40, tmp_path / "wal")
    postmaster = int((own_postgres.data / "postmaster.pid").read_text().split()[0])
    os.kill(postmaster, signal.SIGSTOP)
    try:
        fails_in_time(text, "query", "SELECT 1")
        fails_in_time(conninfo(own_postgres, sslmode="require"), "query", "SELECT 1")
    finally:
        os.kill(postmaster, signal.SIGCONT)
    assert query(text, "SELECT 1") == [["1"]]
