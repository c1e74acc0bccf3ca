"""SIGTERM: not ready at once, idle sessions end politely, work is finished, exit code 0."""

import os
import signal

import pytest

from support.processes import is_running
from support.proxy import LinkWait, default_config
from support.waiting import wait_until
from support.wire import message, query, startup


@pytest.fixture
def draining(make_proxy, postgres):
    def make(**shutdown):
        config = default_config(postgres)
        config["shutdown"].update(shutdown)
        return make_proxy(config)

    return make


def session(proxy, name="drain", listener="through"):
    client = proxy.client(listener)
    if listener == "through_tls":
        client.start_tls()
    return client.start(user="probe", database="app", application_name=name)


def terminate(proxy):
    proxy.process.signal(signal.SIGTERM)


def test_with_nobody_there(draining):
    proxy = draining()
    terminate(proxy)
    assert proxy.process.wait(5) == 0


@pytest.mark.parametrize("listener", ["through", "through_tls"])
def test_an_idle_session_is_told(draining, listener):
    proxy = draining()
    with session(proxy, listener=listener) as client:
        client.query("SELECT 1")
        terminate(proxy)
        error = client.error()
        assert (error["S"], error["V"], error["C"]) == ("FATAL", "FATAL", "57P01")
        assert client.is_closed()
        assert proxy.process.wait(5) == 0


def test_not_ready_while_still_listening(draining):
    """During the delay load balancers see the change, and late clients still get in."""
    proxy = draining(delay="2s")
    terminate(proxy)
    wait_until(lambda: not proxy.admin.is_ready(), timeout=1.5, what="/readyz fails")
    assert proxy.admin.is_live()
    with session(proxy) as late:
        assert late.query("SELECT 1") == [["1"]]
        assert proxy.process.running()
        assert late.error()["C"] == "57P01"
    assert proxy.process.wait(10) == 0


def test_listeners_close_after_the_delay(draining, postgres):
    proxy = draining()
    with session(proxy) as client:
        client.send(query("SELECT pg_sleep(100)"))
        postgres.wait_active("drain")
        terminate(proxy)

        def refused():
            try:
                with proxy.client() as late:
                    late.send(startup(user="probe", database="app"))
                    return late.error()["C"] == "57P03"
            except (ConnectionError, EOFError):
                return True

        wait_until(refused, what="nobody is let in any more")
        assert proxy.process.running()
        postgres.query("SELECT pg_cancel_backend(%s)", client.pid)
        assert client.error()["C"] == "57014"
        client.read_until("Z", "E")
    assert proxy.process.wait(10) == 0


def test_a_running_query_is_finished(draining, postgres):
    proxy = draining()
    with session(proxy) as client, postgres.connect("postgres", "app") as other:
        other.execute("SELECT pg_advisory_lock(4711)")
        client.send(query("SELECT pg_advisory_lock(4711), 'done'"))
        postgres.wait_active("drain")
        terminate(proxy)
        wait_until(lambda: not ready(proxy), what="/readyz fails")
        other.execute("SELECT pg_advisory_unlock(4711)")
        rows = client.rows(client.read_until("Z"))
        assert rows == [["", "done"]]
        assert client.error()["C"] == "57P01"
    assert proxy.process.wait(10) == 0


def ready(proxy):
    try:
        return proxy.admin.is_ready()
    except OSError:
        return False


def test_an_open_transaction_is_finished(draining, postgres):
    """Idle in transaction is not idle."""
    proxy = draining()
    with session(proxy) as client:
        client.query("BEGIN")
        client.query("CREATE TEMP TABLE t AS SELECT 1")
        terminate(proxy)
        wait_until(lambda: not ready(proxy), what="/readyz fails")
        assert client.query("SELECT count(*) FROM t") == [["1"]]
        client.query("COMMIT")
        assert client.error()["C"] == "57P01"
    assert proxy.process.wait(10) == 0


def test_the_deadline_ends_the_rest(draining, postgres):
    proxy = draining(deadline="1s")
    with session(proxy) as client:
        client.send(query("SELECT pg_sleep(100)"))
        postgres.wait_active("drain")
        terminate(proxy)
        assert proxy.process.wait(10) == 0
        client.assert_refused("57P01")
    postgres.wait_no_sessions(application_name="drain")


def test_waiting_clients_are_told(draining):
    proxy = draining()
    wait = LinkWait(proxy)
    terminate(proxy)
    error = wait.client.error()
    assert error["S"] == "FATAL" and error["C"] in ("57P01", "57P03")
    assert proxy.process.wait(10) == 0
    wait.close()


def test_a_handshake_in_progress_does_not_delay_the_end(draining):
    proxy = draining(deadline="5s")
    with proxy.client() as client:
        client.send(b"\0\0")
        terminate(proxy)
        assert proxy.process.wait(10) == 0


def test_a_second_signal_ends_it_at_once(draining, postgres):
    proxy = draining(deadline="5m")
    with session(proxy) as client:
        client.send(query("SELECT pg_sleep(100)"))
        postgres.wait_active("drain")
        terminate(proxy)
        wait_until(lambda: not ready(proxy), what="/readyz fails")
        terminate(proxy)
        proxy.process.wait(5)
        client.close()


def test_copy_is_finished(draining, postgres):
    proxy = draining()
    with session(proxy) as client:
        client.query("CREATE TEMP TABLE t (line text)")
        client.send(query("COPY t FROM STDIN"))
        client.read_until("G")
        client.send(message("d", b"one\n"))
        terminate(proxy)
        wait_until(lambda: not ready(proxy), what="/readyz fails")
        client.send(message("d", b"two\n") + message("c"))
        finished = client.read_until("Z")
        assert any(m.tag == "C" and m.body == b"COPY 2\0" for m in finished)
        assert client.error()["C"] == "57P01"
    assert proxy.process.wait(10) == 0


def test_the_auth_service_ends_politely(make_cluster):
    cluster = make_cluster()
    cluster.up()
    pid = cluster.pid("auth")
    os.kill(pid, signal.SIGTERM)
    wait_until(lambda: not is_running(pid), timeout=15, what="sluice-auth ended")
    cluster.log("auth").assert_no_errors()
