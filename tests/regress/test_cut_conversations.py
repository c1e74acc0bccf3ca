"""psql and pgbench work with PostgreSQL as they do directly when every byte comes by itself: what
client and proxy, and what proxy and server say to each other goes through a relay that cuts it."""

import contextlib
import re
import subprocess

import pytest

from support.cluster import psql_environment
from support.cutting_relay import Cut, CuttingRelay
from support.paths import REGRESS
from support.postgres import PASSWORD
from support.processes import run
from support.proxy import default_config

CLIENT_SEED, SERVER_SEED = 20241128, 20241129
# Some 20 microseconds a byte on average, and up to half a millisecond in front of one.
DELAY = 0.0005
SCRIPT = REGRESS / "support" / "conversation.sql"

CLIENTS = 3
TRANSACTIONS = 20
INITIALISE = ["-i", "-I", "dtGp", "-s", "1", "-q"]
# What the transactions leave; they add up to the same in whatever order they came.
LEFT = """
SELECT (SELECT sum(abalance * aid) FROM pgbench_accounts),
       (SELECT sum(tbalance * tid) FROM pgbench_tellers),
       (SELECT sum(bbalance) FROM pgbench_branches),
       (SELECT md5(string_agg(format('%s %s %s %s', tid, bid, aid, delta), ',' ORDER BY tid, aid, delta))
        FROM pgbench_history),
       (SELECT count(*) FROM pgbench_history)
"""


def conninfo(port, **options):
    settings = {"host": "localhost", "hostaddr": "127.0.0.1", "port": port, "user": "app",
                "dbname": "app", "gssencmode": "disable", "sslmode": "disable", **options}  # fmt: skip
    return " ".join(f"{name}={value}" for name, value in settings.items())


@contextlib.contextmanager
def cut_on_both_sides(make_proxy, postgres, listener):
    """The conninfo of a proxy behind one relay and in front of another."""
    with CuttingRelay(postgres.port, Cut(seed=SERVER_SEED, delay=DELAY)) as server_side:
        config = default_config(postgres)
        config["computes"][0]["port"] = server_side.port
        proxy = make_proxy(config)
        encrypted = listener == "through_tls"
        tls = {"sslmode": "verify-full", "sslrootcert": proxy.ca} if encrypted else {}
        cut = Cut(seed=CLIENT_SEED, delay=DELAY)
        with CuttingRelay(proxy.port(listener), cut) as client_side:
            yield conninfo(client_side.port, **tls)


def outcome(*command):
    done = run(
        *command, check=False, env=psql_environment(PGPASSWORD=PASSWORD), stdin=subprocess.DEVNULL
    )
    return done.returncode, done.stdout, done.stderr


def psql(text):
    """Without the numbers that are those of the server's process."""
    status, *texts = outcome("psql", "-X", "-w", "-d", text, "-f", SCRIPT)
    return status, *(re.sub(r"(process with PID |pg_temp_)\d+", r"\1N", said) for said in texts)


@pytest.mark.parametrize("listener", ["through", "through_tls"])
def test_psql(make_proxy, postgres, listener):
    uncut = psql(conninfo(postgres.port))
    with cut_on_both_sides(make_proxy, postgres, listener) as text:
        cut = psql(text)
    assert cut == uncut
    status, out, errors = uncut
    assert status == 0
    assert "three" in out and 'Asynchronous notification "news"' in out and "long long" in out
    assert "22012" in errors and "25P02" in errors


def pgbench(text, mode):
    """Status, counts and errors of a run whose random numbers are always the same."""
    status, out, errors = outcome(
        "pgbench", "-n", "-M", mode, "-c", CLIENTS, "-t", TRANSACTIONS, "--random-seed=1", text
    )
    return status, re.findall(r"^(?:query mode|number of) .*", out, re.MULTILINE), errors


@pytest.fixture
def bench_tables(postgres):
    """A function that makes the tables of pgbench anew, and one that tells what is in them."""

    def make():
        status, _, errors = outcome("pgbench", *INITIALISE, conninfo(postgres.port))
        assert status == 0, errors

    def left():
        with postgres.connect(database="app") as connection:
            return connection.execute(LEFT).fetchone()

    yield make, left
    outcome("pgbench", "-i", "-I", "d", conninfo(postgres.port))


@pytest.mark.parametrize(
    ("mode", "listener"),
    [("simple", "through"), ("extended", "through_tls"), ("prepared", "through")],
)
def test_pgbench(make_proxy, postgres, bench_tables, mode, listener):
    make, left = bench_tables
    make()
    uncut = (*pgbench(conninfo(postgres.port), mode), left())
    make()
    with cut_on_both_sides(make_proxy, postgres, listener) as text:
        cut = (*pgbench(text, mode), left())
    assert cut == uncut
    status, counts, errors, in_tables = uncut
    assert (status, errors) == (0, "pgbench: setting random seed to 1\n")
    assert in_tables[-1] == CLIENTS * TRANSACTIONS
    assert "number of transactions actually processed: 60/60" in counts
