"""Turns the measurements into a Markdown document: the machine, the versions, one table a scene."""

import datetime
import os
import platform
import statistics
from pathlib import Path
from typing import NamedTuple

import programs


class Scene(NamedTuple):
    title: str
    processes: int   # of the whole host while it was measured
    sockets: int     # TCP, of the whole host
    turns: dict      # Program → list of Turn


def field(path: str, name: str) -> str:
    """The value of the first line "name: value" or "name=value" of a file, or "unknown"."""
    try:
        for line in Path(path).read_text(encoding="utf-8").splitlines():
            key, separator, value = line.replace("=", ":", 1).partition(":")
            if separator and key.strip() == name:
                return value.strip().strip('"')
    except OSError:
        pass
    return "unknown"


def count_processes() -> int:
    return sum(1 for name in os.listdir("/proc") if name.isdecimal())


def count_tcp_sockets() -> int:
    """Lines of /proc/net/tcp and tcp6 beneath their headings, TIME_WAIT too."""
    total = 0
    for path in ("/proc/net/tcp", "/proc/net/tcp6"):
        if os.path.exists(path):
            with open(path, encoding="ascii") as lines:
                total += sum(1 for _ in lines) - 1
    return total


def quantile(values: list, q: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))]


def row(program, turns: list, reference: list) -> str:
    cpu = statistics.median(turn.cpu_ms for turn in turns)
    spread = f"{min(turn.cpu_ms for turn in turns):.2f}–{max(turn.cpu_ms for turn in turns):.2f}"
    pss = statistics.median(turn.pss_mib for turn in turns)
    latencies = [latency for turn in turns for latency in turn.latencies_ms]
    cpu_ratio = pss_ratio = "–"
    if reference:
        cpu_ratio = f"{cpu / statistics.median(turn.cpu_ms for turn in reference):.2f}"
        pss_ratio = f"{pss / statistics.median(turn.pss_mib for turn in reference):.2f}"
    return (f"| {program.name} | {cpu:.2f} | {spread} | {cpu_ratio} | {pss:.1f} | {pss_ratio} "
            f"| {quantile(latencies, 0.5):.2f} | {quantile(latencies, 0.99):.2f} | {turns[-1].series} |")


def table(scene: Scene) -> list:
    reference = scene.turns.get(programs.REFERENCE, [])
    against = f"of {programs.REFERENCE.name}'s"
    return [
        f"### {scene.title}: {scene.processes:,} processes, {scene.sockets:,} TCP sockets",
        "",
        f"| | CPU per collection, ms | min–max of the rounds | {against} | PSS, MiB | {against} "
        "| scrape p50, ms | scrape p99, ms | series |",
        "|---|---|---|---|---|---|---|---|---|",
        *(row(program, turns, reference) for program, turns in scene.turns.items()),
        "",
    ]


def render(scenes: list, rounds: int, seconds: int) -> str:
    memory_gib = int(field("/proc/meminfo", "MemTotal").split()[0]) / (1 << 20)
    compared = list(scenes[0].turns)
    lines = [
        f"Machine: {field('/proc/cpuinfo', 'model name')}, {os.cpu_count()} CPUs, {memory_gib:.0f} GiB; "
        f"{field('/etc/os-release', 'PRETTY_NAME')}, kernel {platform.release()}.",
        "Versions: " + ", ".join(f"{program.name} {programs.version(program)}" for program in compared) + ".",
        f"Date: {datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d %H:%M} UTC.",
        "",
        f"Taken in turns, {rounds} rounds of {seconds} s each after a warm-up; one collection and one scrape (gzip, as "
        "Prometheus asks for it) a second. CPU is user and system time of the whole process, scrape included, median "
        "of the rounds. PSS is from smaps_rollup.",
        "",
    ]
    for scene in scenes:
        lines += table(scene)
    return "\n".join(lines)
