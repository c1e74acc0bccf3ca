"""What the numbers were measured on: date, machine and versions."""

import os
import platform
import subprocess
import time
from pathlib import Path

from sections import Plan
from servers import Rig, find_program


def cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def memory_gib() -> int:
    return round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30)


def first_line(command: list, environment: dict | None = None) -> str:
    """The first line a program prints, or `unknown`."""
    try:
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True,
                              timeout=10, stdin=subprocess.DEVNULL, env=environment)
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    lines = done.stdout.strip().splitlines()
    return lines[0] if done.returncode == 0 and lines else "unknown"


def source_revision() -> str:
    folder = Path(__file__).resolve().parent
    return first_line(["git", "-C", folder, "describe", "--always", "--dirty"])


def versions(rig: Rig, targets: list[str]) -> dict:
    facts = {"PostgreSQL": first_line([rig.pg_bin / "postgres", "--version"],
                                      rig.server_environment()),
             "pgbench": first_line([rig.pgbench, "--version"])}
    if "sluice" in targets:
        facts["sluice-proxy"] = (f"{first_line([rig.sluice, '--version'])}, "
                                 f"source {source_revision()}")
    if "pgbouncer" in targets:
        facts["PgBouncer"] = first_line([find_program("pgbouncer") or "pgbouncer", "--version"])
    if "haproxy" in targets:
        facts["HAProxy"] = first_line([find_program("haproxy") or "haproxy", "-v"])
    return facts


def facts(rig: Rig, plan: Plan, scale: int) -> dict:
    """Heading of the report."""
    return {
        "Date": time.strftime("%Y-%m-%d"),
        "Machine": f"{cpu_model()}, {os.cpu_count()} CPUs, {memory_gib()} GiB, "
                   f"Linux {platform.release()}",
        **versions(rig, plan.targets),
        "Load": f"pgbench scale {scale}, {plan.seconds:g} s a run, rounds: {plan.rounds}, "
                "targets interleaved; a ratio is the median over the rounds of target/direct of "
                "the same round; load, server and proxy share the CPUs",
    }
