"""sluice-test-client: PostgresClient from the command line. Its commands are in
tests/support/test_client/commands.hpp."""

from support.paths import binary
from support.postgres import PASSWORD
from support.processes import Process, run


def conninfo(server, **settings):
    """A connection string for `server`: role and database app with their password by TCP."""
    values = {
        "host": "localhost", "port": server.port, "user": "app", "dbname": "app",
        "password": PASSWORD, "sslmode": "disable", **settings,
    }  # fmt: skip
    quoted = (
        (name, str(value).replace("\\", "\\\\").replace("'", "\\'"))
        for name, value in values.items()
    )
    return " ".join(f"{name}='{value}'" for name, value in quoted)


def client(text, command, *arguments, timeout=20.0):
    """Runs a command to its end; `timeout` seconds is what the client gives itself."""
    return run(
        binary("sluice-test-client"), "--timeout", int(timeout * 1000), "--", text, command,
        *arguments, check=False,
    )  # fmt: skip


def query(text, sql):
    """The rows of a query that succeeds, as lists of texts."""
    done = client(text, "query", sql)
    assert done.returncode == 0, done.stderr
    return [line.split("\t") for line in done.stdout.splitlines()[:-1]]


def session(text):
    """What the client knows of a session: host, encrypted, protocol, key, standby, server."""
    done = client(text, "session")
    assert done.returncode == 0, done.stderr
    return dict(line.split(" ", 1) for line in done.stdout.splitlines())


def failure(text, command="query", argument="SELECT 1", **options):
    """SQLSTATE ("none" without words from the server) and message of what must fail."""
    done = client(text, command, argument, **options)
    assert done.returncode == 1, (done.returncode, done.stdout, done.stderr)
    code, _, message = done.stderr.strip().partition(" ")
    return code, message


def start(folder, text, command, *arguments, timeout=60.0):
    """The same in the background, with its output in a file of `folder`."""
    process = Process(
        [binary("sluice-test-client"), "--timeout", int(timeout * 1000), "--", text, command]
        + list(arguments),
        folder / f"{command}.log",
    )
    return process.start()
