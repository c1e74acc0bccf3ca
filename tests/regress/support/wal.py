"""sluicectl wal, and the WAL decoder's test program, as the tests call them."""

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


def lsn_text(number):
    return f"{number >> 32:X}/{number & 0xFFFFFFFF:X}"


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


def dump(folder, *arguments):
    """The records that `wal dump` lists, and what it tells of the end."""
    *records, end = map(json.loads, wal("dump", folder, "--json", *arguments).stdout.splitlines())
    return records, end


def verify(folder, *arguments):
    """What `wal verify` tells; its exit status has to agree."""
    done = wal("verify", folder, "--json", *arguments, check=False)
    report = json.loads(done.stdout)
    assert done.returncode == (0 if report["sound"] else 4), done
    return report


def records_from_pieces(folder, start, seed):
    """The records that the decoder finds when it is fed in pieces of random size: a tuple each."""
    done = run(binary("sluice-test-wal"), "records", folder, start, seed)
    return [tuple(line.split(" ")) for line in done.stdout.splitlines()]


def ends_of_wal(folder, starts):
    """Where find_end_of_wal() ends from each start."""
    done = run(binary("sluice-test-wal"), "ends", folder, *starts)
    return [line.split(" ")[1] for line in done.stdout.splitlines()]
