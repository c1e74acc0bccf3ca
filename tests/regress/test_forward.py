"""`auth: forward`: drivers log in at the database through the proxy and work as they do directly."""

import socket
import hashlib
import json
import os
import subprocess

import psycopg
import pytest

from support.certificates import Authority
from support.paths import DEPS, JDBC, REGRESS
from support.postgres import PASSWORD
from support.processes import run
from support.proxy import default_config
from support.wire import query, startup

COPY_BYTES = 200 * 1024 * 1024


def conninfo(proxy, listener="through_tls", **options):
    options = {
        "host": "localhost",
        "port": proxy.port(listener),
        "user": "app",
        "password": PASSWORD,
        "dbname": "app",
        **options,
    }
    if listener == "through_tls":
        options = {"sslmode": "verify-full", "sslrootcert": str(proxy.ca), **options}
    return options


def connect(proxy, listener="through_tls", **options):
    return psycopg.connect(**conninfo(proxy, listener, **options), autocommit=True)


def copy_lines(total):
    """Blocks of numbered lines, `total` bytes or a little more."""
    number = written = 0
    while written < total:
        block = b"".join(b"%010d %s\n" % (number + n, b"abcdefghij" * 9) for n in range(2000))
        number += 2000
        written += len(block)
        yield block


@pytest.mark.every_version
@pytest.mark.parametrize("listener", ["through", "through_tls"])
def test_psycopg_queries(proxy, listener):
    with connect(proxy, listener) as connection:
        row = connection.execute(
            "SELECT %s::int + 1, %s::text, current_user, %s::float8", (41, "grüße", 0.1)
        ).fetchone()
        assert row == (42, "grüße", "app", 0.1)
        encrypted = connection.pgconn.ssl_in_use
        assert encrypted == (listener == "through_tls")


def test_the_time_to_the_compute_is_measured(proxy):
    name = "sluice_proxy_compute_connect_seconds_count"
    before = proxy.metrics().sum(name)
    connect(proxy).close()
    assert proxy.metrics().sum(name) == before + 1


def test_psycopg_prepared_and_pipelined(proxy):
    with connect(proxy) as connection:
        with connection.pipeline():
            cursors = [
                connection.execute("SELECT %s * 2", (number,), prepare=True)
                for number in range(500)
            ]
        assert [cursor.fetchone()[0] for cursor in cursors] == [2 * n for n in range(500)]
        with pytest.raises(psycopg.errors.DivisionByZero):
            connection.execute("SELECT 1 / %s", (0,))
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_psycopg_copies_200_mb_in_and_out(proxy):
    with connect(proxy) as connection:
        connection.execute("CREATE TEMP TABLE bulk (line text)")
        sent, received = hashlib.sha256(), hashlib.sha256()
        with connection.cursor().copy("COPY bulk FROM STDIN") as copy:
            for block in copy_lines(COPY_BYTES):
                sent.update(block)
                copy.write(block)
        with connection.cursor().copy("COPY bulk TO STDOUT") as copy:
            for piece in copy:
                received.update(piece)
        (size,) = connection.execute("SELECT sum(length(line) + 1) FROM bulk").fetchone()
        assert size >= COPY_BYTES
        assert received.hexdigest() == sent.hexdigest()


def test_psycopg_is_notified_while_idle(proxy, postgres):
    with connect(proxy) as listening:
        listening.execute("LISTEN news")
        with postgres.connect("app", "app") as sender:
            sender.execute("NOTIFY news, 'from elsewhere'")
            sender_pid = sender.info.backend_pid
        note = next(listening.notifies())
        assert (note.channel, note.payload, note.pid) == ("news", "from elsewhere", sender_pid)

        own = []
        listening.add_notify_handler(own.append)
        listening.execute("NOTIFY news, 'from myself'")
        listening.execute("SELECT 1")
        assert [(n.payload, n.pid) for n in own] == [("from myself", listening.info.backend_pid)]


def test_psycopg_cancels(proxy, postgres):
    with connect(proxy, application_name="psycopg-cancel") as connection:
        connection.execute("LISTEN started")
        connection.pgconn.send_query(b"SELECT pg_sleep(100)")
        postgres.wait_active("psycopg-cancel")
        connection.cancel()
        result = connection.pgconn.get_result()
        assert b"canceling statement due to user request" in result.error_message
        assert connection.pgconn.get_result() is None
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_wrong_password_is_refused_by_the_database(proxy):
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        connect(proxy, password="wrong")


def test_the_certificate_is_verified(proxy, tmp_path):
    """A client that trusts another CA does not get to the database."""
    with pytest.raises(psycopg.OperationalError, match="certificate verify failed"):
        connect(proxy, sslrootcert=str(Authority(tmp_path / "other").certificate))


def check_report(done):
    """Drivers report as JSON, one member a step."""
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["parameters"] == [42, "grüße"]
    assert report["bytes"] >= COPY_BYTES
    assert report["sent"] == report["received"]
    assert report["notified"] == "from elsewhere"
    assert report["cancelled"] == "57014"
    assert report["after"] == 1
    return report


def test_node_pg(proxy):
    environment = {
        **os.environ,
        "NODE_PATH": str(DEPS / "node" / "node_modules"),
        "NODE_EXTRA_CA_CERTS": str(proxy.ca),
        "PGPASSWORD": PASSWORD,
    }
    command = [
        "node",
        REGRESS / "drivers" / "node_driver.js",
        proxy.port("through_tls"),
        COPY_BYTES,
    ]
    done = subprocess.run(
        [str(part) for part in command],
        env=environment, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    report = check_report(done)
    assert report["encrypted"] is True


def test_jdbc(proxy):
    url = f"jdbc:postgresql://localhost:{proxy.port('through_tls')}/app"
    done = run(
        "java", "-cp", JDBC, REGRESS / "drivers" / "JdbcDriver.java", url, proxy.ca, COPY_BYTES,
        check=False, timeout=240, env={**os.environ, "PGPASSWORD": PASSWORD},
    )  # fmt: skip
    check_report(done)


@pytest.mark.every_version
def test_the_compute_over_tls(make_proxy, postgres_tls):
    """The proxy verifies the compute's certificate and encrypts the way to it."""
    config = default_config(postgres_tls)
    config["computes"][0].update(host="localhost", tls="verify-full", ca=str(postgres_tls.ca))
    proxy = make_proxy(config)
    with connect(proxy, channel_binding="disable") as connection:
        (encrypted,) = connection.execute(
            "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
        ).fetchone()
        assert encrypted is True


def test_a_compute_with_the_wrong_certificate(make_proxy, postgres_tls, tmp_path):
    config = default_config(postgres_tls)
    other = Authority(tmp_path / "other").certificate
    config["computes"][0].update(host="localhost", tls="verify-full", ca=str(other))
    proxy = make_proxy(config)
    with pytest.raises(psycopg.OperationalError) as failure:
        connect(proxy)
    assert failure.value.pgconn is not None
    proxy.wait_quiet()


def test_a_compute_at_a_unix_socket(make_proxy, postgres):
    config = default_config(postgres)
    config["computes"][0]["host"] = str(postgres.socket_folder)
    proxy = make_proxy(config)
    with connect(proxy, "through") as connection:
        (address,) = connection.execute("SELECT inet_server_addr()").fetchone()
        assert address is None


def test_a_compute_that_is_down(make_proxy, own_postgres):
    proxy = make_proxy(default_config(own_postgres))
    own_postgres.stop()
    with proxy.client("through") as client:
        client.send(startup(user="app", database="app"))
        error = client.error()
        assert client.is_closed()
    assert (error["S"], error["C"]) == ("FATAL", "08001")
    own_postgres.start()
    with connect(proxy, "through") as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_session_ends_with_its_server(make_proxy, own_postgres):
    proxy = make_proxy(default_config(own_postgres))
    with proxy.client("through").start(user="probe", database="app") as client:
        own_postgres.stop("fast")
        assert client.error()["C"] == "57P01"
        assert client.is_closed()
    proxy.wait_quiet()


def test_half_close_delivers_the_answer(proxy):
    """A client that has nothing more to send still gets everything it asked for."""
    with proxy.client("through").start(user="probe", database="app") as client:
        client.send(query("SELECT repeat('x', 3000000)"))
        client.socket.shutdown(socket.SHUT_WR)
        (row,) = client.rows(client.read_until("Z"))
        assert len(row[0]) == 3000000
        assert client.is_closed()
