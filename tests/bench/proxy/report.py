"""Tables: aligned text for the terminal, Markdown for the documentation."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

from bars import Bar
from samples import Samples
from sections import (CLIENTS, PROTOCOLS, SYSCALL_CLIENTS, TLS_CLIENTS, Bench, client_case,
                      query_case)

BEGIN = "<!-- tests/bench/proxy: begin -->"
END = "<!-- tests/bench/proxy: end -->"


@dataclass
class Table:
    title: str
    header: list[str]
    rows: list[list[str]]
    notes: list[str] = field(default_factory=list)


def number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


def ratio_text(ratios: list[float], middle: float | None) -> str:
    """The median, with the span when there were several rounds."""
    if middle is None:
        return "-"
    span = f" ({min(ratios):.2f}-{max(ratios):.2f})" if len(ratios) > 1 else ""
    return f"{middle:.2f}{span}"


def ratio_table(bench: Bench, section: str, title: str, cases: list[str], rate: str,
                cpu: str, cpu_scale: float) -> Table:
    """Direct's rate, then each proxy's ratio to it, then each proxy's CPU a unit."""
    samples, proxies = bench.samples, bench.proxies()
    rows = []
    for case in cases:
        row = [case, number(samples.median(section, case, "direct", "rate"), 0)]
        row += [ratio_text(samples.ratios(section, case, target),
                           samples.ratio(section, case, target)) for target in proxies]
        for target in proxies:
            value = samples.median(section, case, target, "cpu")
            row.append(number(None if value is None else value * cpu_scale, 2))
        rows.append(row)
    header = ["", f"direct {rate}", *proxies, *(f"{target} {cpu}" for target in proxies)]
    return Table(title, header, rows, failure_notes(samples, section))


def value_table(bench: Bench, section: str, title: str, cases: list[str], metric: str,
                digits: int) -> Table:
    rows = [[case] + [number(bench.samples.median(section, case, target, metric), digits)
                      for target in bench.proxies()] for case in cases]
    notes = bench.samples.notes[section] + failure_notes(bench.samples, section)
    return Table(title, ["", *bench.proxies()], rows, notes)


def failure_notes(samples: Samples, section: str) -> list[str]:
    return [f"{target} failed ({case}): {reason}"
            for (where, case, target), reason in samples.failures.items() if where == section]


def queries_table(bench: Bench) -> Table:
    cases = [query_case(protocol, clients) for protocol in PROTOCOLS for clients in CLIENTS]
    return ratio_table(bench, "queries", "pgbench -S: ratio to direct, proxy CPU us a query",
                       cases, "tps", "us", 1e6)


def syscalls_table(bench: Bench) -> Table:
    return value_table(bench, "syscalls", "System calls of the proxy a query (prepared)",
                       [client_case(clients) for clients in SYSCALL_CLIENTS], "calls", 2)


def connects_table(bench: Bench) -> Table:
    return ratio_table(
        bench, "connects", "Fresh connection a query (pgbench -C -S): ratio to direct, "
        "proxy CPU us a connection", [client_case(clients) for clients in CLIENTS],
        "per s", "us", 1e6)


def copy_table(bench: Bench) -> Table:
    cases = [f"{way}, {kind}" for kind in ("clear", "TLS")
             for way in ("to client", "from client")]
    return ratio_table(bench, "copy", f"COPY of {bench.plan.copy_megabytes} MB: ratio to direct, "
                       "proxy CPU ms a MB", cases, "MB/s", "ms", 1e3)


def tls_table(bench: Bench) -> Table:
    return ratio_table(
        bench, "tls", "pgbench -S over TLS: ratio to direct with TLS, proxy CPU us a query",
        [query_case("prepared", clients) for clients in TLS_CLIENTS], "tps", "us", 1e6)


def memory_table(bench: Bench) -> Table:
    return value_table(bench, "memory", f"Anonymous memory, KiB for each of "
                       f"{bench.plan.idle_clients:,} idle connections", ["clear", "TLS"], "kib", 1)


TABLES: dict[str, Callable] = {
    "queries": queries_table, "syscalls": syscalls_table, "connects": connects_table,
    "copy": copy_table, "tls": tls_table, "memory": memory_table,
}


def bars_table(bars: list[Bar]) -> Table:
    return Table("Bars", ["bar", "bound", "sluice", "verdict"],
                 [[bar.name, bar.bound, bar.measured, bar.verdict] for bar in bars])


def all_tables(bench: Bench, bars: list[Bar]) -> list[Table]:
    tables = [TABLES[section](bench) for section in bench.plan.sections]
    return tables + ([bars_table(bars)] if bars else [])


# Text

def text_table(table: Table) -> str:
    lines = [table.header, *table.rows]
    left_columns = len(table.header) if table.title == "Bars" else 1
    widths = [max(len(line[column]) for line in lines) for column in range(len(table.header))]

    def render(line: list[str]) -> str:
        cells = [cell.ljust(width) if column < left_columns else cell.rjust(width)
                 for column, (cell, width) in enumerate(zip(line, widths))]
        return "  ".join(cells).rstrip()
    rule = "  ".join("-" * width for width in widths)
    body = [render(table.header), rule, *map(render, table.rows)]
    return "\n".join([table.title, *body, *(f"  {note}" for note in table.notes)])


def text_report(facts: dict, tables: list[Table]) -> str:
    head = "\n".join(f"{name}: {value}" for name, value in facts.items())
    return "\n\n".join([head, *map(text_table, tables)])


# Markdown

def markdown_row(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def markdown_table(table: Table) -> str:
    right = "---" if table.title == "Bars" else "---:"
    rule = "|" + "|".join(["---"] + [right] * (len(table.header) - 1)) + "|"
    lines = [f"### {table.title}", "", markdown_row(table.header), rule,
             *map(markdown_row, table.rows)]
    if table.notes:
        lines += ["", *(f"- {note}" for note in table.notes)]
    return "\n".join(lines)


def markdown_report(facts: dict, tables: list[Table]) -> str:
    head = "\n".join(f"- {name}: {value}" for name, value in facts.items())
    return "\n\n".join(["## Proxy", head, *map(markdown_table, tables)]) + "\n"


def merged(existing: str, report: str) -> str:
    """The document with its marked part replaced, or with a marked part added at the end."""
    block = f"{BEGIN}\n{report}{END}\n"
    before, begin, rest = existing.partition(BEGIN + "\n")
    _, end, after = rest.partition(END + "\n")
    if begin and end:
        return before + block + after
    return (existing.rstrip() or "# Benchmarks") + "\n\n" + block


def write_markdown(path: Path, report: str) -> None:
    existing = path.read_text() if path.exists() else ""
    path.write_text(merged(existing, report))
