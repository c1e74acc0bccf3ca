"""COPY at PostgresBackend: out, in, and in both directions as replication uses it."""

import hashlib
import pathlib
import signal
import socket
import struct
import subprocess

import psycopg
import pytest

from support import wire
from support.cluster import psql_environment
from support.waiting import wait_until

BULK_BYTES = 200 << 20
WAL_START, WAL_BYTES = 0x1000000, 2 << 20
RECONNECTS = 500


def numbers(total):
    """What `COPY numbers` sends, in blocks: numbered lines, `total` bytes or a little more."""
    line = 102
    count = -(-total // line)
    for first in range(0, count, 10000):
        last = min(first + 10000, count)
        yield b"".join(b"%010d %s\n" % (n, b"abcdefghij" * 9) for n in range(first, last))


def checksum(blocks):
    digest = hashlib.sha256()
    for block in blocks:
        digest.update(block)
    return digest.hexdigest()


@pytest.fixture(scope="module")
def bulk_checksum():
    return checksum(numbers(BULK_BYTES))


def test_200_mb_out(either_backend, bulk_checksum):
    """Through psql, plain and encrypted: the same bytes, and the server keeps none of them."""
    before = either_backend.resident_bytes()
    psql = subprocess.Popen(
        [str(part) for part in either_backend.psql_command(f"COPY numbers {BULK_BYTES} TO STDOUT")],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=psql_environment(),
    )  # fmt: skip
    grown = 0
    digest = hashlib.sha256()
    while block := psql.stdout.read(4 << 20):
        digest.update(block)
        grown = max(grown, either_backend.resident_bytes() - before)
    psql.stdout.close()
    assert psql.wait() == 0
    assert digest.hexdigest() == bulk_checksum
    assert grown < 8 << 20


def test_out_to_a_client_that_waits(either_backend):
    """Back pressure: the server stops when nobody reads, and goes on where it was."""
    before = either_backend.resident_bytes()
    with either_backend.session(tls=either_backend.tls) as client:
        client.send(wire.query("COPY numbers 50000000 TO STDOUT"))
        assert client.read().tag == "H"
        with either_backend.session() as other:
            for _ in range(100):
                assert other.query("echo others are served") == [["others are served"]]
        assert either_backend.resident_bytes() - before < 8 << 20
        received = client.read_until("Z")
    data = [one.body for one in received if one.tag == "d"]
    assert checksum(data) == checksum(numbers(50000000))
    assert [one.tag for one in received[-3:]] == ["c", "C", "Z"]


def test_in(either_backend, tmp_path):
    """psql sends a file; the server has counted its lines and hashed its bytes."""
    path = tmp_path / "lines"
    path.write_bytes(b"".join(numbers(5_000_000)))
    done = either_backend.psql(rf"\copy sink FROM '{path}'", "checksum")
    tag, found = done.stdout.split("\n")[:2]
    assert tag == f"COPY {path.read_bytes().count(10)}", done.stderr
    assert found == checksum(numbers(5_000_000))


def test_psycopg_in_and_out(either_backend):
    with either_backend.connect() as connection:
        with connection.cursor().copy("COPY sink FROM STDIN") as copy:
            for block in numbers(1_000_000):
                copy.write(block)
        assert connection.execute("checksum").fetchone() == (checksum(numbers(1_000_000)),)
        with connection.cursor().copy("COPY numbers 1000000 TO STDOUT") as copy:
            assert checksum(copy) == checksum(numbers(1_000_000))
        assert connection.execute("echo after").fetchone() == ("after",)


def test_a_client_that_gives_up_its_copy(either_backend):
    with either_backend.connect() as connection:
        with pytest.raises(psycopg.errors.QueryCanceled, match="COPY from stdin failed"):
            with connection.cursor().copy("COPY sink FROM STDIN") as copy:
                copy.write(b"a line\n")
                raise psycopg.errors.QueryCanceled("changed my mind")
        assert connection.execute("echo alive").fetchone() == ("alive",)


def copy_data(payload):
    return wire.message("d", payload)


def copy_both(server, command="COPY BOTH echo", **options):
    """A raw client whose COPY in both directions has begun."""
    client = server.session(**options)
    client.send(wire.query(command))
    client.read_until("W")
    return client


def test_a_command_after_copy_both(either_backend):
    """The stream is whole again, twice."""
    with copy_both(either_backend, tls=either_backend.tls) as client:
        for number in range(2):
            for text in (b"one", b"two"):
                client.send(copy_data(text))
                assert client.read().body == text
            client.send(copy_data(b"three") + wire.message("c") + wire.query("echo next"))
            received = client.read_until("Z")
            assert [one.tag for one in received] == ["d", "c", "C", "Z"]
            assert received[0].body == b"three"
            assert client.rows(client.read_until("Z")) == [["next"]]
            if number == 0:
                client.send(wire.query("COPY BOTH echo"))
                client.read_until("W")


def test_a_client_that_only_writes(either_backend):
    """The other direction is stuck in what the client does not read; this one goes on."""
    total, payload = 0, b"x" * 60000
    with copy_both(either_backend, "COPY BOTH flood", tls=either_backend.tls) as client:
        while total < 32 << 20:
            client.send(copy_data(payload))
            total += len(payload)
        client.send(copy_data(b"end server"))
        wait_until(
            lambda: f"received {total} bytes" in either_backend.log.text(),
            what="the server has read everything",
        )
        received = client.read_until("c")
        assert {one.tag for one in received[:-1]} == {"d"}
        client.send(wire.message("c"))
        assert [one.tag for one in client.read_until("Z")] == ["C", "Z"]


def reset(client):
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def last_end(server, level):
    """The line about the end of a COPY stream; there is one and it has this level."""

    def line():
        lines = [line for line in server.log.lines() if "end" in line]
        assert len(lines) == 1, server.log.text()
        return lines[0]

    found = wait_until(line, what="the end is logged")
    assert found["level"] == level
    return found


# What the client sends, the line in the log (level, end), the tags that it reads, SQLSTATE.
ENDS = {
    "copy done": (wire.message("c"), "info", "copy_done", "cCZ", None),
    "copy fail": (wire.message("f", b"enough\0"), "info", "copy_fail", "EZ", "00000"),
    "server": (copy_data(b"end server"), "info", "server_initiated", "c", None),
    "refused": (copy_data(b"end refused"), "info", "failed", "EZ", "22023"),
    "internal": (copy_data(b"end internal"), "error", "failed", "EZ", "XX000"),
    "exception": (copy_data(b"end throw"), "error", "failed", "EZ", "XX000"),
}


@pytest.mark.parametrize("name", ENDS)
def test_ends_that_leave_the_session(make_backend, name):
    sent, level, end, tags, code = ENDS[name]
    make_backend.expected_errors += ["query handler failed"]
    backend = make_backend()
    with copy_both(backend) as client:
        client.send(sent)
        received = [client.read() for _ in tags]
        assert "".join(one.tag for one in received) == tags
        if code:
            assert wire.fields(received[0].body)["C"] == code
        if name == "server":
            # What was sent before the client saw the CopyDone is read over.
            client.send(copy_data(b"late") + wire.message("c"))
            assert [one.tag for one in client.read_until("Z")] == ["C", "Z"]
        assert client.query("echo alive") == [["alive"]]
    assert last_end(backend, level)["end"] == end


def terminate(client):
    client.send(wire.message("X"))
    assert client.read_all() == b""


def close(client):
    client.socket.shutdown(socket.SHUT_WR)
    assert client.read_all() == b""


@pytest.mark.parametrize(
    ("leave", "end"), [(terminate, "terminate"), (close, "eof"), (reset, "disconnected")]
)
def test_ends_without_an_answer(make_backend, leave, end):
    backend = make_backend()
    client = copy_both(backend)
    leave(client)
    assert last_end(backend, "info")["end"] == end
    client.close()
    wait_until(lambda: backend.sessions() == 0, what="the session has ended")
    backend.still_serves()


@pytest.mark.parametrize("tag", ["S", "Q", "\x01"])
def test_what_does_not_belong_into_the_stream(make_backend, tag):
    make_backend.expected_errors += ["protocol violation"]
    backend = make_backend()
    with copy_both(backend) as client:
        client.send(wire.message(tag, b"\0"))
        error = client.error()
        assert (error["S"], error["C"]) == ("FATAL", "08P01")
        assert client.is_closed()
    line = last_end(backend, "error")
    assert line["message"] == "protocol violation"
    assert line["reason"].startswith(f"unexpected message in COPY stream: type {ord(tag)}")


def test_shutdown_in_the_middle(make_backend):
    backend = make_backend()
    with copy_both(backend) as client:
        backend.process.signal(signal.SIGTERM)
        error = client.error()
        assert (error["S"], error["C"]) == ("FATAL", "57P01")
        assert client.is_closed()
    assert backend.process.wait(5) == 0
    assert last_end(backend, "info")["end"] == "cancelled"


class Receiver:
    """pg_receivewal, writing into a folder of its own."""

    def __init__(self, backend, folder, *arguments):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir()
        self.popen = subprocess.Popen(
            ["pg_receivewal", "-D", self.folder, "--no-loop", "--no-sync", "-v", *arguments]
            + ["-s", "1", "-d", backend.conninfo()],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            env=psql_environment(),
        )  # fmt: skip

    def received(self):
        """The WAL that it has written so far, without the zeros behind it."""
        for path in self.folder.iterdir():
            if path.name.startswith("000000010000000000000001"):
                return path.read_bytes()[:WAL_BYTES].rstrip(b"\0")
        return b""

    def wait_for_all(self):
        wait_until(lambda: len(self.received()) >= WAL_BYTES - 8, what="all WAL has arrived")
        assert self.received() == wal().rstrip(b"\0")

    def end(self, number):
        self.popen.send_signal(number)
        _, errors = self.popen.communicate(timeout=20)
        return self.popen.returncode, errors


def wal():
    positions = range(WAL_START, WAL_START + WAL_BYTES, 8)
    return struct.pack(f"!{len(positions)}Q", *positions)


def test_pg_receivewal_is_interrupted(make_backend, tmp_path):
    """The orderly end: CopyDone from both sides."""
    backend = make_backend(tls=True)
    receiver = Receiver(backend, tmp_path / "wal")
    receiver.wait_for_all()
    status, errors = receiver.end(signal.SIGINT)
    assert status == 0, errors
    assert "error" not in errors
    assert last_end(backend, "info")["end"] == "copy_done"


def test_pg_receivewal_stops_by_itself(make_backend, tmp_path):
    backend = make_backend()
    receiver = Receiver(backend, tmp_path / "wal", "--endpos", "0/1100000")
    _, errors = receiver.popen.communicate(timeout=20)
    assert receiver.popen.returncode == 0, errors
    assert last_end(backend, "info")["end"] == "copy_done"


def test_pg_receivewal_is_killed(make_backend, tmp_path):
    backend = make_backend()
    receiver = Receiver(backend, tmp_path / "wal")
    receiver.wait_for_all()
    receiver.end(signal.SIGKILL)
    assert last_end(backend, "info")["end"] in ("eof", "disconnected")
    wait_until(lambda: backend.sessions() == 0, what="the session has ended")


def test_pg_receivewal_and_a_server_that_stops(make_backend, tmp_path):
    backend = make_backend()
    receiver = Receiver(backend, tmp_path / "wal")
    receiver.wait_for_all()
    assert backend.stop() == 0
    _, errors = receiver.popen.communicate(timeout=20)
    assert "terminating connection due to administrator command" in errors
    assert last_end(backend, "info")["end"] == "cancelled"


def test_pg_receivewal_and_the_end_of_the_wal(make_backend, tmp_path):
    """The server ends the stream and keeps the connection: the client reads two tags, and goes."""
    backend = make_backend()
    receiver = Receiver(backend, tmp_path / "wal")
    receiver.wait_for_all()
    backend.psql("end_wal")
    _, errors = receiver.popen.communicate(timeout=20)
    assert "replication stream was terminated before stop point" in errors
    assert last_end(backend, "info")["end"] == "server_initiated"


def test_500_reconnects(make_backend):
    """Each with traffic both ways, and ended in another way: nothing of it stays behind."""
    make_backend.expected_errors += ["query handler failed"]
    backend = make_backend(tls=True)
    backend.still_serves()
    threads, files = backend.threads(), backend.open_files()
    endings = [sent for sent, *_ in ENDS.values()] + [wire.message("X"), b""]
    for number in range(RECONNECTS):
        with copy_both(backend, tls=number % 2 == 1) as client:
            client.send(copy_data(b"x" * 1000) * 5 + endings[number % len(endings)])
            if number % 3 == 0:
                reset(client)
    wait_until(lambda: backend.sessions() == 0, what="all sessions have ended")
    assert backend.threads() == threads
    wait_until(lambda: backend.open_files() <= files, what="all sockets are closed")
    backend.still_serves()
