"""Child processes: start them, measure them through /proc, and never leave one behind."""

import contextlib
import ctypes
import os
import pwd
import resource
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None, use_errno=True)


class BenchError(Exception):
    """A step failed; the text says which and why."""


def wait_until(condition, seconds: float, what: str, interval: float = 0.02):
    """Poll `condition` until it answers something true, and return that answer."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = condition()
        if answer:
            return answer
        time.sleep(interval)
    raise BenchError(f"{what}: nothing after {seconds:g} s")


def raise_file_limit() -> None:
    """Allow this process and its children as many descriptors as the system lets them have."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def unprivileged_user() -> str | None:
    """PostgreSQL and PgBouncer refuse root; as root they run as `postgres`."""
    if os.geteuid() != 0:
        return None
    try:
        pwd.getpwnam("postgres")
    except KeyError:
        raise BenchError("running as root needs a user named postgres (package postgresql)")
    return "postgres"


def identity(user: str | None) -> dict:
    """Arguments of Popen that make the child run as `user`."""
    if user is None:
        return {}
    entry = pwd.getpwnam(user)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": [entry.pw_gid]}


def die_with_parent(death_signal: int):
    """What a child does before exec, so that it ends even when this program is killed hard."""
    def prepare():
        LIBC.prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
    return prepare


@dataclass
class Process:
    """A running server or tool, in a session of its own (Ctrl-C does not reach it directly)."""
    name: str
    popen: subprocess.Popen
    stop_signal: int = signal.SIGTERM
    log: Path | None = None

    @property
    def pid(self) -> int:
        return self.popen.pid

    def running(self) -> bool:
        return self.popen.poll() is None

    def require_running(self) -> None:
        if not self.running():
            raise BenchError(f"{self.name} ended with code {self.popen.returncode}: {self.tail()}")

    def tail(self, lines: int = 5) -> str:
        """The last lines of its log, for error messages."""
        if self.log is None or not self.log.exists():
            return "(no log)"
        return " | ".join(self.log.read_text(errors="replace").strip().splitlines()[-lines:])

    def stop(self, seconds: float = 15) -> None:
        """Ask politely, then kill its whole session."""
        if self.running():
            self.popen.send_signal(self.stop_signal)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.popen.wait(seconds)
        if self.running():
            os.killpg(self.pid, signal.SIGKILL)
            self.popen.wait()


class Supervisor:
    """Knows every process that was started and ends the last one first."""

    def __init__(self):
        self.children: list[Process] = []

    def start(self, name: str, command: list, *, user: str | None = None,
              stop_signal: int = signal.SIGTERM, log: Path | None = None, **popen) -> Process:
        """Start a child; its output goes to `log` unless the caller redirects it."""
        with contextlib.ExitStack() as files:
            if log is not None:
                output = files.enter_context(open(log, "ab"))
                popen |= {"stdout": output, "stderr": output}
            child = subprocess.Popen(
                [str(part) for part in command], start_new_session=True,
                preexec_fn=die_with_parent(stop_signal),
                **({"stdin": subprocess.DEVNULL} | identity(user) | popen))
        process = Process(name, child, stop_signal, log)
        self.children.append(process)
        return process

    def stop(self, process: Process) -> None:
        process.stop()
        self.children.remove(process)

    def close(self) -> None:
        for process in reversed(self.children):
            process.stop()
        self.children.clear()

    def run(self, name: str, command: list, *, seconds: float = 60, **popen) -> str:
        """Run a tool to its end and return what it printed; failure and overtime raise."""
        popen = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | popen
        process = self.start(name, command, stop_signal=signal.SIGKILL, **popen)
        try:
            output, errors = process.popen.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            raise BenchError(f"{name}: not finished after {seconds:g} s")
        finally:
            self.stop(process)
        if process.popen.returncode != 0:
            last = " | ".join((errors or output or "").strip().splitlines()[-3:])
            raise BenchError(f"{name}: exit code {process.popen.returncode}: {last}")
        return output or ""


def parse_stat_ticks(text: str) -> int:
    """utime + stime of /proc/PID/stat; the name in parentheses may hold spaces."""
    fields = text.rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def cpu_seconds(pid: int) -> float:
    """CPU time of all threads of the process so far, user and system."""
    return parse_stat_ticks(Path(f"/proc/{pid}/stat").read_text()) / CLOCK_TICKS


def parse_anonymous_kib(text: str) -> int:
    """The `Anonymous:` line of /proc/PID/smaps_rollup."""
    for line in text.splitlines():
        if line.startswith("Anonymous:"):
            return int(line.split()[1])
    raise BenchError("smaps_rollup has no Anonymous line")


def anonymous_kib(pid: int) -> int:
    """Anonymous memory of the process in KiB."""
    return parse_anonymous_kib(Path(f"/proc/{pid}/smaps_rollup").read_text())


def traced_by(pid: int, tracer: int) -> bool:
    """True when every thread of `pid` is traced by `tracer`."""
    states = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/status")]
    return all(f"TracerPid:\t{tracer}\n" in state for state in states)
