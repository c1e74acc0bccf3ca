"""The real libpq of a PostgreSQL version, in a process of its own."""

import json
import sys

from support.cluster import psql_environment
from support.paths import DEPS, REGRESS
from support.processes import run


def library(version):
    """What to load as libpq of this major version; 15 is Debian's."""
    return "libpq.so.5" if version == "15" else DEPS / "pg" / version / "native/lib/libpq.so.5"


def libpq(version, conninfo, command, text, **environment):
    """The report of drivers/libpq_session.py."""
    done = run(
        sys.executable, REGRESS / "drivers" / "libpq_session.py",
        library(version), conninfo, command, text, env=psql_environment(**environment),
    )  # fmt: skip
    report = json.loads(done.stdout)
    assert report.pop("library") == int(version)
    return report
