"""Link authentication on the wire: what the client gets, bounds, and the way to the database.

Without a link service the proxy only prints links; whoever holds the management port approves.
"""

import base64
import http.server
import json
import re
import select
import socket
import struct
import threading

import psycopg
import pytest

from support.crowd import Crowd
from support.postgres import PASSWORD
from support.processes import free_port, raise_open_files
from support.proxy import LinkWait, default_config, success
from support.waiting import wait_until
from support.wire import message, query, startup


def startup_message(user):
    return startup(user=user, database=user)


def test_the_auth_service_is_down(make_proxy, postgres):
    config = default_config(postgres)
    config["link"].update(api="http://127.0.0.1:1", api_token_file="token", instance="local")
    proxy = make_proxy(config, start=False)
    (proxy.folder / "token").write_text("token\n")
    proxy.start()
    with proxy.client("link_clear") as client:
        client.send(startup_message("app"))
        error = client.error()
        assert client.is_closed()
    assert (error["S"], error["C"]) == ("FATAL", "08004")
    proxy.wait_quiet()


class SilentAuth(http.server.BaseHTTPRequestHandler):
    """Takes a registration and hangs up; remembers what it was asked for."""

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.registered.append(body["session_id"])

    def do_DELETE(self):
        self.server.ended.append(self.path)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


def test_a_registration_without_an_answer_is_taken_back(make_proxy, postgres):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), SilentAuth) as service:
        service.registered, service.ended = [], []
        threading.Thread(target=service.serve_forever, daemon=True).start()
        config = default_config(postgres)
        api = f"http://127.0.0.1:{service.server_port}"
        config["link"].update(api=api, api_token_file="token", instance="local")
        proxy = make_proxy(config, start=False)
        (proxy.folder / "token").write_text("token\n")
        proxy.start()
        with proxy.client("link_clear") as client:
            client.send(startup_message("app"))
            assert client.error()["C"] == "08004"
        wait_until(lambda: service.ended, what="the session is taken back")
        assert service.ended == [
            f"/v1/link/sessions/{service.registered[0]}?reason=abandoned"
        ]
        service.shutdown()


def test_bounds_of_waiting_links(make_proxy, postgres):
    """10,000 clients of one address wait for links; the next of it is refused, others get in."""
    raise_open_files(12000)
    config = default_config(postgres)
    config["link"].update(max_pending=20000, max_pending_per_source=10000)
    proxy = make_proxy(config)
    baseline = proxy.open_files()
    with Crowd(proxy.port("link_clear"), source="127.0.0.9") as crowd:
        crowd.connect(10000)
        assert crowd.outcomes == {"link": 10000}
        assert proxy.pending_links() == 10000
        crowd.connect(1)
        assert crowd.outcomes == {"link": 10000, "53300": 1}

        assert_gets_in(proxy, postgres, source="127.0.0.10")
        assert proxy.pending_links() == 10000
    wait_until(lambda: proxy.pending_links() == 0, what="no link is pending")
    wait_until(lambda: proxy.open_files() <= baseline + 4, what="files are closed")
    proxy.wait_quiet()


def test_10000_clients_of_one_address_against_the_default_bound(make_proxy, postgres):
    raise_open_files(12000)
    proxy = make_proxy(default_config(postgres))
    with Crowd(proxy.port("link_clear"), source="127.0.0.19") as crowd:
        crowd.connect(10000)
        assert crowd.outcomes == {"link": 100, "53300": 9900}
        assert_gets_in(proxy, postgres, source="127.0.0.10")
    rejected = proxy.metrics().value("sluice_proxy_link_sessions_total", result="rejected")
    assert rejected == 9900
    proxy.wait_quiet()


def test_the_bound_over_all_addresses(make_proxy, postgres):
    config = default_config(postgres)
    config["link"].update(max_pending=3)
    proxy = make_proxy(config)
    waits = [LinkWait(proxy, source=f"127.0.0.{number}") for number in (11, 12, 13)]
    with proxy.client("link_clear", source="127.0.0.14") as client:
        client.send(startup_message("app"))
        assert client.error()["C"] == "53300"
    waits.pop().close()
    wait_until(lambda: proxy.pending_links() == 2, what="one link less")
    waits.append(LinkWait(proxy, source="127.0.0.14"))
    for wait in waits:
        wait.close()
    proxy.wait_quiet()


def assert_gets_in(proxy, postgres, source):
    wait = LinkWait(proxy, source=source)
    with proxy.management() as management, wait.client as client:
        assert management.query(success(postgres, wait.session_id)) == [["ok"]]
        client.read_until("Z")
        assert client.query("SELECT current_user") == [["probe"]]


def test_the_link_is_long_and_new_each_time(proxy):
    waits = [LinkWait(proxy) for _ in range(5)]
    ids = {wait.session_id for wait in waits}
    for wait in waits:
        wait.close()
    assert len(ids) == 5
    for session_id in ids:
        assert re.fullmatch(r"[0-9a-hjkmnp-tv-z]{26}|[0-9a-f]{16}", session_id)


def test_messages_before_the_link_are_those_libpq_accepts(proxy):
    """Authentication is over before the NOTICE, which has every field a client may look at."""
    wait = LinkWait(proxy, "link")
    tags = [received.tag for received in wait.messages]
    assert tags == ["R", "S", "N"]
    assert wait.messages[0].body == b"\0\0\0\0"
    assert wait.client.parameters == {"client_encoding": "UTF8"}
    assert wait.notice["S"] == wait.notice["V"] == "NOTICE" and wait.notice["C"] == "00000"
    wait.close()


def test_neon_greeting(make_proxy, postgres):
    config = default_config(postgres)
    config["link"]["greeting"] = "neon"
    config["link"]["url"] = "http://localhost:3000/psql_session/"
    proxy = make_proxy(config)
    with proxy.client("link_clear") as client:
        client.send(startup_message("app"))
        client.read_until("N")
        notice = client.notices[0]
    match = re.fullmatch(
        r"Welcome to Neon!\nAuthenticate by visiting \(will expire in 2m\):\n"
        r"    http://localhost:3000/psql_session/([0-9a-z]+)\n\n",
        notice["M"],
    )
    assert match, notice["M"]


def test_the_password_of_the_target_is_used(proxy, postgres):
    """The compute asks for SCRAM; the client knows no password at all."""
    wait = LinkWait(proxy)
    with proxy.management() as management, wait.client as client:
        payload = success(postgres, wait.session_id, user="app", password=PASSWORD)
        assert management.query(payload) == [["ok"]]
        client.read_until("Z")
        assert client.query("SELECT current_user, current_database()") == [["app", "app"]]
    assert PASSWORD not in proxy.log.text()


class SlowCompute:
    """Asks for as much work on a password as the proxy does for anybody."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()

    def accept(self):
        """The connection of a client that now derives its key; its next message is the proof."""
        connection, _ = self.listener.accept()
        connection.settimeout(30)
        with connection.makefile("rb") as stream:
            stream.read(struct.unpack("!I", stream.read(4))[0] - 4)
            connection.sendall(message("R", struct.pack("!I", 10) + b"SCRAM-SHA-256\0\0"))
            _, length = struct.unpack("!cI", stream.read(5))
            nonce = stream.read(length - 4).rpartition(b"r=")[2]
        salt = base64.b64encode(bytes(16))
        challenge = b"r=" + nonce + b"more,s=" + salt + b",i=1000000"
        connection.sendall(message("R", struct.pack("!I", 11) + challenge))
        return connection


def serves_meanwhile(proxy, compute):
    """Whether the proxy answers before it has derived the key that a compute asked it for."""
    wait = LinkWait(proxy)
    with proxy.management() as management, wait.client:
        management.query(success(compute, wait.session_id, user="app", password=PASSWORD))
        with compute.accept() as connection:
            proxy.metrics()
            waiting = not select.select([connection], [], [], 0)[0]
            assert connection.recv(1) == b"p", "the proof"
    return waiting


def test_a_compute_with_many_iterations_holds_up_nobody(make_proxy, postgres):
    """The proxy's only thread serves others meanwhile. Threads take turns, so one try is not enough."""
    config = default_config(postgres)
    config["threads"] = 1
    config["management"]["allowed_targets"] = ["127.0.0.1:*"]
    proxy = make_proxy(config)
    with SlowCompute() as compute:
        assert any(serves_meanwhile(proxy, compute) for _ in range(5))
    proxy.wait_quiet()


def test_startup_parameters_reach_the_database(proxy, postgres):
    wait = LinkWait(
        proxy, application_name="a b", options="-c statement_timeout=4321", DateStyle="German"
    )
    with proxy.management() as management, wait.client as client:
        management.query(success(postgres, wait.session_id))
        client.read_until("Z")
        assert client.query("SHOW application_name") == [["a b"]]
        assert client.query("SHOW statement_timeout") == [["4321ms"]]
        assert client.parameters["DateStyle"].startswith("German")


def test_a_query_sent_early_is_answered(proxy, postgres):
    """A client may send its first query before the database is there."""
    wait = LinkWait(proxy)
    with proxy.management() as management, wait.client as client:
        client.send(query("SELECT 'early'"))
        management.query(success(postgres, wait.session_id))
        client.read_until("Z")
        assert client.rows(client.read_until("Z")) == [["early"]]


def test_the_database_is_down(proxy, postgres, make_proxy):
    config = default_config(postgres)
    port = free_port()
    config["management"]["allowed_targets"] = ["127.0.0.1:*"]
    other = make_proxy(config)
    wait = LinkWait(other)
    with other.management() as management, wait.client as client:
        payload = success(postgres, wait.session_id).replace(
            f'"port": {postgres.port}', f'"port": {port}'
        )
        assert management.query(payload) == [["ok"]]
        error = client.error()
        assert client.is_closed()
    assert (error["S"], error["C"]) == ("FATAL", "08001")
    assert str(port) not in error["M"], "addresses of the inside are not for clients"
    other.wait_quiet()


def test_the_database_refuses(proxy, postgres):
    """What PostgreSQL says on a wrong password reaches the client field by field."""
    with pytest.raises(psycopg.OperationalError) as direct:
        psycopg.connect(
            host="127.0.0.1", port=postgres.port, user="app", dbname="app", password="wrong"
        )
    wait = LinkWait(proxy)
    with proxy.management() as management, wait.client as client:
        management.query(success(postgres, wait.session_id, user="app", password="wrong"))
        error = client.error()
    assert (error["S"], error["C"]) == ("FATAL", "28P01")
    assert error["M"] in str(direct.value)
    assert {"F", "L", "R"} <= error.keys(), "file, line and routine are the server's"


def test_no_password_is_known_for_the_role(proxy, postgres):
    """The client reads what an administrator has to do, not just that it failed."""
    wait = LinkWait(proxy)
    with proxy.management() as management, wait.client as client:
        management.query(success(postgres, wait.session_id, user="app", target="local"))
        error = client.error()
    assert (error["S"], error["C"]) == ("FATAL", "08001")
    assert error["M"] == 'target "local" has no password for role "app"'
    assert error["H"].endswith("sluicectl target set-role local app")
