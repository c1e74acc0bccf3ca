"""The servers under the load: PostgreSQL itself, and the proxies in front of it."""

import contextlib
import os
import shutil
import signal
import socket
import tempfile
from dataclasses import dataclass
from pathlib import Path

import wire
from processes import BenchError, Process, Supervisor, unprivileged_user, wait_until

USER = "postgres"
DATABASE = "bench"
START_SECONDS = 30
POOL_SIZE = 1050
MAX_CONNECTIONS = 1100

POSTGRES_CONF = """
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = ''
max_connections = {max_connections}
shared_buffers = 512MB
work_mem = 64MB
fsync = off
wal_level = minimal
max_wal_senders = 0
max_wal_size = 4GB
autovacuum = off
jit = off
ssl = on
ssl_cert_file = '{certificate}'
ssl_key_file = '{key}'
"""

PGBOUNCER_INI = """
[databases]
* = host=127.0.0.1 port={server_port}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {folder}/userlist.txt
pool_mode = session
default_pool_size = {pool_size}
max_client_conn = {pool_size}
log_connections = 0
log_disconnections = 0
client_tls_sslmode = {sslmode}
"""

PGBOUNCER_TLS = """
client_tls_cert_file = {certificate}
client_tls_key_file = {key}
"""

HAPROXY_CFG = """
global
    nbthread 2
    maxconn 4000

defaults
    mode tcp
    timeout connect 10s
    timeout client 1h
    timeout server 1h

listen postgres
    bind 127.0.0.1:{port}
    server postgres 127.0.0.1:{server_port}
"""

SLUICE_YAML = """
listeners:
  - name: bench
    listen: 127.0.0.1:{port}
    auth: forward
    compute: local{tls}
computes:
  - name: local
    host: 127.0.0.1
    port: {server_port}
    tls: disable
log: {{level: warn, format: text}}
"""

SLUICE_TLS = """
    tls: {{certificate: {certificate}, key: {key}, required: true}}"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def accepts(port: int) -> bool:
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    return False


def find_program(name: str, *folders: Path) -> Path | None:
    """A program in one of the folders, on PATH, or where Debian keeps daemons."""
    path = os.pathsep.join([*map(str, folders), os.environ.get("PATH", ""), "/usr/sbin"])
    found = shutil.which(name, path=path)
    return Path(found) if found else None


def require_program(name: str, package: str, *folders: Path) -> Path:
    found = find_program(name, *folders)
    if found is None:
        raise BenchError(f"{name} not found: install Debian's package {package}")
    return found


@dataclass
class Endpoint:
    """Where a client connects, and the proxy process behind it (none for direct)."""
    target: str
    port: int
    tls: bool
    process: Process | None


class Rig:
    """A folder, a certificate and a PostgreSQL with pgbench tables; proxies come and go."""

    def __init__(self, supervisor: Supervisor, pg_bin: Path, sluice_bin: Path,
                 work_dir: Path | None):
        self.supervisor = supervisor
        self.pg_bin = pg_bin
        self.sluice = sluice_bin / "sluice-proxy"
        self.user = unprivileged_user()
        self.pgbench = require_program("pgbench", "postgresql-15", pg_bin)
        self.psql = require_program("psql", "postgresql-client", pg_bin)
        self.folder = Path(tempfile.mkdtemp(prefix="sluice-bench-", dir=work_dir))
        self.folder.chmod(0o711)
        self.certificate = self.folder / "server.crt"
        self.key = self.folder / "server.key"
        self.postgres: Process | None = None
        self.postgres_port = 0

    def close(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    # PostgreSQL

    def start_postgres(self, scale: int) -> None:
        """initdb, start, create the database and fill pgbench's tables."""
        self.make_certificate()
        data = self.make_data_directory()
        self.postgres = self.supervisor.start(
            "postgres", [self.pg_bin / "postgres", "-D", data], user=self.user,
            stop_signal=signal.SIGINT, log=self.folder / "postgres.log", cwd=self.folder,
            env=self.server_environment())
        wait_until(self.postgres_ready, START_SECONDS, "start of PostgreSQL", 0.1)
        self.execute(f"create database {DATABASE}", database="postgres")
        self.supervisor.run("pgbench -i", [self.pgbench, "-i", "-q", "-s", scale],
                            seconds=600, env=self.client_environment(self.direct(False)))

    def make_certificate(self) -> None:
        """A self-signed P-256 certificate that every server here presents."""
        openssl = require_program("openssl", "openssl")
        self.supervisor.run("openssl", [
            openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
            "-nodes", "-days", "30", "-subj", "/CN=localhost", "-addext",
            "subjectAltName=DNS:localhost,IP:127.0.0.1",
            "-out", self.certificate, "-keyout", self.key])
        self.key.chmod(0o600)
        self.give_away(self.key)

    def give_away(self, path: Path) -> None:
        if self.user is not None:
            shutil.chown(path, self.user, self.user)

    def make_data_directory(self) -> Path:
        data = self.folder / "data"
        data.mkdir(mode=0o700)
        self.give_away(data)
        self.supervisor.run(
            "initdb", [self.pg_bin / "initdb", "-D", data, "-A", "trust", "-U", USER,
                       "-E", "UTF8", "--locale=C", "--no-sync"],
            user=self.user, cwd=self.folder, env=self.server_environment())
        self.postgres_port = free_port()
        with open(data / "postgresql.conf", "a") as conf:
            conf.write(POSTGRES_CONF.format(
                port=self.postgres_port, max_connections=MAX_CONNECTIONS,
                certificate=self.certificate, key=self.key))
        return data

    def postgres_ready(self) -> bool:
        self.postgres.require_running()
        with contextlib.suppress(OSError, BenchError):
            wire.log_out(wire.log_in(self.postgres_port, USER, "postgres"))
            return True
        return False

    def execute(self, sql: str, database: str = DATABASE) -> bytes:
        """Run one statement directly on PostgreSQL."""
        connection = wire.log_in(self.postgres_port, USER, database, seconds=600)
        try:
            return wire.run_query(connection, sql)
        finally:
            wire.log_out(connection)

    def other_backends(self) -> int:
        answer = self.execute("select count(*) from pg_stat_activity where backend_type = "
                              "'client backend' and pid <> pg_backend_pid()")
        return int(wire.first_value(answer))

    def wait_until_quiet(self) -> None:
        """Until no client of an earlier measurement is left on PostgreSQL."""
        wait_until(lambda: self.other_backends() == 0, 120, "end of earlier connections", 0.1)

    def server_environment(self) -> dict:
        """PostgreSQL builds outside /usr may bring their libraries along."""
        libraries = self.pg_bin.parent / "lib"
        environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"}
        if libraries.is_dir() and not str(libraries).startswith("/usr/"):
            environment["LD_LIBRARY_PATH"] = str(libraries)
        return environment

    def client_environment(self, endpoint: Endpoint) -> dict:
        """Everything libpq needs; nothing of the caller's own PG settings comes through."""
        return {"PATH": os.environ.get("PATH", ""), "HOME": str(self.folder), "LC_ALL": "C",
                "PGHOST": "127.0.0.1", "PGPORT": str(endpoint.port), "PGUSER": USER,
                "PGDATABASE": DATABASE, "PGGSSENCMODE": "disable",
                "PGSSLMODE": "require" if endpoint.tls else "disable"}

    # Targets

    @contextlib.contextmanager
    def running(self, target: str, tls: bool):
        """A fresh process of one target for the duration of the block."""
        endpoint = self.starters()[target](tls)
        try:
            if endpoint.process is not None:
                self.wait_until_accepting(endpoint)
            yield endpoint
        finally:
            if endpoint.process is not None:
                self.supervisor.stop(endpoint.process)

    def starters(self) -> dict:
        return {"direct": self.direct, "sluice": self.start_sluice,
                "pgbouncer": self.start_pgbouncer, "haproxy": self.start_haproxy}

    def wait_until_accepting(self, endpoint: Endpoint) -> None:
        def ready():
            endpoint.process.require_running()
            return accepts(endpoint.port)
        wait_until(ready, START_SECONDS, f"start of {endpoint.target}")

    def direct(self, tls: bool) -> Endpoint:
        return Endpoint("direct", self.postgres_port, tls, None)

    def start_sluice(self, tls: bool) -> Endpoint:
        section = SLUICE_TLS.format(certificate=self.certificate, key=self.key) if tls else ""
        return self.start_proxy("sluice", tls, "sluice.yaml", SLUICE_YAML, {"tls": section},
                                [self.sluice, "--config"], user=None)

    def start_pgbouncer(self, tls: bool) -> Endpoint:
        program = require_program("pgbouncer", "pgbouncer")
        (self.folder / "userlist.txt").write_text(f'"{USER}" ""\n')
        values = {"folder": self.folder, "pool_size": POOL_SIZE, "certificate": self.certificate,
                  "key": self.key, "sslmode": "require" if tls else "disable"}
        template = PGBOUNCER_INI + (PGBOUNCER_TLS if tls else "")
        return self.start_proxy("pgbouncer", tls, "pgbouncer.ini", template, values,
                                [program, "-q"], user=self.user)

    def start_haproxy(self, tls: bool) -> Endpoint:
        """TCP only: with TLS, the bytes pass through to PostgreSQL."""
        program = require_program("haproxy", "haproxy")
        return self.start_proxy("haproxy", tls, "haproxy.cfg", HAPROXY_CFG, {},
                                [program, "-db", "-f"], user=self.user)

    def start_proxy(self, target: str, tls: bool, file_name: str, template: str, values: dict,
                    command: list, user: str | None) -> Endpoint:
        """Write the configuration (its path is the last argument) and start the process."""
        port = free_port()
        config = self.folder / f"{'tls' if tls else 'clear'}-{file_name}"
        config.write_text(template.format(port=port, server_port=self.postgres_port, **values))
        process = self.supervisor.start(target, [*command, config], user=user, cwd=self.folder,
                                        log=self.folder / f"{target}.log")
        return Endpoint(target, port, tls, process)
