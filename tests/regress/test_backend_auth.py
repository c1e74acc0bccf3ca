"""How clients prove to PostgresBackend who they are."""

import base64
import json
import time

import pytest

from support import wire
from support.processes import run


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


def make_token(private, folder, **claims):
    """A JWT that the server takes, but for the claims that are given."""
    now = int(time.time())
    claims = {
        "iss": "tests", "aud": "sluice-test-backend", "scope": "query", "iat": now, "exp": now + 50,
        **claims,
    }  # fmt: skip
    parts = [{"alg": "EdDSA", "typ": "JWT"}, claims]
    signed = ".".join(base64url(json.dumps(part).encode()) for part in parts)
    data, signature = folder / "signed", folder / "signature"
    data.write_text(signed)
    run("openssl", "pkeyutl", "-sign", "-rawin", "-inkey", private, "-in", data, "-out", signature)
    return signed + "." + base64url(signature.read_bytes())


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
