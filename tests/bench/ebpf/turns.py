"""One turn: what watches is started, traffic runs, and what both tell is checked, so that no figure is of a watcher
that saw nothing."""

import contextlib
import json
import os
import subprocess
import time
from pathlib import Path
from typing import Iterator, NamedTuple

import watchers
from measure import Failed, free_port, stop
from programs import ROOT
from watchers import Agent, Numbers, Watcher

TRAFFIC = ROOT / "build" / "tests" / "ebpf_traffic"
TRANSITIONS = 6       # of a connection that ends by a reset
STEADY_EVENTS = 6000  # a second
STORM = 10_000        # events that the rule of one turn matches
COLLECTIONS = "sentinel_collector_duration_seconds_count"  # of the watched one and of `self`, one a second each


class Turn(NamedTuple):
    per_second: float = 0.0      # connections or round trips; events at a steady rate
    events: float = 0.0          # that the collector saw
    lost: float = 0.0
    wake_ups: float = 0.0        # an event
    cpu_percent: float = 0.0     # of one core


def traffic_command(mode: str, seconds: float, *options: str) -> list:
    return ["setpriv", "--pdeathsig", "KILL", str(TRAFFIC), mode, "--seconds", f"{seconds:g}", *options]


def traffic(mode: str, seconds: float, *options: str) -> dict:
    """Its operations and seconds."""
    done = subprocess.run(traffic_command(mode, seconds, *options), stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=seconds + 60, check=False)
    if done.returncode != 0:
        raise Failed(f"the traffic ended with code {done.returncode}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def took_part(mode: str, plugin: str, before: Numbers, operations: int):
    """Whether a collection has stored that the collector saw all of the traffic."""
    def seen(numbers: Numbers) -> float:
        if plugin == "ebpf_recv":
            return numbers.total("sentinel_recv_latency_seconds_count")
        if plugin == "ebpf_xmit":
            return numbers.total("sentinel_xmit_packets_total")
        return numbers.seen()
    least = operations * (TRANSITIONS if mode == "connections" else 1)
    return lambda numbers: seen(numbers) - seen(before) >= least and \
        numbers.total("sentinel_bpf_in_flight_events") == 0


def full_rate(watcher: Watcher, mode: str, seconds: float, parallel: int) -> Turn:
    """As much traffic as goes."""
    load = (mode, seconds, "--parallel", str(parallel))
    if watcher is watchers.NOTHING:
        done = traffic(*load)
        return Turn(done["operations"] / done["seconds"])
    if watcher.bpftrace:
        with watchers.bpftrace() as process:
            before = watchers.bytes_written(process)
            done = traffic(*load)
            if watchers.bytes_written(process) == before:
                raise Failed("bpftrace printed nothing")
        return Turn(done["operations"] / done["seconds"])
    with watchers.agent(watcher) as agent:
        before = agent.numbers()
        done = traffic(*load)
        after = agent.wait_for(f"a collection with all that {watcher.plugin} was to see",
                               took_part(mode, watcher.plugin, before, done["operations"]))
        events = after.seen() - before.seen()
        return Turn(done["operations"] / done["seconds"], events, after.lost() - before.lost(),
                    wake_ups(before, after))


def wake_ups(before: Numbers, after: Numbers) -> float:
    name = "sentinel_bpf_reads_total"
    events = after.seen() - before.seen()
    return (after.total(name) - before.total(name)) / events if events > 0 else 0.0


@contextlib.contextmanager
def steady_traffic(seconds: float) -> Iterator[None]:
    rate = STEADY_EVENTS / TRANSITIONS
    process = subprocess.Popen(traffic_command("connections", seconds, "--rate", f"{rate:g}"),
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        yield
        if process.poll() is not None:
            raise Failed("the steady traffic ended early")
    finally:
        stop(process)


def steady(watcher: Watcher, seconds: float) -> Turn:
    """6,000 events a second for so long, behind a first collection: what the whole agent takes of a core."""
    warm_up_s = watcher.every_s + 1
    with watchers.agent(watcher) as agent, steady_traffic(warm_up_s + seconds + 60):
        time.sleep(warm_up_s)
        before = agent.numbers()
        cpu_before = agent.cpu_seconds()
        begin = time.monotonic()
        time.sleep(seconds)
        cpu = agent.cpu_seconds() - cpu_before
        took = time.monotonic() - begin
        after = agent.numbers()
    percent = cpu / took * 100
    if not watcher.plugin:
        return Turn(cpu_percent=percent)
    # Both ends lie at collections, so a whole number of intervals is between them.
    events = after.seen() - before.seen()
    intervals = max(1, round(took / watcher.every_s))
    if events == 0:
        raise Failed("the collector saw nothing of the steady traffic")
    return Turn(events / (intervals * watcher.every_s), events, after.lost() - before.lost(), wake_ups(before, after),
                percent)


def storm_rule(port: int) -> str:
    return (f"{{filter: 'sentinel_tcp_transition{{newstate=\"syn_sent\", dport=\"{port}\"}}', "
            "window: {over: 1s, fn: count, by: [pid, comm]}, "
            "alert: {when: '> 500', cooldown: 60s, severity: critical}, alerts_to: [incident]}")


def cgroup_id() -> int:
    """Of this process, and of what it starts: the inode of its cgroup of version 2. 0: there is none."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        number, _, path = line.split(":", 2)
        if number != "0":
            continue
        for mount in Path("/proc/self/mounts").read_text().splitlines():
            _, where, kind, *_ = mount.split()
            if kind == "cgroup2":
                with contextlib.suppress(OSError):
                    return os.stat(where + path).st_ino
    return 0


def storm(config: str) -> int:
    """10,000 events that one rule matches. Returns how many alerts came of it; fails when one has not its context."""
    port = free_port()
    watcher = Watcher("storm", "ebpf_tcpstate", config, storm_rule(port), snapshots=True)
    with watchers.agent(watcher) as agent:
        before = agent.numbers()
        done = traffic("connections", 60, "--count", str(STORM), "--port", str(port))
        if done["operations"] != STORM:
            raise Failed(f"only {done['operations']} of {STORM} connections were made")
        agent.wait_for("a snapshot of the storm", lambda _: bool(agent.snapshots()))
        agent.wait_for("the collection behind the storm",
                       took_part("connections", watcher.plugin, before, STORM))
        # Further alerts would come with the windows that are still open, of a second each.
        collections = agent.numbers().total(COLLECTIONS)
        agent.wait_for("three more collections of each", lambda numbers: numbers.total(COLLECTIONS) >= collections + 6)
        alerts = agent.firing()
        snapshots = agent.snapshots()
        check_context(snapshots)
        return max(len(alerts), len(snapshots))


def check_context(snapshots: list) -> None:
    expected_cgroup = cgroup_id()
    for snapshot in snapshots:
        context = snapshot.get("context") or {}
        wrong = [name for name, right in (
            ("stack", bool(context.get("stack"))),
            ("comm", context.get("comm") == TRAFFIC.name[:15]),
            ("ppid", context.get("ppid") == os.getpid()),
            ("cgroup_id", int(context.get("cgroup_id", 0)) == expected_cgroup if expected_cgroup
             else int(context.get("cgroup_id", 0)) > 0)) if not right]
        if wrong:
            raise Failed(f"the alert has not the right {', '.join(wrong)}: {json.dumps(context)}")
