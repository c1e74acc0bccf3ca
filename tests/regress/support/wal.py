"""sluicectl wal, as the tests call it."""

import json

from support.paths import binary
from support.processes import run

SHAPES = [
    "simple",
    "last_wal_record_xlog_switch",
    "last_wal_record_xlog_switch_ends_on_page_boundary",
    "wal_record_crossing_segment_followed_by_small_one",
    "last_wal_record_crossing_segment",
]


def lsn(text):
    """The number that a text like 0/16B3748 means."""
    high, low = text.split("/")
    return (int(high, 16) << 32) + int(low, 16)


def wal(*arguments, check=True):
    return run(binary("sluicectl"), "wal", *arguments, check=check)


def _craft(server, shape, connection, user, arguments, check):
    if connection is None:
        connection = f"host={server.socket_folder} port={server.port} user={user} dbname=postgres"
    return wal("craft", shape, "--json", "--connection", connection, *arguments, check=check)


def craft(server, shape, connection=None, *arguments):
    """Writes the shape on the server: what the command tells of it."""
    return json.loads(_craft(server, shape, connection, "postgres", arguments, True).stdout)


def craft_failure(server, shape, connection=None, user="postgres"):
    done = _craft(server, shape, connection, user, (), False)
    assert done.returncode == 1, done
    return done.stderr
