"""Conversations that a relay cuts into single bytes give the same results as uncut ones."""

import re
import subprocess

from support.cluster import psql_environment
from support.cutting_relay import Cut, CuttingRelay, Record
from support.processes import run

SEED = 20240311

SCRIPT = r"""
\set VERBOSITY verbose
echo hello;
echo grüße, 你好;
rows 200;
;
typo;
\errverbose
notice look here;
set application_name = 'cut';
begin;
select 1;
commit;
rows 0;
echo the end;
"""


def uncut_and_cut(either_backend, converse):
    """What `converse(port)` returns through a relay that passes on what comes, and through one that
    cuts it."""
    with CuttingRelay(either_backend.port, Record()) as relay:
        uncut = converse(relay.port)
    assert relay.mode.connections[0]["backend"], "nothing came through the relay"
    with CuttingRelay(either_backend.port, Cut(seed=SEED)) as relay:
        cut = converse(relay.port)
    return uncut, cut


def test_psql(either_backend, tmp_path):
    script = tmp_path / "script.sql"
    script.write_text(SCRIPT)

    def converse(port):
        done = run(
            "psql", "-X", "-w", "-d", either_backend.conninfo(port=port), "-f", script,
            env=psql_environment(), check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        return done.returncode, done.stdout, done.stderr

    uncut, cut = uncut_and_cut(either_backend, converse)
    assert cut == uncut
    assert uncut[0] == 0 and "the end" in uncut[1] and "look here" in uncut[2]


def test_pgbench(either_backend, tmp_path):
    script = tmp_path / "script.sql"
    script.write_text("echo hello;\nrows 20;\n")

    def converse(port):
        done = run(
            "pgbench", "-n", "-f", script, "-t", "20", "-c", "2", either_backend.conninfo(port=port),
            env=psql_environment(), check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        return done.returncode, re.findall(r"number of .*", done.stdout), done.stderr

    uncut, cut = uncut_and_cut(either_backend, converse)
    assert cut == uncut
    assert uncut[0] == 0 and "number of transactions actually processed: 40/40" in uncut[1]


def test_jdbc(either_backend):
    uncut, cut = uncut_and_cut(either_backend, either_backend.jdbc)
    assert cut == uncut
    assert uncut["after"] == ["after"]
