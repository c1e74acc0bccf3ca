"""Clients and servers that vanish leave nothing behind in the proxy."""

import os
import signal
import socket
import struct
import subprocess

import pytest

from support.processes import open_files
from support.proxy import LinkWait, default_config
from support.waiting import wait_until
from support.wire import SSL_REQUEST, message, query, startup

ROUNDS = 1000


@pytest.fixture
def pgbench_script(tmp_path):
    """Small and large answers in turn, so that some clients die with data on the way."""
    script = tmp_path / "mixed.sql"
    script.write_text("SELECT 1;\nSELECT repeat('x', 200000);\n")
    return script


def start_pgbench(proxy, listener, script, name):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PG")}
    environment.update(
        PGSSLMODE="require" if listener == "through_tls" else "disable",
        PGAPPNAME=name,
        PGGSSENCMODE="disable",
    )
    command = [
        "pgbench", "-n", "-c", "2", "-j", "1", "-T", "600", "-f", script,
        "-h", "127.0.0.1", "-p", proxy.port(listener), "-U", "probe", "app",
    ]  # fmt: skip
    return subprocess.Popen(
        [str(part) for part in command],
        env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip


def kill(process):
    process.send_signal(signal.SIGKILL)
    process.wait()


@pytest.mark.timeout(900)
def test_1000_rounds_of_killed_pgbench(make_proxy, postgres, pgbench_script):
    """Every third client dies as it starts, the others with their queries running."""
    proxy = make_proxy(default_config(postgres))
    with proxy.client().start(user="probe", database="app") as first:
        first.query("SELECT 1")
    proxy.wait_quiet()
    baseline = open_files(proxy.process.pid)

    with postgres.connect() as watcher:

        def at_work(name):
            sessions = watcher.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s", (name,)
            )
            return sessions.fetchone()[0] > 0

        for number in range(ROUNDS):
            listener = "through" if number % 2 else "through_tls"
            name = f"killed-{number}"
            process = start_pgbench(proxy, listener, pgbench_script, name)
            if number % 3:
                wait_until(lambda: at_work(name), interval=0.001, what=f"{name} is at work")
            kill(process)

    proxy.wait_quiet()
    wait_until(
        lambda: open_files(proxy.process.pid) <= baseline, what="no file descriptor is left behind"
    )
    assert proxy.metrics().value("process_open_fds") <= baseline + 2
    postgres.wait_no_sessions()
    opened = proxy.metrics().sum("sluice_proxy_connections_opened_total")
    assert opened > ROUNDS, "the clients did not come through the proxy"
    proxy.log.assert_no_errors()


def reset(client):
    """Closes with RST instead of FIN."""
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


@pytest.mark.parametrize("listener", ["through", "through_tls"])
def test_reset_in_the_middle_of_an_answer(proxy, postgres, listener):
    client = proxy.client(listener)
    if listener == "through_tls":
        client.start_tls()
    client.start(user="probe", database="app", application_name="reset")
    client.send(query("SELECT repeat('x', 1000000) FROM generate_series(1, 1000)"))
    client.read_exactly(100000)
    reset(client)
    postgres.wait_no_sessions(application_name="reset")
    proxy.wait_quiet()


def test_killed_at_every_step_of_the_handshake(proxy):
    start = startup(user="probe", database="app")
    for data in (b"", SSL_REQUEST[:3], SSL_REQUEST, start[:5], start[:-1], start):
        for end in (lambda client: client.close(), reset):
            client = proxy.client("through_tls" if data[:8] == SSL_REQUEST else "through")
            client.send(data)
            end(client)
    proxy.wait_quiet()


def test_killed_while_waiting_for_a_link(proxy):
    """In every way a connection can end; the waiter is gone within a second."""
    for end in (lambda client: client.close(), reset):
        for listener in ("link", "link_clear"):
            wait = LinkWait(proxy, listener)
            assert proxy.pending_links() == 1
            end(wait.client)
            wait_until(lambda: proxy.pending_links() == 0, timeout=1.0, what="no link is pending")
    abandoned = proxy.metrics().value("sluice_proxy_link_sessions_total", result="abandoned")
    assert abandoned >= 4


def test_terminate_while_waiting_for_a_link(proxy):
    """A polite end: the Terminate message."""
    wait = LinkWait(proxy)
    wait.client.send(message("X"))
    wait.close()
    wait_until(lambda: proxy.pending_links() == 0, timeout=1.0, what="no link is pending")


def test_the_server_process_dies(proxy, postgres):
    """A backend that is terminated: the client reads why, and the connection is closed."""
    with proxy.client().start(user="probe", database="app") as client:
        with postgres.connect() as other:
            other.execute("SELECT pg_terminate_backend(%s)", (client.pid,))
        error = client.error()
        assert error["C"] == "57P01"
        assert client.is_closed()
    proxy.wait_quiet()


def test_a_client_that_does_not_read_does_not_fill_the_memory(proxy, postgres):
    """Back pressure: the server waits, the proxy's memory stays where it was."""

    def resident():
        with open(f"/proc/{proxy.process.pid}/status", encoding="ascii") as status:
            line = next(line for line in status if line.startswith("VmRSS"))
        return int(line.split()[1]) * 1024

    before = resident()
    with proxy.client().start(user="probe", database="app", application_name="slow") as client:
        client.send(query("SELECT repeat('x', 1000000) FROM generate_series(1, 500)"))
        wait_until(
            lambda: postgres.sessions(application_name="slow", wait_event="ClientWrite"),
            what="the server waits for its client",
        )
        assert resident() - before < 16 << 20
        total = sum(len(row[0]) for row in client.rows(client.read_until("Z")))
        assert total == 500 * 1000000
    proxy.wait_quiet()
