"""What is done to an endpoint: pgbench, COPY, strace and crowds of idle clients."""

import contextlib
import re
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import wire
from processes import BenchError, anonymous_kib, cpu_seconds, traced_by, wait_until
from servers import DATABASE, USER, Endpoint, Rig, require_program

COPY_ROW = "0123456789" * 100
COPY_ROW_BYTES = len(COPY_ROW) + 1
MEGABYTE = 1_000_000


@dataclass
class PgbenchResult:
    tps: float
    transactions: int


@dataclass
class LoadResult:
    """A rate (transactions, connections or MB a second) and CPU seconds of the proxy a unit."""
    rate: float
    cpu_per_unit: float | None


@dataclass
class SyscallResult:
    per_query: float
    by_name: dict


def parse_pgbench(text: str) -> PgbenchResult:
    tps = re.search(r"^tps = ([0-9.]+) \(", text, re.MULTILINE)
    done = re.search(r"^number of transactions actually processed: (\d+)", text, re.MULTILINE)
    if tps is None or done is None or int(done[1]) == 0:
        raise BenchError(f"pgbench: no result in {text[-300:]!r}")
    return PgbenchResult(float(tps[1]), int(done[1]))


def pgbench(rig: Rig, endpoint: Endpoint, protocol: str, clients: int, seconds: float,
            *, reconnect: bool = False) -> PgbenchResult:
    """pgbench's select-only script, without vacuum."""
    command = [rig.pgbench, "-n", "-S", "-M", protocol, "-c", clients,
               "-j", min(2, clients), "-T", max(1, round(seconds))]
    if reconnect:
        command.append("-C")
    output = rig.supervisor.run(f"pgbench through {endpoint.target}", command,
                                seconds=seconds + 60, env=rig.client_environment(endpoint))
    return parse_pgbench(output)


class CpuMeter:
    """CPU seconds a proxy used since the meter was made; None for direct."""

    def __init__(self, endpoint: Endpoint):
        self.process = endpoint.process
        self.before = cpu_seconds(self.process.pid) if self.process else 0.0

    def per_unit(self, units: float) -> float | None:
        if self.process is None:
            return None
        self.process.require_running()
        return (cpu_seconds(self.process.pid) - self.before) / units


def query_load(rig: Rig, endpoint: Endpoint, protocol: str, clients: int, seconds: float,
               *, reconnect: bool = False) -> LoadResult:
    """Transactions a second and the proxy's CPU seconds for each."""
    meter = CpuMeter(endpoint)
    result = pgbench(rig, endpoint, protocol, clients, seconds, reconnect=reconnect)
    return LoadResult(result.tps, meter.per_unit(result.transactions))


# COPY

def copy_rows(megabytes: int) -> int:
    return megabytes * MEGABYTE // COPY_ROW_BYTES


def copy_source(rows: int) -> str:
    return f"copy (select '{COPY_ROW}' from generate_series(1, {rows})) to stdout"


def prepare_copy(rig: Rig, rows: int) -> Path:
    """The table that takes the data, and the file that is sent to it."""
    rig.execute("create unlogged table if not exists sink (line text)")
    path = rig.folder / "copy.txt"
    line = COPY_ROW.encode() + b"\n"
    with open(path, "wb") as file:
        for _ in range(rows // 1000):
            file.write(line * 1000)
        file.write(line * (rows % 1000))
    return path


def timed_psql(rig: Rig, endpoint: Endpoint, sql: str, megabytes: float, **popen) -> LoadResult:
    meter = CpuMeter(endpoint)
    started = time.monotonic()
    rig.supervisor.run(f"psql through {endpoint.target}",
                       [rig.psql, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", sql],
                       seconds=300, env=rig.client_environment(endpoint), **popen)
    elapsed = time.monotonic() - started
    return LoadResult(megabytes / elapsed, meter.per_unit(megabytes))


def copy_out(rig: Rig, endpoint: Endpoint, rows: int) -> LoadResult:
    return timed_psql(rig, endpoint, copy_source(rows), rows * COPY_ROW_BYTES / MEGABYTE,
                      stdout=subprocess.DEVNULL)


def copy_in(rig: Rig, endpoint: Endpoint, path: Path) -> LoadResult:
    rig.execute("truncate sink")
    with open(path, "rb") as file:
        return timed_psql(rig, endpoint, "copy sink from stdin",
                          path.stat().st_size / MEGABYTE, stdin=file)


# System calls

def parse_strace_summary(text: str) -> dict:
    """Calls by name from the table of `strace -c`; the errors column may be empty."""
    calls = {}
    for line in text.splitlines():
        fields = line.split()
        if len(fields) in (5, 6) and re.fullmatch(r"[0-9.]+", fields[0]) and fields[3].isdigit():
            calls[fields[-1]] = int(fields[3])
    calls.pop("total", None)
    if not calls:
        raise BenchError(f"strace counted nothing: {text[-300:]!r}")
    return calls


@contextlib.contextmanager
def strace_attached(rig: Rig, endpoint: Endpoint, output: Path):
    """strace counts the calls of every thread of the proxy inside the block."""
    program = require_program("strace", "strace")
    log = rig.folder / "strace.log"
    log.write_bytes(b"")
    tracer = rig.supervisor.start(
        "strace", [program, "-c", "-f", "-o", output, "-p", endpoint.process.pid],
        stop_signal=signal.SIGINT, log=log)

    def attached():
        tracer.require_running()
        return traced_by(endpoint.process.pid, tracer.pid)
    try:
        wait_until(attached, 10, "strace attaching to " + endpoint.target)
        yield
    finally:
        rig.supervisor.stop(tracer)


def count_syscalls(rig: Rig, endpoint: Endpoint, clients: int, seconds: float) -> SyscallResult:
    """System calls of the proxy for each query of a pgbench that runs under strace."""
    output = rig.folder / "strace.txt"
    with strace_attached(rig, endpoint, output):
        result = pgbench(rig, endpoint, "prepared", clients, seconds)
    calls = parse_strace_summary(output.read_text())
    by_name = {name: count / result.transactions for name, count in calls.items()}
    return SyscallResult(sum(by_name.values()), by_name)


# Idle clients

def settled_anonymous_kib(pid: int) -> int:
    """Anonymous memory once it stays the same for a second."""
    readings = [anonymous_kib(pid)]

    def steady():
        readings.append(anonymous_kib(pid))
        last = readings[-6:]
        return len(last) == 6 and max(last) - min(last) <= max(last) // 200
    wait_until(steady, 20, "memory of the idle proxy settling", 0.2)
    return readings[-1]


def idle_memory(rig: Rig, endpoint: Endpoint, clients: int) -> float:
    """KiB of anonymous memory that each idle client costs a fresh proxy process."""
    context = wire.tls_context() if endpoint.tls else None
    before = settled_anonymous_kib(endpoint.process.pid)
    with contextlib.ExitStack() as connections:
        for _ in range(clients):
            client = wire.log_in(endpoint.port, USER, DATABASE, context)
            connections.callback(wire.log_out, client)
            wire.run_query(client, "select 1")
        endpoint.process.require_running()
        return (settled_anonymous_kib(endpoint.process.pid) - before) / clients
