"""A sluice-proxy of its own, in front of a test's PostgreSQL."""

import copy
import json
import pathlib
import re
import signal

from support.certificates import Authority
from support.logs import Log
from support.metrics import Admin, Metrics
from support.paths import binary
from support.processes import Process, free_port, open_files, run
from support.waiting import wait_until
from support.wire import RawClient
from support.wire import startup as startup_message

LINK = re.compile(r"https?://\S+/s/(\S+)")


def default_config(postgres):
    """Listeners through, through_tls (both forward), link, link_clear; management with trust."""
    names = ("through", "through_tls", "link", "link_clear")
    ports = {name: free_port() for name in names}
    tls = {"certificate": "proxy.crt", "key": "proxy.key", "required": True}

    def listener(name, auth, **more):
        return {"name": name, "listen": f"127.0.0.1:{ports[name]}", "auth": auth, **more}

    return {
        "listeners": [
            listener("through", "forward", compute="local"),
            listener("through_tls", "forward", compute="local", tls=tls),
            listener("link", "link", tls=tls),
            listener("link_clear", "link"),
        ],
        "computes": [
            {"name": "local", "host": "127.0.0.1", "port": postgres.port, "tls": "disable"}
        ],
        "management": {
            "listen": f"127.0.0.1:{free_port()}",
            "auth": "trust",
            "allowed_targets": [f"127.0.0.1:{postgres.port}"],
        },
        "link": {"url": "http://127.0.0.1:1/s/", "timeout": "2m"},
        "admin": {"listen": f"127.0.0.1:{free_port()}"},
        "log": {"level": "info", "format": "json"},
        "limits": {"max_connections": 30000},
        "shutdown": {"delay": "0s", "deadline": "10s"},
        "threads": 2,
    }


class Proxy:
    """`folder` holds proxy.yaml, proxy.crt, proxy.key, ca.crt and proxy.log."""

    def __init__(self, folder, config):
        self.folder = pathlib.Path(folder)
        self.config = copy.deepcopy(config)
        self.authority = Authority(self.folder)
        self.authority.issue("proxy")
        self.ca = self.authority.certificate
        self.config_path = self.folder / "proxy.yaml"
        self.log = Log(self.folder / "proxy.log")
        self.process = Process(
            [binary("sluice-proxy"), "--config", self.config_path], self.log.path
        )

    def write_config(self):
        self.config_path.write_text(json.dumps(self.config, indent=1))

    def start(self):
        self.write_config()
        self.process.start()
        self.process.wait_ready(self.admin.is_ready)
        return self

    def stop(self):
        return self.process.stop()

    def reload(self):
        """SIGHUP; returns when the proxy has counted one more reload, with its result."""
        before = self._reloads()
        self.process.signal(signal.SIGHUP)
        after = wait_until(
            lambda: (now := self._reloads()) != before and now, what="the reload is counted"
        )
        return next(name for name in after if after[name] != before.get(name, 0))

    def _reloads(self):
        name = "sluice_proxy_config_reload_total"
        return {
            labels["result"]: value
            for sample, labels, value in self.metrics().samples
            if sample == name
        }

    @property
    def admin(self):
        return Admin(self.config["admin"]["listen"].rpartition(":")[2])

    def metrics(self) -> Metrics:
        return self.admin.metrics()

    def port(self, listener):
        for entry in self.config["listeners"]:
            if entry["name"] == listener:
                return int(entry["listen"].rpartition(":")[2])
        raise KeyError(listener)

    @property
    def management_port(self):
        return int(self.config["management"]["listen"].rpartition(":")[2])

    def client(self, listener="through", **options):
        return RawClient(self.port(listener), **options)

    def management(self):
        return RawClient(self.management_port).start(user="sluice", database="management")

    def open_files(self):
        return open_files(self.process.pid)

    def pending_links(self):
        return self.metrics().sum("sluice_proxy_link_pending")

    def wait_quiet(self, timeout=20.0):
        """Waits until no connection, waiter or cancel key is left, by the proxy's own count."""

        def quiet():
            metrics = self.metrics()
            for name in (
                "sluice_proxy_connections_current",
                "sluice_proxy_link_pending",
                "sluice_proxy_cancel_keys",
            ):
                assert metrics.find(name), f"no sample of {name}"
                assert metrics.sum(name) == 0, f"{name} is {metrics.sum(name)}"
            opened = metrics.sum("sluice_proxy_connections_opened_total")
            closed = metrics.sum("sluice_proxy_connections_closed_total")
            assert opened == closed, f"{opened} opened, {closed} closed"
            return True

        wait_until(quiet, timeout, what="the proxy is quiet")


class LinkWait:
    """A client that waits on a link listener: the id of its link and what the NOTICE said."""

    def __init__(self, proxy, listener="link_clear", source=None, **startup):
        self.client = proxy.client(listener, source=source)
        if listener == "link":
            self.client.start_tls()
        startup = {"user": "app", "database": "app", **startup}
        self.client.send(startup_message(**startup))
        self.messages = self.client.read_until("N")
        self.notice = self.client.notices[-1]
        self.session_id = LINK.search(self.notice["M"]).group(1)

    def close(self):
        self.client.close()


def success(postgres, session_id, user="probe", database="app", password=None, **more):
    """The management payload that approves a link."""
    target = {"host": "127.0.0.1", "port": postgres.port, "dbname": database, "user": user, **more}
    if password is not None:
        target["password"] = password
    target["aux"] = {"endpoint_id": "e", "project_id": "p", "branch_id": "b", "compute_id": "c"}
    return json.dumps({"session_id": session_id, "result": {"Success": target}})


def check_config(program, path):
    """Runs --check-config and returns (exit code, output)."""
    done = run(binary(program), "--config", path, "--check-config", check=False)
    return done.returncode, done.stdout + done.stderr
