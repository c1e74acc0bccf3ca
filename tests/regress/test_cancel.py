"""Cancel requests reach the session they are meant for, and no other."""

import struct

import pytest

from support.proxy import LinkWait, default_config, success
from support.waiting import wait_until
from support.wire import PROTOCOL_3_2, RawClient, cancel_request, query


def start(proxy, name, listener="through", **options):
    client = proxy.client(listener)
    if listener == "through_tls":
        client.start_tls()
    return client.start(user="probe", database="app", application_name=name, **options)


def cancelled(proxy, result="forwarded"):
    return proxy.metrics().sum("sluice_proxy_cancel_requests_total", result=result)


def send_cancel(proxy, pid, secret, listener="through", tls=False):
    """Sends the request and waits for the close, as libpq does."""
    with proxy.client(listener) as canceller:
        if tls:
            canceller.start_tls()
        canceller.send(cancel_request(pid, secret))
        assert canceller.is_closed()


@pytest.mark.parametrize("listener", ["through", "through_tls"])
def test_cancel_on_the_listener_it_came_by(proxy, postgres, listener):
    before = cancelled(proxy)
    with start(proxy, "cancel-me", listener) as client:
        client.send(query("SELECT pg_sleep(100)"))
        postgres.wait_active("cancel-me")
        send_cancel(proxy, client.pid, client.secret, listener, tls=listener == "through_tls")
        error = client.error()
        assert (error["C"], error["M"]) == ("57014", "canceling statement due to user request")
        client.read_until("Z")
        assert client.query("SELECT 1") == [["1"]]
    assert cancelled(proxy) == before + 1


def test_cancel_in_clear_for_an_encrypted_session(proxy, postgres):
    """libpq before version 17 sends cancel requests unencrypted, whatever the session is."""
    with start(proxy, "cancel-tls", "through_tls") as client:
        client.send(query("SELECT pg_sleep(100)"))
        postgres.wait_active("cancel-tls")
        send_cancel(proxy, client.pid, client.secret, "through_tls")
        assert client.error()["C"] == "57014"


def test_only_the_session_of_the_key_is_cancelled(proxy, postgres):
    clients = [start(proxy, f"cancel-{number}") for number in range(8)]
    for client in clients:
        client.send(query("SELECT pg_sleep(100)"))
    for number in range(8):
        postgres.wait_active(f"cancel-{number}")
    send_cancel(proxy, clients[3].pid, clients[3].secret)
    assert clients[3].error()["C"] == "57014"
    active = [
        n for n in range(8) if postgres.sessions(application_name=f"cancel-{n}", state="active")
    ]
    assert active == [0, 1, 2, 4, 5, 6, 7]
    for client in clients:
        client.close()
    postgres.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                   " WHERE application_name LIKE 'cancel-%'")  # fmt: skip


def test_a_wrong_secret_cancels_nothing(proxy, postgres):
    before = cancelled(proxy, "not_found")
    with start(proxy, "cancel-wrong") as client:
        client.send(query("SELECT pg_sleep(100)"))
        postgres.wait_active("cancel-wrong")
        wrong = bytes(byte ^ 0x55 for byte in client.secret)
        send_cancel(proxy, client.pid, wrong)
        assert cancelled(proxy, "not_found") == before + 1
        assert postgres.sessions(application_name="cancel-wrong", state="active") == 1
        send_cancel(proxy, client.pid, client.secret)
        assert client.error()["C"] == "57014"


def test_keys_go_with_their_sessions(proxy, postgres):
    with start(proxy, "cancel-gone") as client:
        pid, secret = client.pid, client.secret
        assert proxy.metrics().value("sluice_proxy_cancel_keys") >= 1
    wait_until(
        lambda: proxy.metrics().value("sluice_proxy_cancel_keys") == 0, what="no key is left"
    )
    before = cancelled(proxy, "not_found")
    send_cancel(proxy, pid, secret)
    assert cancelled(proxy, "not_found") == before + 1


def test_cancel_of_a_linked_session(proxy, postgres):
    wait = LinkWait(proxy, application_name="cancel-link")
    with proxy.management() as management, wait.client as client:
        management.query(success(postgres, wait.session_id))
        client.read_until("Z")
        client.send(query("SELECT pg_sleep(100)"))
        postgres.wait_active("cancel-link")
        send_cancel(proxy, client.pid, client.secret, "link_clear")
        assert client.error()["C"] == "57014"


@pytest.mark.every_version
def test_the_secret_is_the_proxys_and_the_pid_the_servers(proxy, postgres):
    """The key that the client holds is worth nothing at the server itself."""
    with start(proxy, "cancel-direct") as client:
        assert client.query("SELECT pg_backend_pid()") == [[str(client.pid)]]
        client.send(query("SELECT pg_sleep(100)"))
        postgres.wait_active("cancel-direct")
        with RawClient(postgres.port) as direct:
            direct.send(cancel_request(client.pid, client.secret))
            assert direct.is_closed()
        assert postgres.sessions(application_name="cancel-direct", state="active") == 1
        send_cancel(proxy, client.pid, client.secret)
        assert client.error()["C"] == "57014"


@pytest.mark.every_version
def test_long_keys_of_protocol_3_2(proxy, postgres, pg_version):
    """The server decides the version; the key has its length and still works."""
    with RawClient(postgres.port).start(PROTOCOL_3_2, user="probe", database="app") as direct:
        server_secret_length = len(direct.secret)
    with proxy.client().start(
        PROTOCOL_3_2, user="probe", database="app", application_name="cancel-3.2"
    ) as client:
        assert (client.negotiated is None) == (server_secret_length > 4)
        assert 4 <= len(client.secret) <= 256
        if server_secret_length == 4:
            assert len(client.secret) == 4
        client.send(query("SELECT pg_sleep(100)"))
        postgres.wait_active("cancel-3.2")
        send_cancel(proxy, client.pid, client.secret)
        assert client.error()["C"] == "57014"


@pytest.mark.parametrize("length", [12, 15, 17, 300, 100000])
def test_malformed_cancel_requests_are_dropped(proxy, length):
    body = struct.pack("!I", 80877102) + b"\1" * min(length - 8, 4096)
    with proxy.client() as client:
        client.send(struct.pack("!I", length) + body)
        client.assert_refused()


def test_a_flood_of_cancel_requests_is_limited(make_proxy, postgres):
    """Guessing secrets is slowed down; the session of the right key can still be cancelled."""
    proxy = make_proxy(default_config(postgres))
    with start(proxy, "cancel-flood") as client:
        client.send(query("SELECT pg_sleep(100)"))
        postgres.wait_active("cancel-flood")
        for guess in range(200):
            send_cancel(proxy, client.pid, struct.pack("!I", guess))
        metrics = proxy.metrics()
        name = "sluice_proxy_cancel_requests_total"
        assert metrics.sum(name, result="not_found") + metrics.sum(name, result="limited") == 200
        assert metrics.sum(name, result="limited") > 0
        with proxy.client("through", source="127.0.0.77") as canceller:
            canceller.send(cancel_request(client.pid, client.secret))
            assert canceller.is_closed()
        assert client.error()["C"] == "57014"
    proxy.wait_quiet()
