"""Turns the turns into a Markdown table, and into JSON that holds every one of them."""

import datetime
import os
import platform
import shutil
import statistics
import subprocess
from typing import NamedTuple

import rows
from report import field
from turns import STEADY_EVENTS

VERSION_TIMEOUT_S = 10


class Outcome(NamedTuple):
    """Of one comparison: its pairs of turns, or why there are none."""
    pairs: list
    problem: str = ""
    failed: bool = False  # a problem that is a fault


def values(figure: rows.Figure, outcome: Outcome) -> list:
    return [figure.of_pair(first, second) for first, second in outcome.pairs]


def out_of_control(outcomes: dict) -> list:
    """What speaks against the run; nothing when it is good."""
    said = []
    for traffic, name in rows.CONTROLS.items():
        figure = next(figure for figure in rows.FIGURES if figure.comparison == name)
        if name in outcomes and outcomes[name].pairs:
            value = figure.of_pairs(values(figure, outcomes[name]))
            if not rows.LEAST_CONTROL <= value <= rows.MOST_CONTROL:
                said.append(f"{traffic}, nothing ÷ nothing: {figure.form.format(value)}")
    for name in rows.STEADY:
        if name in outcomes and outcomes[name].pairs:
            share = statistics.median(first.per_second for first, _ in outcomes[name].pairs) / STEADY_EVENTS
            if not rows.LEAST_STEADY <= share <= rows.MOST_STEADY:
                said.append(f"{name}: {share * STEADY_EVENTS:,.0f} events/s, not {STEADY_EVENTS:,}")
    return said


def line(figure: rows.Figure, outcome: Outcome) -> str:
    if outcome.problem:
        return f"| {figure.title} | {figure.aim_text()} | {outcome.problem} | | |"
    numbers = values(figure, outcome)
    value = figure.of_pairs(numbers)
    spread = f"{figure.form.format(min(numbers))}–{figure.form.format(max(numbers))}"
    verdict = "" if figure.holds is None else "reached" if figure.reached(value) else "missed"
    return f"| {figure.title} | {figure.aim_text()} | {figure.form.format(value)} | {spread} | {verdict} |"


def bpftrace_version() -> str:
    if shutil.which("bpftrace") is None:
        return "not installed"
    answer = subprocess.run(["bpftrace", "--version"], capture_output=True, text=True, timeout=VERSION_TIMEOUT_S,
                            check=False)
    return answer.stdout.replace("bpftrace", "").strip() or "unknown"


def machine() -> str:
    memory_gib = int(field("/proc/meminfo", "MemTotal").split()[0]) / (1 << 20)
    return (f"{field('/proc/cpuinfo', 'model name')}, {os.cpu_count()} CPUs, {memory_gib:.0f} GiB; "
            f"{field('/etc/os-release', 'PRETTY_NAME')}, kernel {platform.release()}")


def render(outcomes: dict, options) -> str:
    said = out_of_control(outcomes)
    lines = [
        f"Machine: {machine()}; bpftrace {bpftrace_version()}.",
        f"Date: {datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d %H:%M} UTC; load before: {options.load:.2f}.",
        "",
        f"{options.pairs} pairs of each, in random order (seed {options.seed}), {options.seconds:g} s of traffic a "
        f"turn, {options.steady_seconds:g} s at a steady rate; clients at once: {options.parallel}. Medians of the "
        "pairs, with the least and the greatest.",
        "",
    ]
    if said:
        lines += [f"**VOID**, for something else ran on this machine: {'; '.join(said)}.", ""]
    lines += ["| | reach | measured | min–max of the pairs | |", "|---|---|---|---|---|"]
    lines += [line(figure, outcomes[figure.comparison]) for figure in rows.FIGURES if figure.comparison in outcomes]
    return "\n".join(lines) + "\n"


def as_json(outcomes: dict, options) -> dict:
    return {
        "machine": machine(),
        "time": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "load_before": options.load,
        "seed": options.seed,
        "pairs": options.pairs,
        "seconds": options.seconds,
        "steady_seconds": options.steady_seconds,
        "parallel": options.parallel,
        "void": out_of_control(outcomes),
        "comparisons": {
            name: {"problem": outcome.problem,
                   "pairs": [{"first": first._asdict(), "second": second._asdict()} for first, second in outcome.pairs]}
            for name, outcome in outcomes.items()},
        "figures": [
            {"comparison": figure.comparison, "title": figure.title, "reach": figure.aim_text(),
             "value": (value := figure.of_pairs(values(figure, outcomes[figure.comparison]))),
             "reached": None if figure.holds is None else figure.reached(value)}
            for figure in rows.FIGURES if figure.comparison in outcomes and outcomes[figure.comparison].pairs],
    }
