"""How clients prove to PostgresBackend who they are."""

import base64
import json
import os
import struct
import time

import psycopg
import pytest

from support import wire
from support.cutting_relay import CuttingRelay, Record
from support.postgres import PASSWORD
from support.processes import run
from support.waiting import wait_until

CLEARTEXT, MD5, SASL = 3, 5, 10


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """(private, public) PEM files of an Ed25519 key pair."""
    folder = tmp_path_factory.mktemp("keys")
    private, public = folder / "token.key", folder / "token.pub"
    run("openssl", "genpkey", "-algorithm", "ed25519", "-out", private)
    run("openssl", "pkey", "-in", private, "-pubout", "-out", public)
    return private, public


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sign(private, folder, claims):
    """A JWT with these claims."""
    parts = [{"alg": "EdDSA", "typ": "JWT"}, claims]
    signed = ".".join(base64url(json.dumps(part).encode()) for part in parts)
    data, signature = folder / "signed", folder / "signature"
    data.write_text(signed)
    run("openssl", "pkeyutl", "-sign", "-rawin", "-inkey", private, "-in", data, "-out", signature)
    return signed + "." + base64url(signature.read_bytes())


def make_token(private, folder, **claims):
    """A JWT that the server takes, but for the claims that are given."""
    now = int(time.time())
    claims = {
        "iss": "tests", "aud": "sluice-test-backend", "scope": "query", "iat": now, "exp": now + 50,
        **claims,
    }  # fmt: skip
    return sign(private, folder, claims)


def test_a_good_token(make_backend, keys, tmp_path):
    backend = make_backend(tls=True, auth="jwt", token_key=keys[1])
    token = make_token(keys[0], tmp_path)
    done = backend.psql("echo hello", environment={"PGPASSWORD": token})
    assert (done.returncode, done.stdout) == (0, "hello\n"), done.stderr


def test_bad_tokens(make_backend, keys, tmp_path):
    backend = make_backend(auth="jwt", token_key=keys[1])
    token = make_token(keys[0], tmp_path)
    bad = {
        "no token": "let me in",
        "another scope": make_token(keys[0], tmp_path, scope="drop"),
        "too old": make_token(keys[0], tmp_path, iat=1000, exp=1050),
        "another signature": token[:-4] + ("AAAA" if token[-4:] != "AAAA" else "BBBB"),
        "another algorithm": base64url(b'{"alg":"none"}') + token[token.index(".") :],
    }
    for name, password in bad.items():
        done = backend.psql("echo hello", environment={"PGPASSWORD": password})
        assert (done.returncode, done.stdout) == (2, ""), name
        assert "FATAL:  JWT authentication error" in done.stderr, name
    done = backend.psql("echo hello", environment={"PGPASSWORD": token})
    assert done.returncode == 0, done.stderr


OURS, OTHERS = "9e4c8f36063c6c6e93bc20d65a820f3d", "112ded66422aa5e953e5440fa5427ac4"
TENANT = {"scope": "tenant", "tenant_id": OURS}


@pytest.mark.parametrize(
    ("claims", "allowed"),
    [
        (TENANT, [f"tenant {OURS}"]),
        ({**TENANT, "endpoint_id": ""}, [f"tenant {OURS}"]),
        ({**TENANT, "exp": 4102444800}, [f"tenant {OURS}"]),
        ({"scope": "safekeeperdata"}, [f"tenant {OURS}", f"tenant {OTHERS}", "management"]),
        ({"scope": "pageserverapi", "tenant_id": OURS}, []),
        ({"scope": "admin"}, []),
    ],
)
def test_a_scope_decides_at_each_query(make_backend, keys, tmp_path, claims, allowed):
    """A query beyond the token's scope fails, and the session goes on."""
    backend = make_backend(tls=True, auth="jwt", token_key=keys[1], tenant_tokens=True)
    queries = [f"tenant {OURS}", f"tenant {OTHERS}", "management", "echo hello"]
    with backend.connect(password=sign(keys[0], tmp_path, claims)) as connection:
        for query in queries:
            if query in (*allowed, "echo hello"):
                assert connection.execute(query).fetchone() is not None, query
                continue
            with pytest.raises(psycopg.Error, match="JWT authentication error") as refused:
                connection.execute(query)
            assert refused.value.sqlstate == "28000", query


@pytest.mark.parametrize(
    "claims",
    [
        {"tenant_id": OURS},
        {"scope": "tenants", "tenant_id": OURS},
        {"scope": "tenant"},
        {"scope": "tenant", "tenant_id": OURS[:-1]},
        {"scope": "tenant", "tenant_id": 7},
        {**TENANT, "endpoint_id": "not a UUID"},
        {**TENANT, "exp": 1050},
        {**TENANT, "aud": "sluice-test-backend"},
    ],
)
def test_bad_tenant_tokens(make_backend, keys, tmp_path, claims):
    """No session begins, and the client does not learn why."""
    backend = make_backend(auth="jwt", token_key=keys[1], tenant_tokens=True)
    token = sign(keys[0], tmp_path, claims)
    done = backend.psql("echo hello", environment={"PGPASSWORD": token})
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith("FATAL:  JWT authentication error\n")
    good = sign(keys[0], tmp_path, TENANT)
    done = backend.psql(f"tenant {OURS}", environment={"PGPASSWORD": good})
    assert (done.returncode, done.stdout) == (0, "ok\n"), done.stderr


def test_without_a_password(make_backend, keys):
    """psql looks at the request and goes: no error of the server."""
    backend = make_backend(auth="jwt", token_key=keys[1])
    done = backend.psql("echo hello")
    assert done.returncode == 2
    assert "no password supplied" in done.stderr


def test_a_login_has_a_deadline(make_backend, keys):
    backend = make_backend(auth="jwt", token_key=keys[1], login_timeout=300)
    with backend.client() as client:
        client.send(wire.startup(user="app"))
        client.read_until("R")
        error = client.error()
        assert (error["S"], error["C"]) == ("FATAL", "57014")
        assert error["M"] == "canceling authentication due to timeout"
        assert client.is_closed()


def test_garbage_within_tls_instead_of_a_password(make_backend, keys):
    """A record that no key of the session made: this connection ends, and no other."""
    backend = make_backend(tls=True, auth="jwt", token_key=keys[1])
    with backend.client() as client:
        client.start_tls()
        client.send(wire.startup(user="app"))
        client.read_until("R")
        make_backend.expected_errors += ["connection failed"]
        os.write(client.socket.fileno(), b"\x17\x03\x03\x00\x20" + b"A" * 32)
        assert client.is_closed()
    assert asked_for(backend, "app") == CLEARTEXT


@pytest.fixture(scope="module")
def roles(postgres, tmp_path_factory):
    """A file with what a real server keeps of the passwords of `app` (SCRAM) and `old` (MD5)."""
    with postgres.connect() as connection:
        connection.execute("SET password_encryption = 'md5'")
        connection.execute(f"CREATE ROLE old LOGIN PASSWORD '{PASSWORD}'")
        rows = connection.execute(
            "SELECT rolname || ' ' || rolpassword FROM pg_authid WHERE rolname IN ('app', 'old')"
        ).fetchall()
        connection.execute("DROP ROLE old")
    assert len(rows) == 2
    path = tmp_path_factory.mktemp("roles") / "roles"
    path.write_text("".join(f"{row}\n" for (row,) in rows))
    return path


def asked_for(backend, role):
    """The code of the authentication request that a role gets."""
    with backend.client() as client:
        if backend.tls:
            client.start_tls()
        client.send(wire.startup(user=role))
        (received,) = client.read_until("R")
        return struct.unpack_from("!I", received.body)[0]


def assert_password_decides(backend, role):
    """The right one opens; a wrong one does not, and a role that is not there looks the same."""
    done = backend.psql("echo hello", environment={"PGPASSWORD": PASSWORD}, user=role)
    assert (done.returncode, done.stdout) == (0, "hello\n"), done.stderr
    for name in (role, "nobody"):
        done = backend.psql("echo hello", environment={"PGPASSWORD": "wrong"}, user=name)
        assert (done.returncode, done.stdout) == (2, "")
        assert f'FATAL:  password authentication failed for user "{name}"' in done.stderr
    done = backend.psql("echo hello", user=role)
    assert done.returncode == 2
    assert "no password supplied" in done.stderr


@pytest.mark.every_version
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize(
    ("method", "role", "code"),
    [
        ("cleartext", "app", CLEARTEXT),
        ("cleartext", "old", CLEARTEXT),
        ("md5", "old", MD5),
        ("md5", "app", SASL),
        ("scram", "app", SASL),
    ],
)
def test_passwords(make_backend, roles, method, role, code, tls):
    """Verified against what PostgreSQL stored. As there, SCRAM secrets are stronger than md5."""
    backend = make_backend(tls=tls, auth="password", password_method=method, roles=roles)
    assert asked_for(backend, role) == code
    assert_password_decides(backend, role)


def test_scram_for_a_role_without_its_secret(make_backend, roles):
    backend = make_backend(auth="password", password_method="scram", roles=roles)
    done = backend.psql("echo hello", environment={"PGPASSWORD": PASSWORD}, user="old")
    assert done.returncode == 2
    assert 'FATAL:  password authentication failed for user "old"' in done.stderr


def test_channel_binding(make_backend, roles):
    """SCRAM-SHA-256-PLUS ties the login to this server's certificate."""
    backend = make_backend(tls=True, auth="password", roles=roles)
    password = {"PGPASSWORD": PASSWORD}
    for binding in ("require", "prefer", "disable"):
        done = backend.psql("echo hello", environment=password, channel_binding=binding)
        assert (done.returncode, done.stdout) == (0, "hello\n"), done.stderr
    done = backend.psql(
        "echo hello", environment=password, channel_binding="require", sslmode="disable"
    )
    assert done.returncode == 2
    assert "channel binding" in done.stderr


def test_psycopg_with_scram(make_backend, roles):
    backend = make_backend(tls=True, auth="password", roles=roles)
    with backend.connect(password=PASSWORD, channel_binding="require") as connection:
        assert connection.execute("echo hello").fetchone() == ("hello",)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        backend.connect(password="wrong")


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_jdbc_with_scram(make_backend, roles, tls):
    """The driver does not bind channels: within TLS it takes the mechanism that does not."""
    backend = make_backend(tls=tls, auth="password", roles=roles)
    with CuttingRelay(backend.port, Record()) as relay:
        report = backend.jdbc(port=relay.port, password=PASSWORD)
    assert (report["simple"], report["after"]) == (["grüße"], ["after"])
    said = bytes(relay.mode.connections[0]["frontend"])
    assert (b"SCRAM-SHA-256\0" in said) != tls
    assert backend.jdbc(password="wrong") == {"refused": "28P01"}


@pytest.mark.parametrize("tag", ["Q", "X", "d"])
def test_something_else_than_a_password(make_backend, roles, tag):
    make_backend.expected_errors += ["protocol violation"]
    backend = make_backend(auth="password", roles=roles)
    with backend.client() as client:
        client.send(wire.startup(user="app"))
        client.read_until("R")
        client.send(wire.message(tag, b"\0"))
        error = client.error()
        assert (error["S"], error["C"]) == ("FATAL", "08P01")
        assert client.is_closed()
    assert len(backend.log.at_level("error")) == 1


def test_a_password_without_end(make_backend, roles):
    """Beyond 64 KiB nothing is read."""
    make_backend.expected_errors += ["protocol violation"]
    backend = make_backend(auth="password", password_method="cleartext", roles=roles)
    with backend.client() as client:
        client.send(wire.startup(user="app"))
        client.read_until("R")
        client.send(b"p" + struct.pack("!I", (64 << 10) + 5))
        error = client.error()
        assert (error["S"], error["C"]) == ("FATAL", "08P01")
        assert client.is_closed()
    assert len(backend.log.at_level("error")) == 1


def test_killed_in_the_middle_of_the_login(make_backend, roles):
    """A client that wants a password from its user first goes and comes back: no error."""
    backend = make_backend(auth="password", roles=roles)
    for _ in range(50):
        with backend.client() as client:
            client.send(wire.startup(user="app"))
            client.read_until("R")
    wait_until(lambda: backend.log.text().count('"message":"connection') >= 50, what="all ended")
    backend.log.assert_no_errors()
