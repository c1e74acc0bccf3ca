"""`sluicectl up | status | down | logs | psql`: from nothing to a cluster, and back to nothing."""

import socket
import os
import re
import stat
import subprocess

import psycopg
import pytest

from support.cluster import psql_environment
from support.paths import ROOT, binary
from support.processes import is_running, run
from support.terminal import Terminal
from support.waiting import wait_until

SERVICES = ("proxy", "auth", "postgres")


def files_below(folder):
    return {
        path.relative_to(folder): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "postgres" not in path.relative_to(folder).parts
    }


@pytest.fixture
def fresh(make_cluster):
    cluster = make_cluster()
    cluster.printed = cluster.up().stdout
    return cluster


def test_up_says_how_to_go_on(fresh):
    email, password = fresh.first_sign_in()
    assert "psql " in fresh.printed and f"port={fresh.port('proxy')}" in fresh.printed
    assert fresh.web in fresh.printed
    assert email in fresh.printed and password in fresh.printed


def test_up_leaves_everything_ready(fresh):
    assert fresh.proxy_admin.is_ready() and fresh.proxy_admin.is_live()
    assert fresh.auth_admin.is_ready() and fresh.auth_admin.is_live()
    for name in SERVICES:
        assert is_running(fresh.pid(name)), name
    users = fresh.api.get("/v1/users")["users"]
    assert [user["email"] for user in users] == [fresh.first_sign_in()[0]]
    (target,) = fresh.api.get("/v1/targets")["targets"]
    assert target["name"] == "local" and target["port"] == fresh.port("postgres")
    assert "password" not in str(target)


def test_up_again_changes_nothing(fresh):
    pids = {name: fresh.pid(name) for name in SERVICES}
    settings = ("cluster.yaml", "proxy.yaml", "auth.yaml", "first-sign-in.txt")
    before = {name: fresh.read(name) for name in settings}
    again = fresh.up()
    assert {name: fresh.pid(name) for name in SERVICES} == pids
    assert {name: fresh.read(name) for name in settings} == before
    assert fresh.web in again.stdout
    assert len(fresh.api.get("/v1/users")["users"]) == 1
    assert len(fresh.api.get("/v1/grants")["grants"]) == 1


def test_up_starts_what_died(fresh):
    pid = fresh.pid("proxy")
    others = [fresh.pid(name) for name in ("auth", "postgres")]
    os.kill(pid, 9)
    wait_until(lambda: not is_running(pid), what="the proxy is dead")
    assert fresh.ctl("status", check=False).returncode != 0
    fresh.up()
    assert fresh.pid("proxy") != pid and fresh.proxy_admin.is_ready()
    assert [fresh.pid(name) for name in ("auth", "postgres")] == others


def test_what_a_person_edited_stays(fresh):
    path = fresh.directory / "proxy.yaml"
    fresh.down()
    path.write_text(path.read_text() + "\n# a note of the operator\n")
    edited = path.read_text()
    fresh.up()
    assert path.read_text() == edited


def test_status(fresh):
    shown = fresh.ctl("status").stdout
    for name in SERVICES:
        assert name in shown
    assert str(fresh.port("proxy")) in shown and str(fresh.pid("proxy")) in shown
    fresh.down()
    stopped = fresh.ctl("status", check=False)
    assert stopped.returncode != 0
    assert "not running" in stopped.stdout + stopped.stderr


def test_down_leaves_no_process_and_keeps_the_data(fresh):
    with psycopg.connect(
        host=str(fresh.directory / "run"),
        port=fresh.port("postgres"),
        user="postgres",
        dbname="app",
        autocommit=True,
    ) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    pids = [fresh.pid(name) for name in SERVICES]
    children = run("pgrep", "-P", pids[2], check=False).stdout.split()
    fresh.down()
    for pid in [*pids, *map(int, children)]:
        assert not is_running(pid)
    mentioned = run("pgrep", "-f", fresh.folder, check=False).stdout.split()
    assert [pid for pid in mentioned if is_running(pid)] == []

    fresh.up()
    with psycopg.connect(
        host=str(fresh.directory / "run"),
        port=fresh.port("postgres"),
        user="postgres",
        dbname="app",
    ) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)


def test_down_twice_is_harmless(fresh):
    fresh.down()
    fresh.down()


def test_destroy_removes_the_data(fresh):
    fresh.down("--destroy", "--yes")
    assert not fresh.directory.exists()


def test_destroy_without_a_terminal_needs_yes(fresh):
    refused = fresh.ctl("down", "--destroy", check=False, stdin=subprocess.DEVNULL)
    assert refused.returncode == 2 and "needs --yes" in refused.stderr
    assert is_running(fresh.pid("postgres")) and (fresh.directory / "cluster.yaml").exists()


def test_destroy_does_not_touch_what_up_did_not_make(make_cluster):
    cluster = make_cluster()
    cluster.directory.mkdir()
    precious = cluster.directory / "precious.txt"
    precious.write_text("not ours")
    cluster.ctl("down", "--destroy", "--yes", check=False)
    assert precious.read_text() == "not ours"
    precious.unlink()
    cluster.directory.rmdir()


def test_logs(fresh):
    for name in SERVICES:
        shown = fresh.ctl("logs", name).stdout
        assert shown and shown.splitlines()[-1] in fresh.log(name).text()


def test_logs_on_a_terminal_are_for_reading(fresh):
    command = [binary("sluicectl"), "logs", "--dir", fresh.directory, "proxy"]
    with Terminal(command) as shown:
        shown.expect(r"(?m)^\d{4}-\d\d-\d\d [\d:.]+Z INFO  listening  listener=")
        assert shown.wait() == 0
    with Terminal([*command, "--json"]) as raw:
        raw.expect('"message":"listening"')
        assert raw.wait() == 0
    with Terminal([*command, "-f"]) as followed:
        followed.expect("INFO  listening")
        followed.interrupt()
        assert followed.wait() != 0


def test_secrets_are_for_the_owner_only(fresh):
    secrets = (
        "ca/ca.key", "keys/management.key", "keys/seal.key", "keys/proxy.token",
        "keys/admin.token", "first-sign-in.txt", "tls/proxy.key",
    )  # fmt: skip
    for name in secrets:
        mode = stat.S_IMODE((fresh.directory / name).stat().st_mode)
        assert mode & 0o077 == 0, f"{name} has mode {mode:o}"
    database = stat.S_IMODE((fresh.directory / "auth" / "auth.db").stat().st_mode)
    assert database & 0o077 == 0


def test_no_secret_is_logged(fresh):
    _, password = fresh.first_sign_in()
    for name in ("proxy", "auth"):
        text = fresh.log(name).text()
        for secret in (password, fresh.read("keys/admin.token"), fresh.read("keys/proxy.token")):
            assert secret not in text


def test_a_folder_that_the_database_user_cannot_reach(make_cluster):
    """A data directory below a home folder of mode 700, as root has one."""
    cluster = make_cluster()
    cluster.folder.chmod(0o700)
    cluster.up()
    assert cluster.proxy_admin.is_ready() and is_running(cluster.pid("postgres"))
    data = (cluster.directory / "postgres").resolve()
    assert (data / "PG_VERSION").exists()
    cluster.down("--destroy", "--yes")
    assert not data.exists() and not cluster.directory.exists()


def test_default_folder_is_below_the_current_one(tmp_path):
    """Nothing is started: status only says that there is nothing."""
    done = subprocess.run(
        [binary("sluicectl"), "status"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert ".sluice" in done.stdout + done.stderr


def test_a_taken_port_is_named(make_cluster):
    cluster = make_cluster()
    cluster.up()
    cluster.down()
    port = cluster.port("auth")
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", port))
        taken.listen()
        done = cluster.ctl("up", check=False)
    assert done.returncode != 0
    assert str(port) in done.stdout + done.stderr


def test_administration_on_the_command_line(fresh):
    add_user = ("user", "add", "bob@example.com", "--password-file", "-")
    fresh.ctl(*add_user, input="a long enough password\n")
    fresh.ctl("grant", "add", "bob@example.com", "--role", "app", "--target", "local")
    emails = {user["email"] for user in fresh.api.get("/v1/users")["users"]}
    assert "bob@example.com" in emails
    assert any(g["user"] == "bob@example.com" for g in fresh.api.get("/v1/grants")["grants"])
    again = fresh.ctl(*add_user, input="a long enough password\n", check=False)
    assert again.returncode != 0 and "exists" in again.stderr


def test_the_up_script_knows_the_options_of_sluicectl():
    """It checks their names itself, so that a slip is not noticed after minutes of building."""
    shown = set(re.findall(r"--[a-z-]+", run(binary("sluicectl"), "up", "--help").stdout))
    script = (ROOT / "scripts" / "up").read_text()
    known = re.search(r"with_value=\(([^)]*)\)", script).group(1).split()
    assert {*known, "--free-ports"} == shown - {"--help"}


def test_a_second_target_locks_nobody_out(fresh):
    """Clients that name no target are told how to; what `up` and `psql` do works on."""
    added = fresh.ctl("target", "add", "shop", "--host", "127.0.0.1")
    named = "sslmode=require options=target="
    assert f'port={fresh.port("proxy")} user=ROLE dbname=ROLE {named}shop"' in added.stdout
    with fresh.psql() as unnamed:
        unnamed.expect("FATAL:  several targets exist: name one")
        unnamed.expect("HINT:  Connect with options=target=NAME")
    assert f"dbname=app {named}local" in fresh.up().stdout
    command = [binary("sluicectl"), "psql", "--dir", fresh.directory]
    for more, target in ([], "local"), (["--target", "shop"], "shop"):
        with Terminal([*command, *more], psql_environment()) as psql:
            psql.expect(f"DETAIL:  Requested: role app, database app, target {target},")


def test_a_grant_for_a_role_without_password_warns(fresh):
    email, _ = fresh.first_sign_in()
    where = ("--target", "local")
    warned = fresh.ctl("grant", "add", email, "--role", "postgres", *where)
    assert "sluicectl target set-role local postgres" in warned.stderr
    fine = fresh.ctl("grant", "add", email, "--role", "app", "--database", "app", *where)
    assert fine.stderr == ""





def test_the_up_script_knows_the_options_of_sluicectl():
    """It checks their names itself, so that a slip is not noticed after minutes of building."""
    shown = set(re.findall(r"--[a-z-]+", run(binary("sluicectl"), "up", "--help").stdout))
    script = (ROOT / "scripts" / "up").read_text()
    known = re.search(r"with_value=\(([^)]*)\)", script).group(1).split()
    assert {*known, "--free-ports"} == shown - {"--help"}


def test_removing_a_target_asks_for_its_grants_too(fresh):
    email, _ = fresh.first_sign_in()
    fresh.ctl("target", "add", "shop", "--host", "127.0.0.1")
    for role in ("a", "b"):
        fresh.ctl("grant", "add", email, "--role", role, "--target", "shop")
    remove = ("target", "remove", "shop")
    refused = fresh.ctl(*remove, check=False, stdin=subprocess.DEVNULL)
    assert refused.returncode == 2 and "needs --yes" in refused.stderr
    assert "target shop and 2 grants of it" in refused.stderr
    assert len(fresh.api.get("/v1/grants")["grants"]) == 3
    assert fresh.ctl(*remove, "--yes").stdout == "Removed target shop and 2 grants of it.\n"
    assert len(fresh.api.get("/v1/grants")["grants"]) == 1
    fresh.ctl("target", "add", "shop", "--host", "127.0.0.1")
    assert fresh.ctl(*remove).stdout == "Removed target shop.\n"


def test_files_of_a_cluster_that_is_down_do_not_change(fresh):
    fresh.down()
    before = files_below(fresh.directory)
    fresh.ctl("status", check=False)
    assert files_below(fresh.directory) == before
