"""sluicectl wal craft on stock servers of every version and three segment sizes."""

import re

import pytest

from support.postgres import PASSWORD, PostgresServer
from support.wal import SHAPES, craft, craft_failure, dump, ends_of_wal, lsn

pytestmark = pytest.mark.every_version


@pytest.fixture(scope="module", params=[1, 16, 64], ids=lambda mib: f"{mib}MiB")
def server(request, pg_version):
    """A server whose WAL nobody else writes."""
    settings = "autovacuum = off\ncheckpoint_timeout = 1d\nbgwriter_delay = 10s\n"
    server = PostgresServer(pg_version, settings=settings, segment_mib=request.param).create()
    yield server
    server.destroy()


def last_redone_record(server):
    """Start of the last record that the server's recovery applied, by its log."""
    return lsn(re.findall(r"redo done at ([0-9A-F]+/[0-9A-F]+)", server.log_path.read_text())[-1])


def assert_shape(server, shape, crafted):
    """The WAL that was crafted is what the name says."""
    segment_bytes = server.segment_mib << 20
    starts = [lsn(text) for text in crafted["record_starts"]]
    end = lsn(crafted["end_of_wal"])
    assert crafted["segment_bytes"] == segment_bytes
    assert crafted["server_version_num"] // 10000 == int(server.version)
    for name in crafted["segments"]:
        assert (server.data / "pg_wal" / name).stat().st_size == segment_bytes
    assert starts == sorted(starts) and starts[-1] < end
    if "xlog_switch" in shape:
        assert end % segment_bytes == 0
        assert ((starts[-1] + 24) % 8192 == 0) == shape.endswith("page_boundary")
    elif "crossing" in shape:
        alone = shape.startswith("last")
        after = end if alone else starts[-1]
        assert starts[-1 if alone else -2] // segment_bytes + 1 == after // segment_bytes


@pytest.mark.parametrize("shape", SHAPES)
def test_the_end_is_found_from_every_start_and_is_where_recovery_ends(server, shape):
    crafted = craft(server, shape)
    assert_shape(server, shape, crafted)
    assert server.scalar("SELECT pg_current_wal_flush_lsn()::text") == crafted["end_of_wal"]
    server.stop("immediate")
    starts = [*crafted["record_starts"], crafted["end_of_wal"]]
    folder = server.data / "pg_wal"
    assert ends_of_wal(folder, starts) == [crafted["end_of_wal"]] * len(starts)
    for start in crafted["record_starts"]:
        assert dump(folder, "--start", start)[1]["end_of_wal"] == crafted["end_of_wal"]
    server.start()

    assert last_redone_record(server) == lsn(crafted["record_starts"][-1])


def test_nothing_is_left_in_the_database(server):
    relations = "SELECT count(*) FROM pg_class"
    before = server.scalar(relations)

    craft(server, "simple")

    assert server.scalar(relations) == before


def test_a_login_by_password_file(server, tmp_path):
    file = tmp_path / "password"
    file.write_text(PASSWORD + "\n")

    crafted = craft(
        server, "simple", f"host=127.0.0.1 port={server.port} user=postgres", "--password-file", file
    )

    assert lsn(crafted["end_of_wal"]) > 0


def test_a_server_that_refuses_is_quoted(server):
    error = craft_failure(server, "simple", f"host=127.0.0.1 port={server.port} user=nobody")
    assert "password" in error

    error = craft_failure(server, "last_wal_record_xlog_switch", user="app")
    assert "permission denied for function pg_switch_wal" in error
