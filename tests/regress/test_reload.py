"""What changes while the proxy runs: certificates and settings, without losing a session."""

import shutil
import socket
import ssl

import pytest

from support.proxy import LinkWait, default_config, success
from support.waiting import wait_until
from support.wire import SSL_REQUEST, query


def served_certificate(port):
    """The certificate that a new connection is shown, as DER."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port), 10) as plain:
        plain.sendall(SSL_REQUEST)
        assert plain.recv(1) == b"S"
        with context.wrap_socket(plain) as tls:
            return tls.getpeercert(binary_form=True)


def der(path):
    return ssl.PEM_cert_to_DER_cert(path.read_text())


@pytest.fixture
def live(make_proxy, postgres):
    return make_proxy(default_config(postgres))


def test_a_new_certificate_is_served_and_sessions_live(live):
    port = live.port("through_tls")
    old = der(live.folder / "proxy.crt")
    assert served_certificate(port) == old
    with live.client("through_tls").start_tls().start(user="probe", database="app") as client:
        wait = LinkWait(live, "link")
        certificate, _ = live.authority.issue("proxy")
        assert live.reload() == "success"
        new = der(certificate)
        assert new != old
        wait_until(lambda: served_certificate(port) == new, what="the new certificate is served")
        assert served_certificate(live.port("link")) == new
        assert client.query("SELECT 'alive'") == [["alive"]]
        assert live.pending_links() == 1, "the waiting client is still waiting"
        wait.close()


def test_a_new_certificate_is_noticed_without_a_signal(live):
    """Tools that renew certificates only replace files."""
    certificate, _ = live.authority.issue("proxy")
    wait_until(
        lambda: served_certificate(live.port("through_tls")) == der(certificate),
        timeout=20,
        what="the new certificate is served",
    )


def test_a_broken_certificate_changes_nothing(live, make_proxy):
    make_proxy.expected_errors.append("not reloaded")
    port = live.port("through_tls")
    old = served_certificate(port)
    (live.folder / "proxy.crt").write_text("-----BEGIN CERTIFICATE-----\nnonsense\n")
    assert live.reload() == "failure"
    assert served_certificate(port) == old
    assert live.log.at_level("warn", "warning", "error")


def test_a_key_that_does_not_fit_changes_nothing(live, make_proxy):
    make_proxy.expected_errors.append("not reloaded")
    port = live.port("through_tls")
    old = served_certificate(port)
    _, key = live.authority.issue("other")
    shutil.copy(key, live.folder / "proxy.key")
    assert live.reload() == "failure"
    assert served_certificate(port) == old


def test_a_wrong_configuration_changes_nothing(live, make_proxy):
    make_proxy.expected_errors.append("not reloaded")
    live.config["link"]["time_out"] = "5s"
    live.write_config()
    assert live.reload() == "failure"
    messages = str(live.log.at_level("warn", "warning", "error"))
    assert "time_out" in messages and "proxy.yaml" in messages
    wait = LinkWait(live)
    wait.close()


def test_new_settings_are_used_by_new_links(live, postgres):
    old = LinkWait(live)
    assert "expires in 2m" in old.notice["M"]
    live.config["link"]["timeout"] = "5m"
    live.config["link"]["url"] = "https://link.example.com/s/"
    live.write_config()
    assert live.reload() == "success"
    new = LinkWait(live)
    assert "expires in 5m" in new.notice["M"]
    assert f"https://link.example.com/s/{new.session_id}" in new.notice["M"]
    with live.management() as management:
        for wait in (old, new):
            assert management.query(success(postgres, wait.session_id)) == [["ok"]]
            wait.client.read_until("Z")
            wait.close()


def test_what_needs_a_restart_is_named(live):
    """Once more after a second reload: the change is still not in force."""
    live.config["listeners"][0]["listen"] = "127.0.0.1:1"
    live.config["threads"] = 3
    live.write_config()
    for count in (1, 2):
        assert live.reload() == "success"
        wait_until(
            lambda: [line["keys"] for line in live.log.at_level("warn", "warning")]
            == ["listeners, threads"] * count,
            what="the log names what needs a restart",
        )


def test_allowed_targets_follow(live, postgres):
    live.config["management"]["allowed_targets"] = ["192.0.2.1:5432"]
    live.write_config()
    assert live.reload() == "success"
    wait = LinkWait(live)
    with live.management() as management:
        management.send(query(success(postgres, wait.session_id)))
        management.read_until("Z", "E")
    assert wait.client.error()["C"] == "28000"
    wait.close()
