"""sluice-auth with a broken database or a full disk: it says why, and writes nothing by halves."""

import os
import shutil
import sqlite3

import pytest

from support.paths import binary
from support.processes import Process, is_running, run
from support.waiting import wait_until


@pytest.fixture
def stopped(make_cluster):
    """A cluster whose sluice-auth was stopped, its database complete."""
    cluster = make_cluster()
    cluster.up()
    cluster.down()
    cluster.database = cluster.directory / "auth" / "auth.db"
    return cluster


def start_auth(cluster, *wrapper):
    """Starts sluice-auth by hand, with its output in a file."""
    command = [*wrapper, binary("sluice-auth"), "--config", cluster.directory / "auth.yaml"]
    return Process(command, cluster.folder / "auth.out").start()


def refusal(cluster, *wrapper):
    """What sluice-auth said when it refused to start."""
    process = start_auth(cluster, *wrapper)
    assert process.wait(20) not in (0, -6, -11), process.log_text()
    return process.log_text()


def remove_journal(database):
    for suffix in ("-wal", "-shm", "-journal"):
        database.with_name(database.name + suffix).unlink(missing_ok=True)


def test_a_database_overwritten_with_garbage(stopped):
    remove_journal(stopped.database)
    content = os.urandom(stopped.database.stat().st_size)
    stopped.database.write_bytes(content)
    text = refusal(stopped)
    assert "auth.db" in text and "not a database" in text
    assert stopped.database.read_bytes() == content, "a broken file is evidence; it stays"


def test_a_database_with_damaged_pages(stopped):
    remove_journal(stopped.database)
    size = stopped.database.stat().st_size
    with open(stopped.database, "r+b") as file:
        for offset in range(4096 + 8, size, 4096):
            file.seek(offset)
            file.write(b"\xde\xad\xbe\xef" * 64)
    text = refusal(stopped)
    assert "auth.db" in text and "damaged" in text


def test_a_database_cut_short(stopped):
    remove_journal(stopped.database)
    os.truncate(stopped.database, stopped.database.stat().st_size // 2)
    text = refusal(stopped)
    assert "auth.db" in text


def test_a_database_of_a_newer_version(stopped):
    with sqlite3.connect(stopped.database) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        connection.execute(f"PRAGMA user_version = {version + 1000}")
    connection.close()
    text = refusal(stopped)
    assert "auth.db" in text and "newer" in text


def test_a_missing_sealing_key(stopped):
    (stopped.directory / "keys" / "seal.key").unlink()
    assert "seal.key" in refusal(stopped)


def test_another_sealing_key(stopped):
    key = stopped.directory / "keys" / "seal.key"
    right = key.read_text()
    key.write_text("ab" * 32 + "\n")
    text = refusal(stopped)
    assert "auth.db" in text and "seal.key" in text and "another key" in text
    key.write_text(right)
    process = start_auth(stopped)
    process.wait_ready(stopped.auth_admin.is_ready)
    process.stop()


def in_small_file_system(cluster, size, script=""):
    """Runs a command with the database in a file system of this size, in a mount namespace."""
    folder = cluster.directory / "auth"
    saved = cluster.folder / "saved"
    shutil.copytree(folder, saved)
    unshare = ["unshare", "--mount"] if os.getuid() == 0 else ["unshare", "-r", "--mount"]
    commands = (
        f"mount -t tmpfs -o size={size} none '{folder}' && cp -a '{saved}'/. '{folder}' && {script}"
        ' exec "$@"'
    )
    return [*unshare, "sh", "-c", commands, "sh"]


def fill(folder):
    return f"{{ dd if=/dev/zero of='{folder}/filler' bs=1k 2>/dev/null || true; }} &&"


def test_a_full_disk_at_the_start(stopped):
    folder = stopped.directory / "auth"
    wrapper = in_small_file_system(stopped, "2m", fill(folder))
    text = refusal(stopped, *wrapper)
    assert "auth.db" in text and ("full" in text or "No space left" in text)


def test_a_disk_that_fills_up(stopped):
    """Writes fail with an error that says so; what was there stays, and reads go on."""
    wrapper = in_small_file_system(stopped, "2m")
    process = start_auth(stopped, *wrapper)
    try:
        process.wait_ready(stopped.auth_admin.is_ready)
        inside = f"/proc/{process.pid}/root{stopped.directory}/auth"
        run("sh", "-c", f"dd if=/dev/zero of='{inside}/filler' bs=1k 2>/dev/null; true")

        users = lambda: {
            user["email"] for user in stopped.api.get("/v1/users")["users"]
        }  # noqa: E731
        before = users()

        def add(number):
            body = {"email": f"u{number}@example.com", "password": "long enough password"}
            return stopped.api.call("POST", "/v1/users", body)

        added, status = set(), 201
        for number in range(2000):
            status, answer = add(number)
            if status != 201:
                break
            added.add(f"u{number}@example.com")
        assert status in (500, 503, 507), (status, answer)
        assert answer["error"]["code"] and answer["error"]["message"]
        assert users() == before | added, "nothing half-written, nothing lost"

        os.unlink(f"{inside}/filler")
        wait_until(lambda: add(5000)[0] == 201, what="writing works again")
        assert users() == before | added | {"u5000@example.com"}
    finally:
        process.stop()


def test_a_folder_that_cannot_be_written(stopped):
    """Not even by root: the file system is mounted read-only."""
    folder = stopped.directory / "auth"
    wrapper = in_small_file_system(stopped, "8m", f"mount -o remount,ro none '{folder}' &&")
    text = refusal(stopped, *wrapper)
    assert "auth.db" in text and "Read-only file system" in text


def test_killed_in_the_middle_of_writing(stopped):
    """kill -9 while users are added: every user that was confirmed is there afterwards."""
    confirmed = set()
    for round_number in range(3):
        process = start_auth(stopped)
        process.wait_ready(stopped.auth_admin.is_ready)
        for number in range(5):
            email = f"r{round_number}n{number}@example.com"
            status, _ = stopped.api.call(
                "POST", "/v1/users", {"email": email, "password": "long enough password"}
            )
            assert status == 201
            confirmed.add(email)
        process.popen.kill()
        process.wait()
    process = start_auth(stopped)
    process.wait_ready(stopped.auth_admin.is_ready)
    emails = {user["email"] for user in stopped.api.get("/v1/users")["users"]}
    assert confirmed <= emails
    process.stop()
    assert not is_running(process.pid)
