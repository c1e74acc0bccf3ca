"""A server under a load that writes WAL records of many kinds."""

import os
import pathlib
import signal
import threading
import time

import psycopg

from support.postgres import PostgresServer, bin_folder
from support.processes import is_running, run
from support.waiting import wait_until
from support.wal import lsn

SETTINGS = """\
wal_level = logical
max_prepared_transactions = 10
wal_buffers = '64kB'
max_wal_size = '2GB'
track_commit_timestamp = on
"""
SLOT = "keep"


class LoadedServer(PostgresServer):
    """`start`: where the WAL that is kept begins; `positions`: record starts that it told."""

    def __init__(self, version, segment_mib):
        super().__init__(version, settings=SETTINGS, segment_mib=segment_mib)
        self.positions = []

    def create(self):
        super().create()
        self.execute("CHECKPOINT")
        self.scalar(f"SELECT pg_create_physical_replication_slot('{SLOT}', true)::text")
        self.wal_start = self.scalar(
            f"SELECT restart_lsn::text FROM pg_replication_slots WHERE slot_name = '{SLOT}'"
        )
        return self

    @property
    def wal_folder(self):
        return self.data / "pg_wal"

    def sees_record_start(self):
        """Remembers where the next record starts; something has to be written after it."""
        self.positions.append(self.scalar("SELECT pg_current_wal_insert_lsn()::text"))

    def checkpoint(self):
        self.execute("CHECKPOINT")
        row = self.query("SELECT checkpoint_lsn::text, redo_lsn::text FROM pg_control_checkpoint()")
        self.positions.extend(row[0])

    def flushed(self):
        return self.scalar("SELECT pg_current_wal_flush_lsn()::text")

    def pgbench(self, transactions):
        program = bin_folder("15") / "pgbench"
        options = ["-h", self.socket_folder, "-p", self.port, "-U", "postgres", "app"]
        run(program, "-q", "-i", "-s", 1, *options)
        self.sees_record_start()
        run(program, "-n", "-c", 4, "-t", transactions // 4, *options)

    def kill(self):
        """SIGKILL for every process of the server, its backends first."""
        postmaster = int((self.data / "postmaster.pid").read_text().split()[0])
        # Stopped, it starts no other processes in the meantime.
        os.kill(postmaster, signal.SIGSTOP)
        children = pathlib.Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text()
        pids = [*map(int, children.split()), postmaster]
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not any(map(is_running, pids)), 20, what="the server is dead")
        # A zombie that nobody has waited for yet looks alive to the next postmaster.
        (self.data / "postmaster.pid").unlink()
        (self.socket_folder / f".s.PGSQL.{self.port}.lock").unlink()

    def crash_within_a_record(self):
        """Kills the server while a record of 30 MB is on its way to the disk."""

        def write():
            try:
                with self.connect() as connection:
                    while True:
                        connection.execute(
                            "SELECT pg_logical_emit_message(false, 'big', repeat('x', 30000000))"
                        )
            except psycopg.OperationalError:
                pass  # killed

        before = lsn(self.flushed())
        writer = threading.Thread(target=write)
        writer.start()
        wait_until(lambda: lsn(self.flushed()) > before, 20, what="a large record is being written")
        time.sleep(0.02)
        self.kill()
        writer.join()
        self.start()


def create_databases(server):
    server.sees_record_start()
    if int(server.version) < 15:
        server.execute("CREATE DATABASE copied TEMPLATE app")
        return
    server.execute("CREATE DATABASE copied TEMPLATE app STRATEGY file_copy")
    server.sees_record_start()
    server.execute("CREATE DATABASE logged TEMPLATE app STRATEGY wal_log")


def large_rows(connection):
    text = "(SELECT string_agg(md5(i::text), '') FROM generate_series(1, 20000) i)"
    connection.execute("CREATE TABLE large (id int, body text)")
    connection.execute("ALTER TABLE large ALTER body SET STORAGE external")
    connection.execute(f"INSERT INTO large SELECT n, {text} FROM generate_series(1, 3) n")
    connection.execute("UPDATE large SET body = body || 'x'")
    connection.execute("DELETE FROM large WHERE id = 2")
    connection.execute("VACUUM FREEZE large")
    connection.execute("TRUNCATE large")


def indexes(connection):
    connection.execute(
        "CREATE TABLE many AS SELECT i AS id, md5(i::text) AS word, point(i, i) AS place,"
        " ARRAY[i, i % 7] AS numbers FROM generate_series(1, 4000) i"
    )
    for index in ("btree (word)", "hash (word)", "gin (numbers)", "gist (place)", "brin (id)",
                  "spgist (place)"):  # fmt: skip
        connection.execute(f"CREATE INDEX ON many USING {index}")
    connection.execute("INSERT INTO many SELECT id + 4000, word, place, numbers FROM many LIMIT 500")
    connection.execute("REINDEX TABLE many")
    connection.execute("CREATE SEQUENCE numbers")
    connection.execute("SELECT nextval('numbers') FROM generate_series(1, 50)")


def prepared_transactions(connection):
    for end in ("COMMIT", "ROLLBACK"):
        with connection.transaction():
            connection.execute("INSERT INTO many (id) VALUES (0)")
            connection.execute("SAVEPOINT inner_one")
            connection.execute("INSERT INTO many (id) VALUES (1)")
            connection.execute(f"PREPARE TRANSACTION 'one {end}'")
        connection.execute(f"{end} PREPARED 'one {end}'")


def logical_messages(connection):
    message = "SELECT pg_logical_emit_message(%s, 'load', repeat('m', %s))::text"
    for size in (0, 1, 100, 255, 256, 8_100, 70_000, 2_000_001):
        for transactional in (False, True):
            connection.execute(message, (transactional, size))


def switch_segment(server):
    server.sees_record_start()
    server.query("SELECT pg_switch_wal()")


def run_load(server, pgbench_transactions):
    server.pgbench(pgbench_transactions)
    create_databases(server)
    server.checkpoint()
    with server.connect(database="app") as connection:
        large_rows(connection)
        indexes(connection)
        prepared_transactions(connection)
        server.sees_record_start()
        logical_messages(connection)
    switch_segment(server)
    with server.connect(database="app") as connection:
        connection.execute("DROP TABLE many")
    server.execute("DROP DATABASE copied")
    switch_segment(server)
    server.checkpoint()
