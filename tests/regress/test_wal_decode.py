"""The decoder finds in the WAL of real servers what these servers find themselves."""

import random
import re
import subprocess

import pytest

from support.postgres import bin_folder
from support.wal import dump, lsn, records_from_pieces, verify
from support.wal_load import LoadedServer, run_load

pytestmark = pytest.mark.every_version

CRASHES_MAX = 6


@pytest.fixture(scope="module", params=[1, 16, 64], ids=lambda mib: f"{mib}MiB")
def server(request, pg_version):
    """A server whose WAL holds records of many kinds and a record that a crash cut."""
    server = LoadedServer(pg_version, request.param)
    server.crashes = 0
    try:
        server.create()
        run_load(server, 2000 if request.param == 1 else 200)
        while server.crashes < CRASHES_MAX and not overwritten(server):
            server.crash_within_a_record()
            server.crashes += 1
        server.checkpoint()
        server.end = server.flushed()
        yield server
    finally:
        server.destroy()


@pytest.fixture(scope="module")
def decoded(server):
    """What `wal dump` lists of the kept WAL."""
    records, end = dump(server.wal_folder, "--start", server.wal_start, "--end", server.end)
    assert end["reason"] in ("asked", "zeros"), end
    return records


def overwritten(server):
    """Records that a crash cut and the server put others in the place of."""
    records, _ = dump(server.wal_folder, "--start", server.wal_start)
    return [record["overwritten"] for record in records if "overwritten" in record]


def test_a_record_that_a_crash_cut_is_passed_over(server):
    lost = overwritten(server)

    assert lost, f"no crash of {server.crashes} cut a record"
    assert server.crashes >= 1


def test_the_load_has_records_of_many_kinds(server, decoded):
    kinds = {record["rmgr"] for record in decoded}

    assert kinds >= {
        "XLOG", "Transaction", "Storage", "Database", "Standby", "Heap2", "Heap", "Btree",
        "Hash", "Gin", "Gist", "Sequence", "SPGist", "BRIN", "LogicalMessage",
    }  # fmt: skip
    lengths = [record["length"] for record in decoded]
    assert max(lengths) > 2_000_000  # over whole segments of 1 MiB
    switches = [r for r in decoded if r["rmgr"] == "XLOG" and r["info"] & 0xF0 == 0x40]
    assert len(switches) >= 2
    assert all(lsn(record["next"]) % (server.segment_mib << 20) == 0 for record in switches)


def test_records_follow_each_other(decoded):
    for before, record in zip(decoded, decoded[1:]):
        assert record["prev"] == before["start"]
        page_header = lsn(record["start"]) - lsn(before["next"])
        if "overwritten" not in record:
            assert page_header in (0, 24, 40)


def test_pg_walinspect_finds_the_same(server, decoded):
    if int(server.version) < 15:
        assert not server.query("SELECT 1 FROM pg_available_extensions WHERE name ~ 'walinspect'")
        return
    server.execute("CREATE EXTENSION IF NOT EXISTS pg_walinspect")
    rows = server.query(
        "SELECT start_lsn::text, end_lsn::text, prev_lsn::text, xid::text, resource_manager,"
        " record_length FROM pg_get_wal_records_info(%s, %s)",
        server.wal_start, server.end,
    )  # fmt: skip

    ours = [
        (r["start"], r["next"], r["prev"], str(r["xid"]), r["rmgr"], r["length"]) for r in decoded
    ]
    assert_same(ours, rows)


def assert_same(ours, theirs):
    for index, (our, their) in enumerate(zip(ours, theirs)):
        assert our == their, f"record {index}"
    assert len(ours) == len(theirs)


def test_positions_that_the_server_told_are_record_starts(server, decoded):
    log = server.log_path.read_text()
    told = re.findall(r"redo (?:starts|done) at ([0-9A-F]+/[0-9A-F]+)", log)
    assert len(told) >= 2 * server.crashes

    starts = {record["start"] for record in decoded}
    assert set(server.positions) | set(told) <= starts


def test_pieces_of_random_size_give_the_same(server, decoded):
    seed = random.randrange(1 << 32)
    print("seed", seed)

    pieces = records_from_pieces(server.wal_folder, decoded[0]["start"], seed)

    ours = [
        (
            r["start"], r["next"], str(r["length"]), str(r["xid"]), str(r["rmgr_id"]),
            str(r["info"]), r["prev"], str(r["crc"]),
        )
        for r in decoded
    ]  # fmt: skip
    assert_same(ours, pieces[: len(ours)])


def test_verify_finds_the_folder_sound(server):
    report = verify(server.wal_folder)

    assert report["version"] == int(server.version)
    assert report["segment_bytes"] == server.segment_mib << 20
    assert lsn(report["timelines"][0]["end"]) >= lsn(server.end)


WALDUMP = re.compile(
    r"rmgr: (\S+) +len \(rec/tot\): +\d+/ *(\d+), tx: +(\d+), lsn: (\S+), prev (\S+),"
)


def waldump_lsn(text):
    return f"{int(text.split('/')[0], 16):X}/{int(text.split('/')[1], 16):X}"


def test_pg_waldump_finds_the_same(server, decoded):
    """Only Debian's PostgreSQL 15 brings a pg_waldump along."""
    program = bin_folder(server.version) / "pg_waldump"
    assert program.exists() or server.version != "15"
    if not program.exists():
        return
    listed = subprocess.run(
        [program, "-p", server.wal_folder, "-s", server.wal_start, "-e", server.end],
        capture_output=True, text=True, check=True, timeout=120,
    ).stdout  # fmt: skip

    theirs = [
        (waldump_lsn(start), waldump_lsn(prev), int(xid), rmgr, int(length))
        for rmgr, length, xid, start, prev in WALDUMP.findall(listed)
    ]
    assert_same([(r["start"], r["prev"], r["xid"], r["rmgr"], r["length"]) for r in decoded], theirs)
