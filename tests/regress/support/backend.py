"""sluice-test-backend: the backend library on a port, without the proxy. Its commands are in
tests/support/test_backend."""

import json
import os
import pathlib
import re
import subprocess

import psycopg

from support.certificates import Authority
from support.cluster import psql_environment
from support.logs import Log
from support.paths import JDBC, REGRESS, binary
from support.processes import Process, open_files, process_status, resident_bytes, run
from support.wire import RawClient

LISTENING = re.compile(r"^listening on (\d+)$", re.MULTILINE)


class Backend:
    """`folder` holds the log, and with `tls` a CA and the server's certificate for localhost.

    `options` become the flags of the program: tls_required=True is --tls-required.
    """

    def __init__(self, folder, tls=False, **options):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        command = [binary("sluice-test-backend")]
        self.tls = tls
        if tls:
            self.authority = Authority(self.folder)
            self.ca = self.authority.certificate
            certificate, key = self.authority.issue("server")
            command += ["--tls-certificate", certificate, "--tls-key", key]
        for name, value in options.items():
            command.append("--" + name.replace("_", "-"))
            if value is not True:
                command.append(value)
        self.log = Log(self.folder / "backend.log")
        self.process = Process(command, self.log.path)
        self.port = None

    def start(self):
        self.process.start()
        self.process.wait_ready(lambda: LISTENING.search(self.process.log_text()))
        self.port = int(LISTENING.search(self.process.log_text()).group(1))
        return self

    def stop(self):
        return self.process.stop()

    def client(self, **options):
        return RawClient(self.port, **options)

    def session(self, tls=False):
        """A raw client that is logged in."""
        client = self.client()
        if tls:
            client.start_tls()
        return client.start(user="app", database="app")

    def conninfo(self, **options):
        """For libpq; encrypted and verified when the server has a certificate."""
        mode = {"sslmode": "verify-full", "sslrootcert": self.ca} if self.tls else {}
        defaults = {
            "host": "localhost",
            "hostaddr": "127.0.0.1",
            "port": self.port,
            "user": "app",
            "dbname": "app",
            "gssencmode": "disable",
            **(mode or {"sslmode": "disable"}),
        }
        return " ".join(f"{name}={value}" for name, value in {**defaults, **options}.items())

    def psql_command(self, *queries, verbosity="verbose", **options):
        command = ["psql", "-X", "-w", "-A", "-t", "-v", f"VERBOSITY={verbosity}"]
        for query in queries:
            command += ["-c", query]
        return command + ["-d", self.conninfo(**options)]

    def psql(self, *queries, environment=None, **options):
        """Runs psql with one -c for each query; returns status, stdout and stderr."""
        return run(
            *self.psql_command(*queries, **options),
            check=False, env=psql_environment(**(environment or {})), stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def connect(self, **options):
        """A psycopg connection."""
        return psycopg.connect(self.conninfo(), autocommit=True, **options)

    def jdbc(self, port=None, **properties):
        """The report of drivers/JdbcBackend.java."""
        mode = {"sslmode": "verify-full", "sslrootcert": self.ca} if self.tls else {}
        properties = {"user": "app", "sslmode": "disable", **mode, **properties}
        options = [f"{name}={value}" for name, value in properties.items()]
        url = f"jdbc:postgresql://localhost:{port or self.port}/app"
        done = run(
            "java", "-cp", JDBC, REGRESS / "drivers" / "JdbcBackend.java", url, *options,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
        )  # fmt: skip
        return json.loads(done.stdout)

    def still_serves(self):
        done = self.psql("echo still here")
        assert (done.returncode, done.stdout) == (0, "still here\n"), done.stderr

    def open_files(self):
        return open_files(self.process.pid)

    def resident_bytes(self):
        return resident_bytes(self.process.pid)

    def threads(self):
        return process_status(self.process.pid, "Threads")

    def count(self, command):
        """The number that this command answers with."""
        with self.client() as client:
            ((count,),) = client.start(user="app").query(command)
        return int(count)

    def sessions(self):
        """How many connections the server serves, without the one that asks."""
        return self.count("sessions") - 1
