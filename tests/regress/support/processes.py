"""Processes of a test: started in the background with their output in a file, always ended."""

import itertools
import os
import pathlib
import pwd
import resource
import signal
import socket
import subprocess

from support.waiting import wait_until


# Below the range that the kernel takes for outgoing connections (32768 and up): a port found free
# here is not taken by a client before the server listens.
PORTS = itertools.cycle(range(12000, 32000))
for _ in range(os.getpid() * 97 % 20000):
    next(PORTS)


def free_port():
    """A TCP port of 127.0.0.1 that nobody uses; never the same twice in a row."""
    for port in PORTS:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def unprivileged():
    """Keyword arguments that make subprocess run as user postgres when the tests run as root."""
    if os.getuid() != 0:
        return {}
    entry = pwd.getpwnam("postgres")
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def raise_open_files(count):
    """Raises this process's limit of open files to at least `count`; children inherit it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        hard = max(hard, count) if os.getuid() == 0 else hard
        assert hard >= count, f"{count} open files are needed, the limit is {hard}"
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))


def run(*command, check=True, **options):
    """Runs a command to its end and returns it with its text; a failure shows its output."""
    options.setdefault("timeout", 120)
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, **options
    )
    if check and done.returncode != 0:
        raise AssertionError(
            f"{command} exited with {done.returncode}\n{done.stdout}\n{done.stderr}"
        )
    return done


def is_running(pid):
    """True while a process with this id exists and is no zombie."""
    try:
        state = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


class Process:
    """A background process that writes standard output and error into one file."""

    def __init__(self, command, log_path, **options):
        self.command = [str(part) for part in command]
        self.log_path = pathlib.Path(log_path)
        self.options = options
        self.popen = None

    def start(self):
        with open(self.log_path, "ab") as log:
            self.popen = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                **self.options,
            )
        return self

    @property
    def pid(self):
        return self.popen.pid

    def running(self):
        return self.popen is not None and self.popen.poll() is None

    def log_text(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def signal(self, number):
        self.popen.send_signal(number)

    def wait(self, timeout=30.0):
        """The exit code, as soon as the process has ended."""
        return self.popen.wait(timeout)

    def stop(self, timeout=20.0):
        """SIGTERM, then SIGKILL for a process that does not end; returns the exit code."""
        if self.popen is None:
            return None
        if self.running():
            self.signal(signal.SIGTERM)
        try:
            return self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
            raise AssertionError(f"{self.command[0]} did not end within {timeout} s of SIGTERM")

    def wait_ready(self, ready, timeout=30.0):
        """Waits for `ready()`, and fails at once, with the output, when the process ends before."""

        def ready_or_dead():
            if not self.running():
                raise RuntimeError(f"{self.command[0]} ended early:\n{self.log_text()}")
            return ready()

        wait_until(
            ready_or_dead, timeout, what=f"{self.command[0]} is ready: {self.log_text()[-2000:]}"
        )


def open_files(pid):
    """How many file descriptors a process has open."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def process_status(pid, name):
    """A number of /proc/PID/status."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(name + ":"))


def resident_bytes(pid):
    return process_status(pid, "VmRSS") * 1024
