"""The management port: Neon's protocol, used by hand with psql and by raw messages."""

import base64
import json
import struct
import time

import pytest

from support.cluster import psql_environment
from support.proxy import LinkWait, default_config, success
from support.processes import run
from support.waiting import wait_until
from support.wire import RawClient, c_string, message, query, startup


def psql(proxy, text, user="sluice", **environment):
    """psql at the management port, as an operator would use it."""
    return run(
        "psql", "-X", "-A", "-t", "-v", "VERBOSITY=verbose", "-h", "127.0.0.1",
        "-p", proxy.management_port, "-U", user, "-d", "management", "-c", text,
        env=psql_environment(PGSSLMODE="prefer", **environment), check=False,
    )  # fmt: skip


def failure(session_id, text):
    return json.dumps({"session_id": session_id, "result": {"Failure": text}})


def test_the_startup_answer(proxy):
    with proxy.management() as client:
        assert client.parameters["client_encoding"] == "UTF8"
        assert client.parameters["integer_datetimes"] == "on"
        assert "server_version" in client.parameters


def test_the_reply_is_exactly_neons(proxy, postgres):
    wait = LinkWait(proxy)
    with proxy.management() as client:
        client.send(query(success(postgres, wait.session_id)))
        messages = client.read_until("Z")
    assert [received.tag for received in messages] == ["T", "D", "C", "Z"]
    description = (
        struct.pack("!H", 1) + c_string("data") + struct.pack("!IHIhiH", 0, 0, 25, -1, -1, 0)
    )
    assert messages[0].body == description
    assert messages[1].body == struct.pack("!HI", 1, 2) + b"ok"
    assert messages[2].body == c_string("SELECT 1")
    assert messages[3].body == b"I"
    wait.client.read_until("Z")
    wait.close()


def test_psql_approves(proxy, postgres):
    wait = LinkWait(proxy)
    done = psql(proxy, success(postgres, wait.session_id))
    assert (done.returncode, done.stdout.strip()) == (0, "ok"), done.stderr
    wait.client.read_until("Z")
    assert wait.client.query("SELECT current_user") == [["probe"]]
    wait.close()


def test_the_client_reads_who_approved(proxy, postgres):
    wait = LinkWait(proxy)
    with proxy.management() as management:
        payload = json.loads(success(postgres, wait.session_id))
        payload["result"]["Success"]["approver"] = "ada@example.com"
        management.query(json.dumps(payload))
    wait.client.read_until("Z")
    assert wait.client.notices[-1]["M"].startswith("Approved by ada@example.com: role probe")
    wait.close()


def test_unknown_session(proxy, postgres):
    with proxy.management() as client:
        client.send(query(success(postgres, "0123456789abcdef")))
        error = client.error()
        assert (error["S"], error["C"]) == ("ERROR", "XX000")
        assert error["M"] == "Notify failed: waiter `0123456789abcdef` not registered"
        client.read_until("Z")
        client.send(query(success(postgres, "another")))
        assert "waiter `another` not registered" in client.error()["M"]
        client.read_until("Z")


def test_a_session_is_told_once(proxy, postgres):
    wait = LinkWait(proxy)
    with proxy.management() as client:
        assert client.query(success(postgres, wait.session_id)) == [["ok"]]
        client.send(query(success(postgres, wait.session_id)))
        assert client.error()["M"] == f"Notify failed: waiter `{wait.session_id}` not registered"
        client.read_until("Z")
    wait.client.read_until("Z")
    wait.close()


BAD = {
    "no JSON": "SELECT 1",
    "half": '{"session_id": "x", ',
    "an array": "[]",
    "no session": '{"result": {"Failure": "x"}}',
    "session is a number": '{"session_id": 1, "result": {"Failure": "x"}}',
    "no result": '{"session_id": "x"}',
    "unknown result": '{"session_id": "x", "result": {"Perhaps": "x"}}',
    "no host": '{"session_id": "x", "result": {"Success": {"port": 1, "dbname": "d", "user": "u"}}}',
    "port is text": '{"session_id": "x", "result": {"Success":'
    ' {"host": "h", "port": "1", "dbname": "d", "user": "u"}}}',
    "port too large": '{"session_id": "x", "result": {"Success":'
    ' {"host": "h", "port": 65536, "dbname": "d", "user": "u"}}}',
    "deep": "[" * 10000,
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_payload(proxy, name):
    with proxy.management() as client:
        client.send(query(BAD[name]))
        error = client.error()
        assert (error["S"], error["C"]) == ("ERROR", "XX000")
        assert error["M"].startswith("Failed to parse query as json: ")
        client.read_until("Z")
        client.send(query(BAD[name]))
        client.error()
        client.read_until("Z")


def test_unknown_members_are_ignored(proxy, postgres):
    wait = LinkWait(proxy)
    payload = json.loads(success(postgres, wait.session_id, allowed_vpc_endpoint_ids=["v"]))
    payload["result"]["Success"]["something_new"] = {"deep": [1, 2]}
    payload["also_new"] = None
    with proxy.management() as client:
        assert client.query(json.dumps(payload)) == [["ok"]]
    wait.client.read_until("Z")
    wait.close()


def test_the_payload_of_2023_without_compute_id(proxy, postgres):
    wait = LinkWait(proxy)
    payload = json.loads(success(postgres, wait.session_id))
    del payload["result"]["Success"]["aux"]["compute_id"]
    with proxy.management() as client:
        assert client.query(json.dumps(payload)) == [["ok"]]
    wait.client.read_until("Z")
    wait.close()


def test_failure_reaches_the_client(proxy):
    wait = LinkWait(proxy)
    with proxy.management() as client:
        assert client.query(failure(wait.session_id, "denied by eve@example.com")) == [["ok"]]
    error = wait.client.error()
    assert (error["S"], error["V"], error["C"]) == ("FATAL", "FATAL", "28000")
    assert "denied by eve@example.com" in error["M"]
    assert wait.client.is_closed()
    denied = proxy.metrics().value("sluice_proxy_link_sessions_total", result="denied")
    assert denied >= 1
    wait.close()


def test_another_failure_reaches_the_client(proxy):
    wait = LinkWait(proxy)
    with proxy.management() as client:
        assert client.query(failure(wait.session_id, "the compute is asleep")) == [["ok"]]
    error = wait.client.error()
    assert error["S"] == "FATAL" and "the compute is asleep" in error["M"]
    wait.close()


@pytest.mark.parametrize(
    "change",
    [{"host": "10.0.0.1"}, {"host": "127.0.0.2"}, {"host": "localhost"}, {"port": 1}],
    ids=lambda change: "%s=%s" % next(iter(change.items())),
)
def test_a_host_that_is_not_allowed(proxy, postgres, change):
    """Whoever can speak to this port cannot send sessions just anywhere."""
    wait = LinkWait(proxy)
    payload = json.loads(success(postgres, wait.session_id))
    payload["result"]["Success"].update(change)
    with proxy.management() as client:
        client.send(query(json.dumps(payload)))
        client.read_until("Z", "E")
    error = wait.client.error()
    assert (error["S"], error["C"]) == ("FATAL", "28000")
    assert wait.client.is_closed()
    wait.close()
    wait_until(lambda: proxy.pending_links() == 0, what="no link is pending")


def test_allowed_hosts_by_pattern(make_proxy, postgres):
    config = default_config(postgres)
    config["management"]["allowed_targets"] = ["127.0.0.0/8:*", "*.localhost:5432"]
    proxy = make_proxy(config)
    wait = LinkWait(proxy)
    with proxy.management() as client:
        assert client.query(success(postgres, wait.session_id)) == [["ok"]]
    wait.client.read_until("Z")
    wait.close()


def test_allowed_ips_of_the_payload(proxy, postgres):
    wait = LinkWait(proxy)
    with proxy.management() as client:
        client.query(success(postgres, wait.session_id, allowed_ips=["10.1.0.0/16"]))
    error = wait.client.error()
    assert error["S"] == "FATAL" and "127.0.0.1" in error["M"]
    wait.close()

    wait = LinkWait(proxy)
    with proxy.management() as client:
        client.query(success(postgres, wait.session_id, allowed_ips=["10.1.0.0/16", "127.0.0.0/8"]))
    wait.client.read_until("Z")
    wait.close()


def test_many_queries_and_many_connections(proxy, postgres):
    managers = [proxy.management() for _ in range(20)]
    waits = [LinkWait(proxy) for _ in range(40)]
    for number, wait in enumerate(waits):
        manager = managers[number % len(managers)]
        assert manager.query(success(postgres, wait.session_id)) == [["ok"]]
    for wait in waits:
        wait.client.read_until("Z")
        wait.close()
    for manager in managers:
        manager.close()


def test_connections_beyond_the_bound_are_closed(proxy):
    held = [proxy.management() for _ in range(256)]
    with RawClient(proxy.management_port) as one_more:
        assert one_more.is_closed()
    for manager in held:
        manager.close()

    def has_room():
        try:
            proxy.management().close()
        except (EOFError, ConnectionError):
            return False
        return True

    wait_until(has_room, what="the management port has room again")
    assert proxy.log.text().count("management port is full") == 1


def prepared(text, parameters=b"\0\0"):
    """The messages of a driver that runs `text` as an unnamed prepared statement."""
    return (
        message("P", b"\0" + c_string(text) + b"\0\0")
        + message("B", b"\0\0\0\0" + parameters + b"\0\0")
        + message("D", b"P\0")
        + message("E", b"\0\0\0\0\0")
        + message("S")
    )


def test_a_prepared_notification(proxy, postgres):
    wait = LinkWait(proxy)
    with proxy.management() as client:
        client.send(prepared(success(postgres, wait.session_id)))
        messages = client.read_until("Z")
    assert "".join(received.tag for received in messages) == "12TDCZ"
    assert messages[3].body == struct.pack("!HI", 1, 2) + b"ok"
    wait.client.read_until("Z")
    wait.close()


def test_parameters_are_refused_and_the_session_goes_on(proxy):
    with proxy.management() as client:
        client.send(prepared("$1", parameters=struct.pack("!HI", 1, 1) + b"x"))
        assert client.error()["C"] == "0A000"
        client.read_until("Z")
        client.send(prepared(failure("nobody", "denied")))
        assert client.error()["M"] == "Notify failed: waiter `nobody` not registered"


def test_terminate(proxy):
    with proxy.management() as client:
        client.send(message("X"))
        assert client.is_closed()


def test_garbage_at_the_management_port(make_proxy, postgres):
    make_proxy.expected_errors.append("protocol violation")
    proxy = make_proxy(default_config(postgres))
    for data in (b"GET / HTTP/1.1\r\n\r\n", b"\0\0\0\0", startup(user="sluice")[:-2] + b"xx"):
        with RawClient(proxy.management_port) as client:
            client.send(data)
            client.socket.shutdown(1)
            try:
                while client.socket.recv(4096):
                    pass
            except ConnectionResetError:
                pass
    with proxy.management() as client:
        client.send(query("x"))
        client.error()


# JWT, the default.


class Signer:
    """An Ed25519 key pair that makes tokens like those of sluice-auth."""

    def __init__(self, folder, name):
        self.private = folder / f"{name}.key"
        self.public = folder / f"{name}.pub"
        run("openssl", "genpkey", "-algorithm", "ed25519", "-out", self.private)
        run("openssl", "pkey", "-in", self.private, "-pubout", "-out", self.public)

    def token(self, header=None, **changes):
        header = header or {"alg": "EdDSA", "typ": "JWT"}
        now = int(time.time())
        claims = {
            "iss": "sluice-auth",
            "aud": "sluice-proxy:local",
            "scope": "management",
            "iat": now,
            "exp": now + 60,
            **changes,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        text = f"{encode(json.dumps(header).encode())}.{encode(json.dumps(claims).encode())}"
        return f"{text}.{encode(self.sign(text.encode()))}"

    def sign(self, data):
        source = self.private.with_suffix(".data")
        target = self.private.with_suffix(".sig")
        source.write_bytes(data)
        run(
            "openssl", "pkeyutl", "-sign", "-rawin", "-inkey", self.private,
            "-in", source, "-out", target,
        )  # fmt: skip
        return target.read_bytes()


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@pytest.fixture
def signer(tmp_path):
    return Signer(tmp_path, "management")


@pytest.fixture
def jwt_proxy(make_proxy, postgres, signer):
    config = default_config(postgres)
    config["link"]["instance"] = "local"
    del config["management"]["auth"]
    config["management"]["jwt_public_key"] = str(signer.public)
    return make_proxy(config)


def log_in(proxy, token):
    """Answers the request for a cleartext password with the token."""
    client = RawClient(proxy.management_port)
    client.send(startup(user="sluice", database="management"))
    assert client.read_until("R")[-1].body == struct.pack("!I", 3)
    client.send(message("p", c_string(token)))
    client.read_until("Z")
    return client


def test_a_token_opens_the_management_port(jwt_proxy, signer, postgres):
    wait = LinkWait(jwt_proxy)
    with log_in(jwt_proxy, signer.token()) as client:
        assert client.query(success(postgres, wait.session_id)) == [["ok"]]
    wait.client.read_until("Z")
    wait.close()
    done = psql(jwt_proxy, failure("x", "y"), PGPASSWORD=signer.token())
    assert "waiter `x` not registered" in done.stderr


def refused_tokens(signer, other):
    now = int(time.time())
    good = signer.token()
    head, body, signature = good.split(".")
    none_head = encode(b'{"alg":"none","typ":"JWT"}')
    return {
        "empty": "",
        "garbage": "x.y.z",
        "two parts": f"{head}.{body}",
        "signature cut": good[:-4],
        "no signature": f"{head}.{body}.",
        "algorithm none": f"{none_head}.{body}.",
        "algorithm none, old signature": f"{none_head}.{body}.{signature}",
        "other key": other.token(),
        "expired": signer.token(iat=now - 600, exp=now - 540),
        "without expiry": signer.token(exp=None),
        "valid for too long": signer.token(exp=now + 86400),
        "from the future": signer.token(iat=now + 3600, exp=now + 3660),
        "other audience": signer.token(aud="sluice-proxy:elsewhere"),
        "other issuer": signer.token(iss="somebody"),
        "other scope": signer.token(scope="read"),
        "too large": "a" * 200000,
    }


def test_tokens_that_open_nothing(jwt_proxy, make_proxy, signer, tmp_path):
    make_proxy.expected_errors.append("protocol violation")  # the token that is too large
    for name, token in refused_tokens(signer, Signer(tmp_path, "other")).items():
        with RawClient(jwt_proxy.management_port) as client:
            client.send(startup(user="sluice", database="management"))
            client.read_until("R")
            client.send(message("p", c_string(token)))
            error = client.error()
            assert error["S"] == "FATAL", name
            assert error["C"] in ("28P01", "28000", "08P01"), name
            assert client.is_closed(), name
        assert not token[20:] or token not in jwt_proxy.log.text(), "tokens are not for logs"
    with log_in(jwt_proxy, signer.token()):
        pass


def test_no_query_before_the_token(jwt_proxy, make_proxy):
    make_proxy.expected_errors.append("protocol violation")
    with RawClient(jwt_proxy.management_port) as client:
        client.send(startup(user="sluice", database="management") + query(failure("x", "y")))
        client.read_until("R")
        assert client.error()["S"] == "FATAL"
        assert client.is_closed()


def test_trust_is_for_loopback_only(make_proxy, postgres):
    config = default_config(postgres)
    port = config["management"]["listen"].rpartition(":")[2]
    config["management"]["listen"] = f"0.0.0.0:{port}"
    proxy = make_proxy(config, start=False)
    proxy.write_config()
    proxy.process.start()
    assert proxy.process.wait() != 0
    assert "trust" in proxy.process.log_text() and "loopback" in proxy.process.log_text()
