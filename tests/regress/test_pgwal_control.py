"""Control files, history files and times: what pgwal reads and writes is what servers do."""

import re
import subprocess

import pytest

from support.pgwal import (
    control,
    control_file,
    edit_control,
    history_entries,
    rewrite_history,
    timestamps,
)
from support.postgres import PostgresServer, library_environment
from support.waiting import wait_until

pytestmark = pytest.mark.every_version

SETTINGS = """\
autovacuum = off
wal_level = logical
wal_log_hints = on
track_commit_timestamp = on
max_connections = 77
max_worker_processes = 9
max_wal_senders = 7
max_prepared_transactions = 3
max_locks_per_transaction = 65
"""
# What the functions tell and the file does not, or in another form.
VERSIONS = {
    "14": ("1300", "202107181"),
    "15": ("1300", "202209061"),
    "16": ("1300", "202307071"),
    "17": ("1700", "202406281"),
    "18": ("1800", "202506291"),
}
FIXED = {"max_data_alignment": "8", "wal_block_size": "8192"}


@pytest.fixture
def server(pg_version):
    server = PostgresServer(pg_version, settings=SETTINGS).create()
    yield server
    server.destroy()


def control_by_server(server):
    """All four pg_control_*() functions, as texts."""
    fields = {}
    with server.connect() as connection:
        for function in ("system", "checkpoint", "init", "recovery"):
            cursor = connection.execute(f"SELECT * FROM pg_control_{function}()")
            row = cursor.fetchone()
            fields |= {column.name: str(value) for column, value in zip(cursor.description, row)}
    return fields


def assert_control_is_the_servers(server):
    """Both read the same file; a server may write it between, so that it is read twice then."""
    while True:
        before = control_file(server).read_bytes()
        by_server, ours = control_by_server(server), control(server)
        if control_file(server).read_bytes() == before:
            break
    assert (by_server.pop("pg_control_version"), by_server.pop("catalog_version_no")) == VERSIONS[
        server.version
    ]
    for name, value in FIXED.items():
        assert by_server.pop(name) == value
    assert by_server == {name: ours[name] for name in by_server}
    assert ours["major"] == server.version
    return ours


def assert_survives_rewriting(server):
    """The file is the same after it was decoded and encoded."""
    before = control_file(server).read_bytes()
    edit_control(server)
    assert control_file(server).read_bytes() == before


def start_as_standby(server):
    """Archive recovery without anything to follow, until promoted."""
    server.stop("fast")
    (server.data / "standby.signal").touch()
    server.start()


def promote(server):
    assert server.scalar("SELECT pg_promote()")
    wait_until(lambda: not server.scalar("SELECT pg_is_in_recovery()"), what="the promotion")


def test_of_a_running_server(server):
    server.query("SELECT 1 FROM pg_logical_emit_message(true, 'a', 'b')")
    with server.connect() as connection:
        connection.execute("CREATE TABLE t AS SELECT generate_series(1, 1000)")
        connection.execute("CHECKPOINT")

    ours = assert_control_is_the_servers(server)

    assert ours["state"] == "in production"
    assert ours["wal_level"] == "logical"
    assert ours.get("checkpoint_wal_level", "logical") == "logical"
    assert ("checkpoint_wal_level" in ours) == (int(server.version) >= 17)
    for name, value in {
        "wal_log_hints": "True", "track_commit_timestamp": "True", "max_connections": "77",
        "max_worker_processes": "9", "max_wal_senders": "7", "max_prepared_xacts": "3",
        "max_locks_per_xact": "65",
    }.items():  # fmt: skip
        assert ours[name] == value


def test_a_server_takes_a_rewritten_file(server):
    server.stop("fast")
    assert control(server)["state"] == "shut down"
    assert_survives_rewriting(server)
    edit_control(server, time=1700000000)
    assert control(server)["pg_control_last_modified"] == "2023-11-14 22:13:20+00:00"
    server.start()

    assert control(server)["state"] == "in production"
    assert_control_is_the_servers(server)


def test_a_server_that_is_told_to_have_crashed_recovers(server):
    server.stop("fast")
    edit_control(server, state=6)
    server.start()

    assert "database system was not properly shut down" in server.log_path.read_text()
    assert server.scalar("SELECT 1") == 1


def test_in_recovery_and_on_new_timelines(server):
    start_as_standby(server)
    assert assert_control_is_the_servers(server)["state"] == "in archive recovery"
    server.stop("fast")
    assert control(server)["state"] == "shut down in recovery"
    assert_survives_rewriting(server)
    server.start()
    promote(server)
    server.query("SELECT 1 FROM pg_logical_emit_message(false, 'a', 'b')")
    start_as_standby(server)
    promote(server)
    with server.connect() as connection:
        connection.execute("CHECKPOINT")

    assert assert_control_is_the_servers(server)["timeline_id"] == "3"
    assert_histories_of_two_promotions(server)


def assert_histories_of_two_promotions(server):
    second, third = (server.data / "pg_wal" / f"0000000{n}.history" for n in (2, 3))
    for path in (second, third):
        assert rewrite_history(path) == path.read_text()
    entries = history_entries(third)
    assert history_entries(second) == entries[:1]
    assert [timeline for timeline, _, _ in entries] == ["1", "2"]
    lines = [line for line in third.read_text().splitlines() if line]
    assert entries == [tuple(line.split("\t")) for line in lines]
    assert {reason for _, _, reason in entries} == {"no recovery target specified"}


@pytest.mark.parametrize("time", [
    "4714-11-24 00:00:00+00 BC", "0001-12-31 23:59:59.999999+00 BC", "1582-10-15 12:00:00+00",
    "1969-12-31 23:59:59.9+00", "2000-01-01 00:00:00+00", "2026-11-28 04:48:08.25+00",
    "294276-12-31 23:59:59.999999+00", "2024-02-29 10:20:30.000001+00", "infinity", "-infinity",
])  # fmt: skip
def test_times_are_the_servers(postgres, time):
    microseconds, text = timestamps(time)[0]
    with postgres.connect() as connection:
        sent = connection.execute("SELECT encode(timestamptz_send(%s), 'hex')", [time]).fetchone()[0]
        connection.execute("SET datestyle = iso")
        said = connection.execute("SELECT %s::timestamptz::text", [time]).fetchone()[0]

    assert microseconds == int.from_bytes(bytes.fromhex(sent), "big", signed=True)
    assert text == said == time


def test_pg_controldata_says_the_same(server):
    """Only Debian's packages have the program."""
    program = server.bin / "pg_controldata"
    if not program.exists():
        assert server.version != "15"
        return
    server.stop("fast")
    output = subprocess.run(
        [program, server.data], check=True, capture_output=True, text=True,
        env={**library_environment(server.bin), "TZ": "UTC"},
    ).stdout  # fmt: skip
    said = dict(re.split(r":\s*", line, maxsplit=1) for line in output.splitlines())
    ours = control(server)

    on_off = {"True": "on", "False": "off"}
    expected = {
        "Database system identifier": ours["system_identifier"],
        "Database cluster state": ours["state"],
        "Latest checkpoint location": ours["checkpoint_lsn"],
        "Latest checkpoint's REDO location": ours["redo_lsn"],
        "Latest checkpoint's REDO WAL file": ours["redo_wal_file"],
        "Latest checkpoint's TimeLineID": ours["timeline_id"],
        "Latest checkpoint's PrevTimeLineID": ours["prev_timeline_id"],
        "Latest checkpoint's full_page_writes": on_off[ours["full_page_writes"]],
        "Latest checkpoint's NextXID": ours["next_xid"],
        "Latest checkpoint's NextOID": ours["next_oid"],
        "Latest checkpoint's NextMultiXactId": ours["next_multixact_id"],
        "Latest checkpoint's NextMultiOffset": ours["next_multi_offset"],
        "Latest checkpoint's oldestXID": ours["oldest_xid"],
        "Latest checkpoint's oldestXID's DB": ours["oldest_xid_dbid"],
        "Latest checkpoint's oldestActiveXID": ours["oldest_active_xid"],
        "Latest checkpoint's oldestMultiXid": ours["oldest_multi_xid"],
        "Latest checkpoint's oldestMulti's DB": ours["oldest_multi_dbid"],
        "Latest checkpoint's oldestCommitTsXid": ours["oldest_commit_ts_xid"],
        "Latest checkpoint's newestCommitTsXid": ours["newest_commit_ts_xid"],
        "Fake LSN counter for unlogged rels": ours["unlogged_lsn"],
        "Minimum recovery ending location": ours["min_recovery_end_lsn"],
        "Min recovery ending loc's timeline": ours["min_recovery_end_timeline"],
        "Backup start location": ours["backup_start_lsn"],
        "Backup end location": ours["backup_end_lsn"],
        "End-of-backup record required": {"False": "no"}[ours["end_of_backup_record_required"]],
        "wal_level setting": ours["wal_level"],
        "wal_log_hints setting": on_off[ours["wal_log_hints"]],
        "max_connections setting": ours["max_connections"],
        "max_worker_processes setting": ours["max_worker_processes"],
        "max_wal_senders setting": ours["max_wal_senders"],
        "max_prepared_xacts setting": ours["max_prepared_xacts"],
        "max_locks_per_xact setting": ours["max_locks_per_xact"],
        "track_commit_timestamp setting": on_off[ours["track_commit_timestamp"]],
        "Database block size": ours["database_block_size"],
        "Blocks per segment of large relation": ours["blocks_per_segment"],
        "Bytes per WAL segment": ours["bytes_per_wal_segment"],
        "Maximum length of identifiers": ours["max_identifier_length"],
        "Maximum columns in an index": ours["max_index_columns"],
        "Maximum size of a TOAST chunk": ours["max_toast_chunk_size"],
        "Size of a large-object chunk": ours["large_object_chunk_size"],
        "Data page checksum version": ours["data_page_checksum_version"],
    }
    assert {name: said[name] for name in expected} == expected
