"""A real PostgreSQL server of the wanted version, in a folder of its own."""

import os
import pathlib
import shutil
import subprocess
import tempfile

import psycopg

from support.paths import DEPS
from support.processes import free_port, run, unprivileged
from support.waiting import wait_until

PASSWORD = "correct horse"
HBA = """\
local   all          all                     trust
host    all          probe     127.0.0.1/32  trust
host    replication  probe     127.0.0.1/32  trust
host    all          all       127.0.0.1/32  scram-sha-256
host    replication  all       127.0.0.1/32  scram-sha-256
"""
SETTINGS = """\
listen_addresses = '127.0.0.1'
max_connections = 200
fsync = off
synchronize_seqscans = off
password_encryption = scram-sha-256
log_connections = on
log_line_prefix = '%m [%p] %q%u@%d '
timezone = 'UTC'
client_connection_check_interval = '1s'
"""


def bin_folder(version):
    """The folder with initdb, pg_ctl and postgres of this major version."""
    for folder in (
        pathlib.Path(f"/usr/lib/postgresql/{version}/bin"),
        DEPS / "pg" / version / "native" / "bin",
    ):
        if (folder / "postgres").exists():
            return folder
    raise AssertionError(f"PostgreSQL {version} is not installed; run scripts/install_postgres.sh")


def library_environment(folder):
    """Environment for servers that bring their libraries along."""
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    library = folder.parent / "lib"
    if library.is_dir() and (folder.parent / "pg-symlinks.json").exists():
        environment["LD_LIBRARY_PATH"] = str(library)
    return environment


def reachable_bin_folder(version, scratch):
    """Like bin_folder, copied into `scratch` when the server's user cannot get at it."""
    folder = bin_folder(version)
    probe = subprocess.run(["test", "-x", str(folder / "postgres")], check=False, **unprivileged())
    if probe.returncode == 0:
        return folder
    copy = pathlib.Path(scratch) / "native"
    shutil.copytree(folder.parent, copy, symlinks=True)
    return copy / "bin"


class PostgresServer:
    """Roles: superuser postgres and owner app (SCRAM, PASSWORD), probe (superuser, trust)."""

    def __init__(self, version, tls=None, settings="", segment_mib=16):
        self.version = version
        self.tls = tls
        self.settings = settings
        self.segment_mib = segment_mib
        self.port = free_port()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-pg-"))
        self.folder.chmod(0o755)
        self.bin = reachable_bin_folder(version, self.folder)
        self.data = self.folder / "data"
        self.socket_folder = self.folder
        self.log_path = self.folder / "postgres.log"
        if os.getuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")

    def _run(self, program, *arguments):
        run(
            self.bin / program, *arguments,
            env=library_environment(self.bin), cwd="/", **unprivileged(),
        )  # fmt: skip

    def _write(self, path, text, mode=0o600):
        path.write_text(text)
        path.chmod(mode)
        if os.getuid() == 0:
            shutil.chown(path, "postgres", "postgres")

    def create(self):
        password_file = self.folder / "password"
        self._write(password_file, PASSWORD)
        self._run(
            "initdb", "-D", self.data, "-U", "postgres", "-A", "scram-sha-256", "--no-sync",
            "--pwfile", password_file, "-E", "UTF8", "--locale=C",
            "--wal-segsize", str(self.segment_mib),
        )  # fmt: skip
        settings = SETTINGS + f"port = {self.port}\nunix_socket_directories = '{self.folder}'\n"
        if self.tls:
            certificate, key = self.tls
            self._write(self.data / "server.crt", pathlib.Path(certificate).read_text())
            self._write(self.data / "server.key", pathlib.Path(key).read_text())
            settings += "ssl = on\n"
        with open(self.data / "postgresql.conf", "a", encoding="utf-8") as file:
            file.write(settings + self.settings)
        self._write(self.data / "pg_hba.conf", HBA)
        self.start()
        with self.connect() as connection:
            connection.execute("CREATE ROLE probe SUPERUSER LOGIN REPLICATION")
            connection.execute(f"CREATE ROLE app LOGIN PASSWORD '{PASSWORD}'")
            connection.execute("CREATE DATABASE app OWNER app")
        return self

    def start(self):
        self._run("pg_ctl", "-D", self.data, "-l", self.log_path, "-w", "start")

    def stop(self, mode="immediate"):
        self._run("pg_ctl", "-D", self.data, "-m", mode, "-w", "stop")

    def destroy(self):
        if (self.data / "postmaster.pid").exists():
            self.stop()
        shutil.rmtree(self.folder)

    def connect(self, user="postgres", database="postgres", **options):
        """A psycopg connection directly to the server, through its Unix socket."""
        return psycopg.connect(
            host=str(self.socket_folder), port=self.port, user=user, dbname=database,
            autocommit=True, **options,
        )  # fmt: skip

    def query(self, text, *parameters):
        with self.connect() as connection:
            return connection.execute(text, parameters or None).fetchall()

    def execute(self, text):
        """Runs a statement that gives no rows."""
        with self.connect() as connection:
            connection.execute(text)

    def scalar(self, text, *parameters):
        return self.query(text, *parameters)[0][0]

    def sessions(self, **columns):
        """How many client sessions there are, of those with these pg_stat_activity columns."""
        condition = "".join(f" AND {name} = %s" for name in columns)
        return self.scalar(
            "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
            " AND pid <> pg_backend_pid()" + condition,
            *columns.values(),
        )

    def wait_no_sessions(self, timeout=15.0, **columns):
        wait_until(lambda: self.sessions(**columns) == 0, timeout, what="the server has no session")

    def wait_active(self, application_name, timeout=15.0):
        """Waits until a session of this name runs a query."""
        wait_until(
            lambda: self.sessions(application_name=application_name, state="active"),
            timeout,
            what=f"{application_name} runs a query",
        )
