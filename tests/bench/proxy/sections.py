"""The six sections: which loads run, in which order, and what is kept of them."""

import contextlib
import sys
import time
from dataclasses import dataclass, field
from typing import Callable

import load
from processes import BenchError
from samples import Samples
from servers import Rig, find_program

PROTOCOLS = ("simple", "extended", "prepared")
CLIENTS = (1, 8, 32)
TLS_CLIENTS = (8, 32)
SYSCALL_CLIENTS = (1, 8)
STRACE_SECONDS = 3


@dataclass
class Plan:
    """What the command line asked for."""
    targets: list[str]
    sections: list[str]
    seconds: float
    rounds: int
    copy_megabytes: int
    idle_clients: int


@dataclass
class Bench:
    plan: Plan
    rig: Rig
    samples: Samples = field(default_factory=Samples)

    def proxies(self) -> list[str]:
        return [target for target in self.plan.targets if target != "direct"]

    def order(self, number: int) -> list[str]:
        """The targets, starting with another one in each round."""
        shift = number % len(self.plan.targets)
        return self.plan.targets[shift:] + self.plan.targets[:shift]


def log(text: str) -> None:
    print(time.strftime("%H:%M:%S ") + text, file=sys.stderr, flush=True)


def query_case(protocol: str, clients: int) -> str:
    return f"{protocol} {clients}"


def client_case(clients: int) -> str:
    return f"{clients} client" + ("s" if clients > 1 else "")


def describe(result: load.LoadResult, unit: str) -> str:
    text = f"{result.rate:,.0f} {unit}/s"
    if result.cpu_per_unit is None:
        return text
    if unit == "MB":
        return f"{text}, {result.cpu_per_unit * 1e3:.2f} ms CPU a MB"
    return f"{text}, {result.cpu_per_unit * 1e6:.1f} us CPU each"


@contextlib.contextmanager
def endpoints(bench: Bench, section: str, tls: bool):
    """All targets, freshly started; one that does not start is reported and left out."""
    started = {}
    with contextlib.ExitStack() as stack:
        for target in bench.plan.targets:
            try:
                started[target] = stack.enter_context(bench.rig.running(target, tls))
            except BenchError as error:
                bench.samples.fail(section, "start", target, str(error))
                log(f"{section}: {target}: {error}")
        yield started


def measure(bench: Bench, section: str, case: str, number: int, ends: dict, unit: str,
            run: Callable) -> None:
    """One case in one round: every target in turn."""
    for target in bench.order(number):
        if target not in ends:
            continue
        try:
            result = run(ends[target])
        except BenchError as error:
            bench.samples.fail(section, case, target, str(error))
            log(f"{section}: {case}, {target}: {error}")
            continue
        bench.samples.add(section, case, target, "rate", number, result.rate)
        bench.samples.add(section, case, target, "cpu", number, result.cpu_per_unit)
        log(f"{section} {number + 1}/{bench.plan.rounds}: {case}, {target}: "
            + describe(result, unit))


def run_queries(bench: Bench) -> None:
    with endpoints(bench, "queries", False) as ends:
        for number in range(bench.plan.rounds):
            for protocol in PROTOCOLS:
                for clients in CLIENTS:
                    def run(endpoint, protocol=protocol, clients=clients):
                        return load.query_load(bench.rig, endpoint, protocol, clients,
                                               bench.plan.seconds)
                    measure(bench, "queries", query_case(protocol, clients), number, ends,
                            "queries", run)


def run_tls(bench: Bench) -> None:
    with endpoints(bench, "tls", True) as ends:
        for number in range(bench.plan.rounds):
            for clients in TLS_CLIENTS:
                def run(endpoint, clients=clients):
                    return load.query_load(bench.rig, endpoint, "prepared", clients,
                                           bench.plan.seconds)
                measure(bench, "tls", query_case("prepared", clients), number, ends,
                        "queries", run)


def run_connects(bench: Bench) -> None:
    with endpoints(bench, "connects", False) as ends:
        for number in range(bench.plan.rounds):
            for clients in CLIENTS:
                def run(endpoint, clients=clients):
                    return load.query_load(bench.rig, endpoint, "simple", clients,
                                           bench.plan.seconds, reconnect=True)
                measure(bench, "connects", client_case(clients), number, ends,
                        "connections", run)


def run_copy(bench: Bench) -> None:
    rows = load.copy_rows(bench.plan.copy_megabytes)
    path = load.prepare_copy(bench.rig, rows)
    with (endpoints(bench, "copy", False) as clear, endpoints(bench, "copy", True) as tls):
        for number in range(bench.plan.rounds):
            for kind, ends in (("clear", clear), ("TLS", tls)):
                measure(bench, "copy", f"to client, {kind}", number, ends, "MB",
                        lambda endpoint: load.copy_out(bench.rig, endpoint, rows))
                measure(bench, "copy", f"from client, {kind}", number, ends, "MB",
                        lambda endpoint: load.copy_in(bench.rig, endpoint, path))
    bench.rig.execute("drop table sink")
    path.unlink()


def run_syscalls(bench: Bench) -> None:
    if find_program("strace") is None:
        bench.samples.note("syscalls", "not measured: install Debian's package strace")
        log("syscalls: not measured, install Debian's package strace")
        return
    seconds = min(bench.plan.seconds, STRACE_SECONDS)
    for clients in SYSCALL_CLIENTS:
        for target in bench.proxies():
            measure_syscalls(bench, target, clients, seconds)


def measure_syscalls(bench: Bench, target: str, clients: int, seconds: float) -> None:
    case = client_case(clients)
    try:
        with bench.rig.running(target, False) as endpoint:
            result = load.count_syscalls(bench.rig, endpoint, clients, seconds)
    except BenchError as error:
        bench.samples.fail("syscalls", case, target, str(error))
        log(f"syscalls: {case}, {target}: {error}")
        return
    bench.samples.add("syscalls", case, target, "calls", 0, result.per_query)
    names = sorted(result.by_name.items(), key=lambda item: -item[1])
    text = ", ".join(f"{name} {count:.2f}" for name, count in names if count >= 0.05)
    bench.samples.note("syscalls", f"{target}, {case}: {text}")
    log(f"syscalls: {case}, {target}: {result.per_query:.2f} a query ({text})")


def run_memory(bench: Bench) -> None:
    for case, tls in (("clear", False), ("TLS", True)):
        for target in bench.proxies():
            measure_memory(bench, target, case, tls)
            bench.rig.wait_until_quiet()


def measure_memory(bench: Bench, target: str, case: str, tls: bool) -> None:
    try:
        with bench.rig.running(target, tls) as endpoint:
            kib = load.idle_memory(bench.rig, endpoint, bench.plan.idle_clients)
    except (BenchError, OSError) as error:
        bench.samples.fail("memory", case, target, str(error))
        log(f"memory: {case}, {target}: {error}")
        return
    bench.samples.add("memory", case, target, "kib", 0, kib)
    log(f"memory: {case}, {target}: {kib:.1f} KiB a connection")


SECTIONS = {
    "queries": run_queries,
    "syscalls": run_syscalls,
    "connects": run_connects,
    "copy": run_copy,
    "tls": run_tls,
    "memory": run_memory,
}
