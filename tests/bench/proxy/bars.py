"""The bars sluice-proxy has to reach, judged on the measured medians."""

from dataclasses import dataclass

from samples import Samples
from sections import CLIENTS, PROTOCOLS, Plan, client_case, query_case

PEERS = ("pgbouncer", "haproxy")
FASTER_THAN_PEER = 1.3
SYSCALLS_A_QUERY = 5.0
CONNECTS_TO_DIRECT = 0.8
COPY_TO_DIRECT = 0.9
IDLE_KIB = {"clear": 8, "TLS": 40}


@dataclass
class Bar:
    name: str
    bound: str
    measured: str
    met: bool | None

    @property
    def verdict(self) -> str:
        return {True: "met", False: "missed", None: "not measured"}[self.met]


def better_peer(samples: Samples, case: str) -> tuple[str, float] | None:
    """PgBouncer or HAProxy, whichever is faster in this case; None unless both were measured."""
    ratios = {peer: samples.ratio("queries", case, peer) for peer in PEERS}
    if None in ratios.values():
        return None
    return max(ratios.items(), key=lambda item: item[1])


def at_least(name: str, value: float | None, bound: float, text: str) -> Bar:
    met = None if value is None else value >= bound
    return Bar(name, f">= {text}", "-" if value is None else f"{value:.2f}", met)


def at_most(name: str, value: float | None, bound: float, text: str) -> Bar:
    met = None if value is None else value <= bound
    return Bar(name, f"<= {text}", "-" if value is None else f"{value:.2f}", met)


def throughput_bar(samples: Samples, protocol: str, clients: int) -> Bar:
    case = query_case(protocol, clients)
    name = f"{protocol}, {client_case(clients)}: ratio to direct"
    peer = better_peer(samples, case)
    factor = 1.0 if clients == 1 else FASTER_THAN_PEER
    if peer is None:
        return Bar(name, f">= {factor:g} x better peer", "-", None)
    text = f"{factor * peer[1]:.2f} ({factor:g} x {peer[0]} {peer[1]:.2f})"
    return at_least(name, samples.ratio("queries", case, "sluice"), factor * peer[1], text)


def cpu_bar(samples: Samples, protocol: str, clients: int) -> Bar:
    """CPU against the peer that is the faster one in this case."""
    case = query_case(protocol, clients)
    name = f"{protocol}, {client_case(clients)}: CPU us a query"
    peer = better_peer(samples, case)
    bound = peer and samples.median("queries", case, peer[0], "cpu")
    value = samples.median("queries", case, "sluice", "cpu")
    if bound is None:
        return Bar(name, "<= better peer", "-", None)
    bound_us = bound * 1e6
    return at_most(name, None if value is None else value * 1e6, bound_us,
                   f"{bound_us:.2f} ({peer[0]})")


def query_bars(samples: Samples) -> list[Bar]:
    bars = []
    for protocol in PROTOCOLS:
        for clients in CLIENTS:
            bars.append(throughput_bar(samples, protocol, clients))
            if clients > 1:
                bars.append(cpu_bar(samples, protocol, clients))
    return bars


def syscall_bars(samples: Samples) -> list[Bar]:
    value = samples.median("syscalls", client_case(8), "sluice", "calls")
    return [at_most("prepared, 8 clients: system calls a query", value, SYSCALLS_A_QUERY,
                    f"{SYSCALLS_A_QUERY:g}")]


def connect_bars(samples: Samples) -> list[Bar]:
    return [at_least(f"fresh connections, {client_case(clients)}: ratio to direct",
                     samples.ratio("connects", client_case(clients), "sluice"),
                     CONNECTS_TO_DIRECT, f"{CONNECTS_TO_DIRECT:g}") for clients in CLIENTS]


def copy_bars(samples: Samples) -> list[Bar]:
    return [at_least(f"COPY {way}, clear: ratio to direct",
                     samples.ratio("copy", f"{way}, clear", "sluice"),
                     COPY_TO_DIRECT, f"{COPY_TO_DIRECT:g}")
            for way in ("to client", "from client")]


def memory_bars(samples: Samples) -> list[Bar]:
    return [at_most(f"idle connection, {case}: KiB",
                    samples.median("memory", case, "sluice", "kib"), bound, f"{bound:g}")
            for case, bound in IDLE_KIB.items()]


JUDGES = {"queries": query_bars, "syscalls": syscall_bars, "connects": connect_bars,
          "copy": copy_bars, "memory": memory_bars}


def judge(samples: Samples, plan: Plan) -> list[Bar]:
    """The bars of every section that was asked for."""
    return [bar for section in plan.sections if section in JUDGES
            for bar in JUDGES[section](samples)]
