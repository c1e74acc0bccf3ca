"""Real clients at PostgresBackend with trust."""

import socket
import subprocess

from support.cluster import psql_environment
from support.processes import run
from support.waiting import wait_until


def test_psql_returns_the_row(either_backend):
    done = either_backend.psql("SELECT 'whatever'", "echo a b  c;")
    assert (done.returncode, done.stdout, done.stderr) == (0, "ok\na b  c\n", "")


def test_psql_shows_many_rows(either_backend):
    done = either_backend.psql("rows 50000")
    assert done.stdout.split() == [str(number) for number in range(1, 50001)]


def test_psql_and_queries_without_a_statement(either_backend):
    done = either_backend.psql("", ";", "echo after")
    assert (done.returncode, done.stdout) == (0, "after\n")


def test_psycopg_connects(either_backend):
    with either_backend.connect() as connection:
        assert connection.execute("echo hello").fetchall() == [("hello",)]
        assert connection.info.parameter_status("server_version") == "15.0"
        assert connection.info.parameter_status("integer_datetimes") == "on"
        assert connection.info.encoding == "utf-8"
        assert connection.pgconn.ssl_in_use == either_backend.tls
        assert connection.execute("echo grüße").fetchone() == ("grüße",)


def test_pg_isready(either_backend):
    done = run("pg_isready", "-d", either_backend.conninfo(), check=False, env=psql_environment())
    assert done.returncode == 0, done.stdout + done.stderr
    assert "accepting connections" in done.stdout


def test_pgbench(either_backend, tmp_path):
    script = tmp_path / "script.sql"
    script.write_text("echo hello;\nrows 100;\nselect 1;\n")
    done = run(
        "pgbench", "-n", "-f", script, "-t", "100", "-c", "4", "-j", "2", either_backend.conninfo(),
        env=psql_environment(), check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "number of transactions actually processed: 400/400" in done.stdout
    assert "number of failed transactions: 0" in done.stdout


def test_probes_log_nothing(make_backend):
    """A monitor that only connects, or disconnects at once, fills no log."""
    backend = make_backend()
    probes = set()
    for number in range(200):
        with backend.client() as client:
            probes.add("%s:%d" % client.socket.getsockname())
            if number % 2:
                # Once this answers, the server has seen the end of the connection.
                client.socket.shutdown(socket.SHUT_WR)
                assert client.read_all() == b""
    wait_until(lambda: backend.sessions() == 0, what="all probes have ended")
    lines = wait_until(backend.log.lines, what="the log tells who asked for the sessions")
    assert [line for line in lines if line["client"] in probes] == []
