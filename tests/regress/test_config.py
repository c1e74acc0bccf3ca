"""Wrong configuration: the error names file, line and key, and --check-config finds it before."""

import pytest

from support.certificates import Authority
from support.paths import binary
from support.processes import run
from support.proxy import check_config

PROXY = """\
listeners:
  - name: main
    listen: 127.0.0.1:0
    auth: link
management:
  listen: 127.0.0.1:0
  auth: trust
  allowed_targets: ["127.0.0.1:*"]
link:
  url: http://127.0.0.1:8480/s/
  timeout: 2m
admin: {listen: "127.0.0.1:0"}
"""

# name -> (text to replace, replacement, line of the error, words of the error)
WRONG = {
    "unknown key": ("timeout: 2m", "time_out: 2m", 11, ["link", "time_out", "timeout"]),
    "unknown section": ("admin: {", "adminn: {", 12, ["adminn"]),
    "wrong unit": ("timeout: 2m", "timeout: 2 fortnights", 11, ["link.timeout"]),
    "negative time": ("timeout: 2m", "timeout: -5s", 11, ["link.timeout"]),
    "unknown word": ("auth: link", "auth: lnk", 4, ["auth", "lnk", "forward"]),
    "no port": ("listen: 127.0.0.1:0\n    auth", "listen: 127.0.0.1\n    auth", 3, ["listen"]),
    "port too large": ('"127.0.0.1:0"}', '"127.0.0.1:65536"}', 12, ["admin.listen"]),
    "list instead of text": ("url: http://127.0.0.1:8480/s/", "url: [a, b]", 10, ["link.url"]),
    "text instead of section": ('admin: {listen: "127.0.0.1:0"}', "admin: yes", 12, ["admin"]),
    "number out of range": ("timeout: 2m", "timeout: 2m\n  max_pending: -1", 12, ["max_pending"]),
    "bad target": ('"127.0.0.1:*"', '"127.0.0.1/99:*"', 8, ["allowed_targets"]),
    "no public key": (
        "  auth: trust",
        "  auth: jwt\n  jwt_public_key: no.pub",
        8,
        ["management.jwt_public_key", "no.pub"],
    ),
    "no token": (
        "timeout: 2m",
        "api: http://127.0.0.1:1\n  api_token_file: no.token",
        12,
        ["link.api_token_file", "no.token"],
    ),
    "no CA of the API": ("timeout: 2m", "api_ca: no.crt", 11, ["link.api_ca", "no.crt"]),
    "no CA of computes": ("timeout: 2m", "compute_ca: no.crt", 11, ["link.compute_ca", "no.crt"]),
    "no certificate": (
        "auth: link",
        "tls: {certificate: no.crt, key: no.key, required: true}",
        4,
        ["listeners[0].tls", "no.crt"],
    ),
}


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "proxy.yaml"
    path.write_text(PROXY)
    return path


def test_a_right_configuration(config):
    code, text = check_config("sluice-proxy", config)
    assert code == 0, text


@pytest.mark.parametrize("name", WRONG)
def test_an_error_names_file_line_and_key(config, name):
    old, new, line, words = WRONG[name]
    assert PROXY.count(old) == 1
    config.write_text(PROXY.replace(old, new))
    code, text = check_config("sluice-proxy", config)
    assert code not in (0, -6, -11)
    assert f"proxy.yaml:{line}" in text
    for word in words:
        assert word in text


def test_yaml_that_is_none(config):
    config.write_text("listeners:\n  - name: [unfinished\n")
    code, text = check_config("sluice-proxy", config)
    assert code not in (0, -6, -11) and "proxy.yaml:" in text


def test_an_empty_file(config):
    config.write_text("")
    code, text = check_config("sluice-proxy", config)
    assert code not in (0, -6, -11) and "proxy.yaml" in text


def test_a_missing_file(config):
    code, text = check_config("sluice-proxy", config.with_name("missing.yaml"))
    assert code not in (0, -6, -11) and "missing.yaml" in text


def test_a_forward_listener_needs_a_compute_that_exists(config):
    config.write_text(PROXY.replace("auth: link", "auth: forward\n    compute: nowhere"))
    code, text = check_config("sluice-proxy", config)
    assert code != 0 and "proxy.yaml:5" in text and "nowhere" in text


def test_a_certificate_that_is_missing(config):
    tls = "auth: link\n    tls: {certificate: no.crt, key: no.key}"
    config.write_text(PROXY.replace("auth: link", tls))
    code, text = check_config("sluice-proxy", config)
    assert code != 0 and "no.crt" in text


def test_a_key_of_another_certificate(config, tmp_path):
    authority = Authority(tmp_path / "tls")
    certificate, _ = authority.issue("one")
    _, key = authority.issue("two")
    tls = f"auth: link\n    tls: {{certificate: {certificate}, key: {key}}}"
    config.write_text(PROXY.replace("auth: link", tls))
    code, text = check_config("sluice-proxy", config)
    assert code != 0 and ("one.crt" in text or "two.key" in text)


def test_trust_at_an_open_address(config):
    wide = PROXY.replace(
        "listen: 127.0.0.1:0\n  auth: trust", "listen: 0.0.0.0:7000\n  auth: trust"
    )
    assert wide != PROXY
    config.write_text(wide)
    code, text = check_config("sluice-proxy", config)
    assert code != 0 and "management" in text and "loopback" in text


def test_a_wrong_configuration_does_not_start(config):
    config.write_text(PROXY.replace("timeout: 2m", "time_out: 2m"))
    done = run(binary("sluice-proxy"), "--config", config, check=False)
    assert done.returncode != 0
    assert "proxy.yaml:11" in done.stdout + done.stderr


def test_the_configuration_that_up_writes_is_right(cluster):
    for name in ("proxy", "auth"):
        code, text = check_config(f"sluice-{name}", cluster.directory / f"{name}.yaml")
        assert code == 0, text


def test_auth_names_its_errors_too(cluster, tmp_path):
    text = (cluster.directory / "auth.yaml").read_text()
    wrong = cluster.directory / "wrong.yaml"
    wrong.write_text(text + "\nextra_key: 1\n")
    code, output = check_config("sluice-auth", wrong)
    assert code not in (0, -6, -11)
    assert f"wrong.yaml:{len(text.splitlines()) + 2}" in output and "extra_key" in output


@pytest.mark.parametrize("file", ["seal.key", "management.key", "admin.token"])
def test_auth_reads_the_files_it_names(cluster, file):
    lines = (cluster.directory / "auth.yaml").read_text().splitlines()
    number = next(i for i, line in enumerate(lines, 1) if f"keys/{file}" in line)
    lines[number - 1] = lines[number - 1].replace(f"keys/{file}", "keys/missing")
    wrong = cluster.directory / "missing.yaml"
    wrong.write_text("\n".join(lines))
    code, output = check_config("sluice-auth", wrong)
    assert code == 1
    assert f"missing.yaml:{number}" in output and "keys/missing" in output


@pytest.mark.parametrize("program", ["sluice-proxy", "sluice-auth", "sluicectl"])
def test_help_and_version(program):
    assert "--" in run(binary(program), "--help").stdout
    assert any(c.isdigit() for c in run(binary(program), "--version").stdout)
    wrong = run(binary(program), "--no-such-option", check=False)
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("error: ") and "--no-such-option" in wrong.stderr


@pytest.mark.parametrize("program", ["sluice-proxy", "sluice-auth"])
def test_without_a_configuration(program):
    done = run(binary(program), check=False)
    assert done.returncode == 2 and done.stderr.startswith("error: --config is required")
