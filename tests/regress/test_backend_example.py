"""The service of docs/backend.md does what the page says, and ends as a service should."""

import re
import subprocess

import pytest

from support.cluster import psql_environment
from support.paths import binary
from support.processes import Process, resident_bytes

LISTENING = re.compile(r"^listening on (\d+)$", re.MULTILINE)


@pytest.fixture
def example(tmp_path):
    process = Process([binary("sluice-example-backend"), "0"], tmp_path / "example.log")
    process.start()
    process.wait_ready(lambda: LISTENING.search(process.log_text()))
    yield process
    assert process.stop() == 0


def psql_command(example, query):
    port = LISTENING.search(example.log_text()).group(1)
    conninfo = f"host=127.0.0.1 port={port} user=you dbname=any sslmode=disable gssencmode=disable"
    return ["psql", "-X", "-w", "-A", "-t", conninfo, "-c", query]


def test_query(example):
    psql = subprocess.run(
        psql_command(example, "select 1"), env=psql_environment(), capture_output=True, text=True
    )
    assert (psql.stdout, psql.stderr, psql.returncode) == ("hello, world\n", "", 0)


def test_unknown_query(example):
    psql = subprocess.run(
        psql_command(example, "select 2"), env=psql_environment(), capture_output=True, text=True
    )
    assert (psql.stdout, psql.stderr) == ("", "ERROR:  unknown query: select 2\n")


def test_copy_in_bounded_memory(example):
    before = resident_bytes(example.pid)
    command = psql_command(example, "copy lines to stdout")
    with subprocess.Popen(command, env=psql_environment(), stdout=subprocess.PIPE) as psql:
        lines = sum(block.count(b"\n") for block in iter(lambda: psql.stdout.read(1 << 20), b""))
        grown = resident_bytes(example.pid) - before
    assert (psql.returncode, lines) == (0, 10_000_000)
    assert grown < 8 << 20
