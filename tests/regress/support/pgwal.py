"""sluice-test-pgwal: common/pgwal on the data directories of servers. Its commands are in
tests/support/test_pgwal/commands.hpp."""

import os
import shutil

from support.paths import binary
from support.processes import run


def _run(*arguments):
    return run(binary("sluice-test-pgwal"), "--", *arguments).stdout


def _pairs(output):
    return dict(line.split(" ", 1) for line in output.splitlines())


def control(server):
    """The fields of the control file by name, as texts."""
    return _pairs(_run("control", server.data))


def control_file(server):
    return server.data / "global" / "pg_control"


def edit_control(server, **fields):
    """Decodes the control file, changes fields and encodes it again."""
    _run("edit-control", server.data, *(f"{name}={value}" for name, value in fields.items()))


def _write(server, command, *arguments):
    said = _pairs(_run(command, server.data, *arguments))
    if os.getuid() == 0:
        for path in (server.data / "pg_wal").iterdir():
            shutil.chown(path, "postgres", "postgres")
    return said


def write_messages(server, count, average_bytes, switch_every=0):
    """Goes on with the WAL of a server that was shut down, which then looks crashed."""
    return _write(server, "messages", count, average_bytes, switch_every)


def write_checkpoint(server):
    """Adds a shutdown checkpoint to the WAL of a server that was shut down."""
    return _write(server, "checkpoint")


def write_online_checkpoint(server):
    """Adds messages and the checkpoint that began before them; the server then looks crashed."""
    return _write(server, "online-checkpoint")


def write_new_wal(server, position):
    """Takes the WAL away, and begins it at `position` with a control file made anew."""
    return _write(server, "new-wal", position)


def rewrite_history(path):
    """A history file, read and written again."""
    return _run("history", path)


def history_entries(path):
    """Timeline, end and reason of each line of a history file."""
    return [tuple(line.split(" ", 2)) for line in _run("history-of", path).splitlines()]


def timestamps(*texts):
    """Microseconds and text of each time."""
    lines = _run("timestamps", *texts).splitlines()
    return [(int(line.split(" ", 1)[0]), line.split(" ", 1)[1]) for line in lines]
