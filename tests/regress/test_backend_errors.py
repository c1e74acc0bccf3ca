"""Failing queries, vanishing clients and broken ones: what the client reads and what the log says."""

import random
import shutil
import signal
import socket
import struct
import subprocess

import psycopg
import pytest

from support import wire
from support.cluster import psql_environment
from support.waiting import wait_until

SEED = 20240307
ROUNDS = 1000


@pytest.fixture
def failing_backend(make_backend):
    """A test backend whose log may say that its handler failed."""
    make_backend.expected_errors += ["query handler failed"]
    return make_backend()


def test_errverbose(failing_backend):
    done = failing_backend.psql("fail", r"\errverbose", verbosity="default")
    first, _, verbose = done.stderr.partition("\n")
    assert first == "ERROR:  it broke"
    assert "ERROR:  XX000: it broke" in done.stdout + verbose


def test_two_bad_commands(failing_backend):
    """A failure of the handler is an ERROR in the log, a mistake of the client is none."""
    done = failing_backend.psql("fail", "typo", "echo alive")
    assert done.stdout == "alive\n"
    assert done.stderr.splitlines() == [
        "ERROR:  XX000: it broke",
        'ERROR:  42601: syntax error at or near "typo"',
    ]
    (line,) = failing_backend.log.at_level("error")
    assert (line["message"], line["reason"]) == ("query handler failed", "it broke")


def test_the_text_of_an_error_decides_nothing(failing_backend):
    """The predecessor ended a session whose error said "failed to run"."""
    with failing_backend.session() as client:
        for _ in range(2):
            client.send(wire.query("fail failed to run"))
            error = client.error()
            assert (error["S"], error["C"], error["M"]) == ("ERROR", "XX000", "failed to run")
            client.read_until("Z")
        assert client.query("echo alive") == [["alive"]]


def test_a_handler_that_throws(failing_backend):
    """An internal error: the client learns no more, the log says what it was."""
    with failing_backend.session() as client:
        client.send(wire.query("throw"))
        error = client.error()
        assert (error["S"], error["C"], error["M"]) == ("ERROR", "XX000", "internal error")
        client.read_until("Z")
        assert client.query("echo alive") == [["alive"]]
    (line,) = failing_backend.log.at_level("error")
    assert line["reason"] == "thrown on demand"


def test_a_handler_that_throws_at_the_login(make_backend):
    """The client is told that it is not its fault, and the log says it once."""
    make_backend.expected_errors += ["login could not be checked"]
    backend = make_backend()
    done = backend.psql("echo hello", user="throw")
    assert done.returncode == 2
    assert done.stderr.rstrip().endswith("FATAL:  internal error"), done.stderr
    backend.still_serves()
    (line,) = backend.log.at_level("error")
    assert (line["message"], line["reason"]) == ("login could not be checked", "thrown on demand")


def test_a_handler_that_throws_at_describe(failing_backend):
    """One failed statement, and the session goes on."""
    with failing_backend.connect() as connection:
        with pytest.raises(psycopg.errors.InternalError_, match="internal error"):
            connection.execute("throw_describe", prepare=True)
        assert connection.execute("echo alive", prepare=True).fetchone() == ("alive",)
    (line,) = failing_backend.log.at_level("error")
    assert (line["message"], line["reason"]) == ("query handler failed", "thrown on demand")


@pytest.mark.parametrize("tag", [b"\x01", b"p", b"?", b"\xff"])
def test_a_garbage_tag(make_backend, tag):
    """Exactly one ERROR line."""
    make_backend.expected_errors += ["protocol violation"]
    backend = make_backend()
    with backend.session() as client:
        client.send(tag + struct.pack("!I", 4))
        error = client.error()
        assert (error["S"], error["C"]) == ("FATAL", "08P01")
        assert error["M"] == f"invalid frontend message type {tag[0]}"
        assert client.is_closed()
    backend.still_serves()
    assert len(backend.log.at_level("error")) == 1


BAD_MESSAGES = {
    "length 0": b"Q" + struct.pack("!I", 0),
    "length 3": b"Q" + struct.pack("!I", 3),
    "over the limit": b"Q" + struct.pack("!I", (1 << 20) + 5),
    "the longest": b"Q\xff\xff\xff\xff",
    "a query without its end": wire.message("Q", b"echo hello"),
    "a query and more": wire.message("Q", b"echo hello\0more"),
}


@pytest.mark.parametrize("name", BAD_MESSAGES)
def test_a_bad_message(make_backend, name):
    make_backend.expected_errors += ["protocol violation"]
    backend = make_backend()
    with backend.session() as client:
        client.send(BAD_MESSAGES[name])
        error = client.error()
        assert (error["S"], error["C"]) == ("FATAL", "08P01")
        assert client.is_closed()
    backend.still_serves()
    assert len(backend.log.at_level("error")) == 1


def test_a_query_at_the_limit(backend):
    text = "echo " + "x" * ((1 << 20) - 6)
    with backend.session() as client:
        assert client.query(text) == [[text[5:]]]


def reset(client):
    """Closes with RST instead of FIN."""
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def vanish_at_login(backend, tls):
    data = wire.startup(user="app", database="app")
    client = backend.client()
    if tls:
        client.start_tls()
    client.send(data[: random.randrange(len(data))])
    return client


def vanish_in_a_query(backend, tls):
    client = backend.session(tls)
    return client.send(wire.query("sleep 1"))


def vanish_in_an_answer(backend, tls):
    client = backend.session(tls)
    client.send(wire.query("fill 8000000"))
    client.read_until("T")
    return client


def vanish_while_idle(backend, tls):
    return backend.session(tls)


def vanish_in_copy_out(backend, tls):
    client = backend.session(tls)
    client.send(wire.query("COPY numbers 8000000 TO STDOUT"))
    client.read_until("d")
    return client


def vanish_in_copy_in(backend, tls):
    client = backend.session(tls)
    client.send(wire.query("COPY sink FROM STDIN"))
    client.read_until("G")
    return client.send(wire.message("d", b"a line\n")[: random.randrange(1, 12)])


def vanish_in_copy_both(backend, tls):
    client = backend.session(tls)
    client.send(wire.query(random.choice(("COPY BOTH echo", "COPY BOTH flood"))))
    client.read_until("W")
    return client.send(wire.message("d", b"x" * 100))


WAYS = (
    vanish_at_login, vanish_in_a_query, vanish_in_an_answer, vanish_while_idle,
    vanish_in_copy_out, vanish_in_copy_in, vanish_in_copy_both,
)  # fmt: skip


def test_1000_vanishing_connections(tls_backend):
    """By FIN and by RST, at every stage, plain and encrypted: nothing of it is an error."""
    random.seed(SEED)
    files = tls_backend.open_files()
    for number in range(ROUNDS):
        client = random.choice(WAYS)(tls_backend, tls=random.random() < 0.5)
        random.choice((reset, type(client).close))(client)
    wait_until(lambda: tls_backend.sessions() == 0, what="all sessions have ended")
    wait_until(lambda: tls_backend.open_files() <= files, what="all sockets are closed")
    tls_backend.still_serves()
    tls_backend.log.assert_no_errors()


PGBENCH_CLIENTS = 10


def start_pgbench(backend, script, **options):
    return subprocess.Popen(
        ["pgbench", "-n", "-f", script, "-c", str(PGBENCH_CLIENTS), "-T", "600"]
        + [backend.conninfo(**options)],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env=psql_environment(),
    )  # fmt: skip


def test_1000_killed_clients(tls_backend, tmp_path):
    """pgbench dies by SIGKILL: every fifth one as it starts, the others with queries running."""
    script = tmp_path / "script.sql"
    script.write_text("echo hello;\nrows 5000;\nselect 1;\n")
    with tls_backend.session() as watcher:

        def others():
            return int(watcher.query("sessions")[0][0]) - 1

        for number in range(ROUNDS // PGBENCH_CLIENTS):
            options = {} if number % 2 else {"sslmode": "disable"}
            pgbench = start_pgbench(tls_backend, script, **options)
            if number % 5:
                wait_until(lambda: others() >= PGBENCH_CLIENTS, interval=0.001, what="at work")
            pgbench.send_signal(signal.SIGKILL)
            pgbench.wait()
        wait_until(lambda: others() == 0, what="all sessions have ended")
    tls_backend.still_serves()
    tls_backend.log.assert_no_errors()


def test_killed_standbys(tls_backend, tmp_path):
    """pg_receivewal dies by SIGKILL with its stream running: no error of the server either."""
    with tls_backend.session() as watcher:
        for number in range(100):
            folder = tmp_path / str(number)
            folder.mkdir()
            options = {} if number % 2 else {"sslmode": "disable"}
            standby = subprocess.Popen(
                ["pg_receivewal", "-D", folder, "--no-loop", "-d", tls_backend.conninfo(**options)],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                env=psql_environment(),
            )  # fmt: skip
            if number % 5:
                wait_until(lambda: any(folder.iterdir()), interval=0.001, what="WAL comes in")
            standby.send_signal(signal.SIGKILL)
            standby.wait()
            shutil.rmtree(folder)
        wait_until(lambda: watcher.query("sessions") == [["1"]], what="all sessions have ended")
    tls_backend.still_serves()
    tls_backend.log.assert_no_errors()
