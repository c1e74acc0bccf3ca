"""SIGTERM: every session is told, and the server ends in time."""

import signal
import subprocess
import time

import pytest

from support.cluster import psql_environment
from support.waiting import wait_until

IDLE = 50
BUSY = 5


def start_psql(backend, *queries, **options):
    """psql with its standard input open: without a query it stays connected and waits for one."""
    return subprocess.Popen(
        [str(part) for part in backend.psql_command(*queries, **options)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=psql_environment(),
    )  # fmt: skip


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_idle_and_busy_sessions_end(make_backend, tls):
    backend = make_backend(tls=tls)
    idle = [start_psql(backend) for _ in range(IDLE)]
    busy = [start_psql(backend, "sleep 600") for _ in range(BUSY)]
    for psql in idle:
        psql.stdin.write("echo connected;\n")
        psql.stdin.flush()
    for psql in idle:
        assert psql.stdout.readline() == "connected\n"
    wait_until(lambda: backend.count("sleeping") == BUSY, what="everybody else waits")

    began = time.monotonic()
    backend.process.signal(signal.SIGTERM)
    assert backend.process.wait(timeout=10) == 0
    assert time.monotonic() - began < 5

    for psql in busy:
        _, errors = psql.communicate(timeout=10)
        assert "terminating connection due to administrator command" in errors
        assert psql.returncode == 2
    for psql in idle:
        _, errors = psql.communicate("echo too late;\n", timeout=10)
        assert "terminating connection due to administrator command" in errors
        assert psql.returncode == 2


def test_a_running_query_may_finish(make_backend):
    """Its answer is sent, and then the reason why there will be no other."""
    backend = make_backend()
    psql = start_psql(backend, "sleep 1", "echo too late")
    wait_until(lambda: backend.count("sleeping") == 1, what="the query runs")
    backend.process.signal(signal.SIGTERM)
    output, errors = psql.communicate(timeout=10)
    assert output == "ok\n"
    assert "terminating connection due to administrator command" in errors
    assert backend.process.wait(timeout=5) == 0


def test_a_client_in_its_login_does_not_hold_the_server(make_backend):
    backend = make_backend()
    with backend.client() as client:
        client.send(b"\0\0\0")
        wait_until(lambda: backend.sessions() == 1, what="the server knows the client")
        backend.process.signal(signal.SIGTERM)
        error = client.error()
        assert (error["S"], error["C"]) == ("FATAL", "57P01")
        assert backend.process.wait(timeout=5) == 0
        assert client.is_closed()


def test_nobody_gets_in_any_more(make_backend):
    backend = make_backend()
    assert backend.stop() == 0
    done = backend.psql("echo hello")
    assert done.returncode == 2
    assert "Connection refused" in done.stderr


def test_an_idle_session_is_ended_after_its_time(make_backend):
    backend = make_backend(idle_timeout=200)
    with backend.session() as client:
        assert client.query("echo hello") == [["hello"]]
        error = client.error()
        assert (error["S"], error["C"]) == ("FATAL", "57P05")
        assert client.is_closed()
    backend.still_serves()
