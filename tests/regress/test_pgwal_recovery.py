"""WAL and control files made by pgwal: servers of every version recover from them."""

import re
import subprocess

import pytest

from support.pgwal import (
    control,
    write_checkpoint,
    write_messages,
    write_new_wal,
    write_online_checkpoint,
)
from support.postgres import PostgresServer, library_environment
from support.wal import lsn

pytestmark = pytest.mark.every_version

MESSAGES = 10_000
# Average length by segment size, so that the messages reach over two segment ends or more.
MESSAGE_BYTES = {1: 400, 16: 4_000, 64: 14_000}


@pytest.fixture(params=[1, 16, 64], ids=lambda mib: f"{mib}MiB")
def server(request, pg_version):
    """A server that was shut down, with a table."""
    server = PostgresServer(
        pg_version, settings="autovacuum = off\n", segment_mib=request.param
    ).create()
    with server.connect() as connection:
        connection.execute("CREATE TABLE t AS SELECT generate_series(1, 1000) AS n")
    server.stop("fast")
    yield server
    server.destroy()


def segments_between(server, first, last):
    return lsn(last) // (server.segment_mib << 20) - lsn(first) // (server.segment_mib << 20)


def log_after_start(server):
    """What the server logs from its start to its first connection."""
    server.log_path.write_text("")
    server.start()
    assert server.scalar("SELECT sum(n) FROM t") == 500_500
    return server.log_path.read_text()


def assert_takes_writes(server):
    with server.connect() as connection:
        connection.execute("INSERT INTO t VALUES (0)")
        connection.execute("CHECKPOINT")
    server.stop("immediate")
    server.start()
    assert server.scalar("SELECT count(*) FROM t") == 1001


def assert_recovered_to(log, written):
    assert "database system was not properly shut down" in log
    assert re.findall(r"redo starts at (\S+)", log) == [written["first_start"]]
    assert re.findall(r"redo done at (\S+)", log) == [written["last_start"]]


def dumped_messages(server, written):
    """The messages that pg_waldump finds; None where there is no pg_waldump."""
    program = server.bin / "pg_waldump"
    if not program.exists():
        assert server.version != "15"
        return None
    output = subprocess.run(
        [program, "-p", server.data / "pg_wal", "-s", written["first_start"],
         "-e", written["last_next"]],
        check=True, capture_output=True, text=True, env=library_environment(server.bin),
    ).stdout  # fmt: skip
    return re.findall(r'rmgr: LogicalMessage .* non-transactional, prefix "sluice test (\d+)"', output)


def test_a_server_recovers_messages_to_the_last(server):
    written = write_messages(server, MESSAGES, MESSAGE_BYTES[server.segment_mib])
    assert segments_between(server, written["first_start"], written["last_end"]) >= 2
    dumped = dumped_messages(server, written)
    assert dumped in (None, [str(n) for n in range(1, MESSAGES + 1)])

    assert_recovered_to(log_after_start(server), written)
    assert_takes_writes(server)


def test_a_server_recovers_over_switches_of_segments(server):
    written = write_messages(server, 40, 100, switch_every=10)
    assert segments_between(server, written["first_start"], written["last_start"]) == 3
    assert lsn(written["last_next"]) % (server.segment_mib << 20) == 0

    assert_recovered_to(log_after_start(server), written)
    assert_takes_writes(server)


def test_a_server_starts_from_a_checkpoint_of_ours(server):
    before = control(server)
    written = write_checkpoint(server)
    assert lsn(written["checkpoint_start"]) > lsn(before["checkpoint_lsn"])

    log = log_after_start(server)

    assert "not properly shut down" not in log
    by_server = server.query(
        "SELECT checkpoint_lsn::text, redo_lsn::text, next_xid FROM pg_control_checkpoint()"
    )[0]
    epoch, xid = before["next_xid"].split(":")
    assert by_server == (
        written["checkpoint_start"], written["checkpoint_start"], f"{epoch}:{int(xid) + 1000}",
    )  # fmt: skip
    assert_takes_writes(server)


@pytest.mark.parametrize("server", [1], indirect=True)
def test_a_server_recovers_from_an_online_checkpoint_of_ours(server):
    written = write_online_checkpoint(server)
    assert lsn(written["redo"]) < lsn(written["checkpoint_start"])

    log = log_after_start(server)

    assert re.findall(r"redo starts at (\S+)", log) == [written["redo"]]
    assert re.findall(r"redo done at (\S+)", log) == [written["checkpoint_start"]]
    assert_takes_writes(server)


def place_in_page(server, pages, offset):
    """A position in the next segment but one, which no file is of yet."""
    segment_bytes = server.segment_mib << 20
    segment = lsn(control(server)["checkpoint_lsn"]) // segment_bytes + 2
    position = segment * segment_bytes + pages * 8192 + offset
    return f"{position >> 32:X}/{position & 0xFFFFFFFF:X}"


@pytest.mark.parametrize(
    "server, pages, offset",
    [(1, 0, 40), (1, 0, 4096), (1, 5, 24), (16, 5, 4096), (64, 5, 8184)],
    indirect=["server"],
)
def test_a_server_starts_from_wal_and_control_file_of_ours(server, pages, offset):
    before = control(server)
    position = place_in_page(server, pages, offset)
    written = write_new_wal(server, position)
    assert written["checkpoint_start"] == position

    log = log_after_start(server)

    assert "not properly shut down" not in log
    assert server.scalar("SELECT checkpoint_lsn::text FROM pg_control_checkpoint()") == position
    identifier = server.scalar("SELECT system_identifier::text FROM pg_control_system()")
    assert identifier == before["system_identifier"]
    assert_takes_writes(server)
