"""Writes tests/data/conversations anew: what psql, JDBC and pgbench and a server say to each other.

    PYTHONPATH=tests/regress python3 -m support.record_conversations [VERSION]

The login is by trust. Process ids and cancel keys differ with each recording.
"""

import os
import pathlib
import sys
import tempfile

from support.cutting_relay import CuttingRelay, Record
from support.paths import REGRESS
from support.postgres import PostgresServer
from support.processes import run

JDBC = "/usr/share/java/postgresql.jar"
FOLDER = REGRESS.parent / "data" / "conversations"
SCRIPT = REGRESS / "support" / "conversation.sql"
PLAIN = {**os.environ, "PGSSLMODE": "disable"}
PGBENCH = "\\set id random(1, 9)\nSELECT :id AS id;\nSELECT 'a' || :id;\n"


def psql(port):
    run("psql", "-X", "-f", SCRIPT, f"host=127.0.0.1 port={port} user=probe dbname=app", env=PLAIN)


def jdbc(port):
    url = f"jdbc:postgresql://127.0.0.1:{port}/app?user=probe&sslmode=disable"
    run("java", "-cp", JDBC, REGRESS / "drivers" / "JdbcConversation.java", url)


def pgbench(port):
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(PGBENCH)
        script.flush()
        run(
            "pgbench", "-n", "-M", "prepared", "-t", "20", "--random-seed=1", "-f", script.name,
            "-h", "127.0.0.1", "-p", port, "-U", "probe", "app", env=PLAIN,
        )  # fmt: skip


def main():
    version = sys.argv[1] if len(sys.argv) > 1 else "15"
    FOLDER.mkdir(parents=True, exist_ok=True)
    server = PostgresServer(version).create()
    try:
        for client in (psql, jdbc, pgbench):
            with CuttingRelay(server.port, Record()) as relay:
                client(relay.port)
            # The last one: pgbench looks at the database in a connection of its own before.
            for direction, said in relay.mode.connections[-1].items():
                (FOLDER / f"{client.__name__}.{direction}").write_bytes(said)
    finally:
        server.destroy()


if __name__ == "__main__":
    main()
