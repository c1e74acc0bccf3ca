"""A whole cluster from `sluicectl up`, and clients of it."""

import json
import os
import pathlib
import re
import shutil
import tempfile
import urllib.error
import urllib.request

from support.logs import Log
from support.metrics import Admin
from support.paths import binary
from support.postgres import reachable_bin_folder
from support.processes import run
from support.terminal import Terminal
from support.wire import RawClient

LINK = re.compile(r"(https?://\S+/s/)([0-9a-z]+)")
PHRASE = re.compile(r"this phrase: ([a-z]+ [a-z]+ \d\d)\.")


def psql_environment(**more):
    """An environment in which nothing but the arguments decides where psql connects to."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PG")}
    return {**environment, "PSQLRC": "/dev/null", "PGCONNECT_TIMEOUT": "120", **more}


class Api:
    """The JSON API of sluice-auth. `call` returns (status, decoded body)."""

    def __init__(self, base, token):
        self.base = base
        self.token = token
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def call(self, method, path, body=None, token=None):
        request = urllib.request.Request(self.base + path, method=method)
        request.add_header("Authorization", f"Bearer {token or self.token}")
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        try:
            with self.opener.open(request, data, timeout=20) as answer:
                status, text = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, text = error.code, error.read()
        return status, json.loads(text) if text else None

    def expect(self, wanted, method, path, body=None):
        """The body of an answer with this status; another status is a failure."""
        status, answer = self.call(method, path, body)
        assert status == wanted, f"{method} {path}: {status} {answer}"
        return answer

    def get(self, path):
        return self.expect(200, "GET", path)

    def session(self, session_id):
        """The link session with this id, or None."""
        for session in self.get("/v1/sessions?limit=1000")["sessions"]:
            if session.get("session_id", session.get("id")) == session_id:
                return session
        return None

    def events(self, session_id=None):
        """Audit events, the oldest first; only those of one session when it is given."""
        events = reversed(self.get("/v1/audit?limit=1000")["events"])
        return [e for e in events if session_id is None or e["session_id"] == session_id]

    def event_names(self, session_id):
        return [event["event"] for event in self.events(session_id)]


class Cluster:
    """Ports and secrets are read from the files that `up` wrote."""

    def __init__(self, version, folder=None):
        self.version = version
        self.folder = pathlib.Path(folder or tempfile.mkdtemp(prefix="sluice-cluster-"))
        self.folder.chmod(0o755)
        self.directory = self.folder / "data"

    def ctl(self, *arguments, check=True, **options):
        return run(
            binary("sluicectl"), arguments[0], "--dir", self.directory, *arguments[1:],
            check=check, env=psql_environment(), **options,
        )  # fmt: skip

    def up(self, *arguments):
        if self.version != "15":
            arguments = ("--pg-bin", reachable_bin_folder(self.version, self.folder), *arguments)
        return self.ctl("up", "--free-ports", *arguments)

    def down(self, *arguments):
        return self.ctl("down", *arguments)

    def destroy(self):
        if self.directory.exists():
            self.down("--destroy", "--yes")
        shutil.rmtree(self.folder, ignore_errors=True)

    def read(self, name):
        return (self.directory / name).read_text().strip()

    def port(self, name):
        match = re.search(rf"\b{name}:\s*(\d+)", self.read("cluster.yaml"))
        assert match, f"no port '{name}' in cluster.yaml"
        return int(match.group(1))

    def pid(self, name):
        return int(self.read(f"run/{name}.pid").split()[0])

    @property
    def ca(self):
        return self.directory / "ca" / "ca.crt"

    @property
    def web(self):
        return f"http://127.0.0.1:{self.port('auth')}"

    @property
    def api(self):
        return Api(self.web, self.read("keys/admin.token"))

    @property
    def proxy_api(self):
        return Api(self.web, self.read("keys/proxy.token"))

    @property
    def proxy_admin(self):
        return Admin(self.port("proxy_admin"))

    @property
    def auth_admin(self):
        return Admin(self.port("auth_admin"))

    def log(self, name):
        return Log(self.directory / "log" / f"{name}.log")

    def first_sign_in(self):
        """(e-mail, password) as `up` generated them."""
        words = re.findall(r"[^\s:]+", self.read("first-sign-in.txt"))
        email = next(word for word in words if "@" in word)
        lines = [line for line in self.read("first-sign-in.txt").splitlines() if line.strip()]
        password = next(
            line.split()[-1] for line in reversed(lines) if email not in line.split()[-1]
        )
        return email, password

    def conninfo(self, **options):
        options = {
            "host": "localhost",
            "port": self.port("proxy"),
            "user": "app",
            "dbname": "app",
            "sslmode": "verify-full",
            "sslrootcert": self.ca,
            **options,
        }
        return " ".join(f"{name}={value}" for name, value in options.items())

    def psql(self, *arguments, **options):
        """psql in a pseudo-terminal, on its way through the proxy."""
        command = ["psql", "-X", "--no-readline", *arguments, self.conninfo(**options)]
        return Terminal(command, psql_environment())

    def raw_client(self):
        return RawClient(self.port("proxy")).start_tls()

    def pending(self):
        return self.proxy_admin.metrics().sum("sluice_proxy_link_pending")

    def add_user(self, email, password, **more):
        self.api.expect(201, "POST", "/v1/users", {"email": email, "password": password, **more})

    def add_grant(self, email, role="app", database="*", target="local"):
        grant = {"user": email, "role": role, "database": database, "target": target}
        return self.api.expect(201, "POST", "/v1/grants", grant)["id"]


class PrintedLink:
    """What psql printed: the link, its id, and the phrase."""

    def __init__(self, terminal):
        match = terminal.expect(LINK.pattern)
        self.url = match.group(0)
        self.id = match.group(2)
        self.phrase = terminal.expect(PHRASE.pattern).group(1)
