"""What watches while the traffic runs: nothing, the agent with one eBPF collector, or bpftrace."""

import contextlib
import http.client
import json
import re
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Callable, Iterator, NamedTuple, Optional

from measure import Failed, cpu_seconds, free_port, stop
from programs import ROOT

SENTINEL = ROOT / "build" / "sentinel"
PLUGINS = ROOT / "build" / "plugins"
START_TIMEOUT_S = 20
# Until the collection behind the traffic has been stored, and all events have been read.
QUIET_TIMEOUT_S = 20
COLLECTOR = "watched"
SAMPLE = re.compile(r"(?P<name>[a-z_][a-z0-9_]*)(?:\{(?P<labels>.*)\})? (?P<value>\S+)")
# What `sentinel trace tcp_state` prints of an event, as bpftrace's own tools (tcpconnect.bt, tcplife.bt) print it.
BPFTRACE_PROGRAM = """tracepoint:sock:inet_sock_set_state /args->protocol == 6/ {
  time("%H:%M:%S ");
  printf("%-8d %-16s ", pid, comm);
  printf("%-39s %-6d %-39s %-6d %d %d\\n", ntop(args->saddr), args->sport, ntop(args->daddr), args->dport,
         args->oldstate, args->newstate);
}"""


class NotHere(Exception):
    """What can't run on this machine, and why; no failure."""


class Numbers:
    """What one GET /metrics said."""

    def __init__(self, text: str):
        self.samples = [found.groupdict() for line in text.splitlines() if (found := SAMPLE.fullmatch(line))]

    def total(self, name: str, *labels: str) -> float:
        """The sum of the series of a name that have all of the labels, each as key="value"."""
        return sum(float(sample["value"]) for sample in self.samples
                   if sample["name"] == name and all(label in (sample["labels"] or "") for label in labels))

    def lost(self) -> float:
        return sum(float(sample["value"]) for sample in self.samples
                   if sample["name"] == "sentinel_bpf_events_total" and 'outcome="lost' in sample["labels"])

    def seen(self) -> float:
        return self.total("sentinel_bpf_events_total", 'outcome="seen"')


class Watcher(NamedTuple):
    """Nothing, bpftrace, or the agent with a collector and a rule, or without."""
    name: str
    plugin: str = ""      # the eBPF collector's, if there is one
    config: str = ""      # the collector's `config:`, in YAML's flow style
    rule: str = ""        # a pipeline over its events, in YAML's flow style
    snapshots: bool = False
    every_s: int = 1
    bpftrace: bool = False


NOTHING = Watcher("none")


def configuration(watcher: Watcher, port: int, folder: Path) -> str:
    lines = [
        "version: 1",
        f"agent: {{listen: '127.0.0.1:{port}', plugin_path: ['{PLUGINS}'], state_dir: '{folder / 'state'}'}}",
        "sinks:",
        "  prometheus: {plugin: prometheus}",
    ]
    if watcher.snapshots:
        lines.append(f"  incident: {{plugin: webhook_snapshot, config: {{directory: '{folder / 'snapshots'}'}}}}")
    if watcher.plugin:
        lines += ["collectors:",
                  f"  {COLLECTOR}: {{plugin: {watcher.plugin}, every: {watcher.every_s}s, config: {watcher.config}}}"]
    sources = f"{COLLECTOR}, self" if watcher.plugin else "self"
    lines += ["pipelines:", f"  host: {{from: [{sources}], to: [prometheus]}}"]
    if watcher.rule:
        lines.append(f"  storm: {watcher.rule}")
    return "\n".join(lines) + "\n"


class Agent:
    """A running one."""

    def __init__(self, process: subprocess.Popen, port: int, folder: Path):
        self.process = process
        self.port = port
        self.folder = folder

    def get(self, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as response:
            return response.read().decode()

    def numbers(self) -> Numbers:
        return Numbers(self.get("/metrics"))

    def wait_for(self, what: str, holds: Callable[[Numbers], bool], timeout_s: float = QUIET_TIMEOUT_S) -> Numbers:
        """The first numbers of which it holds."""
        deadline = time.monotonic() + timeout_s
        while True:
            if self.process.poll() is not None:
                raise Failed(f"the agent ended with code {self.process.returncode}")
            with contextlib.suppress(OSError, http.client.HTTPException):
                numbers = self.numbers()
                if holds(numbers):
                    return numbers
            if time.monotonic() > deadline:
                raise Failed(f"{what} did not come within {timeout_s} s")
            time.sleep(0.1)

    def cpu_seconds(self) -> float:
        return cpu_seconds(self.process.pid)

    def firing(self) -> list:
        """The alerts of the rule that fire."""
        alerts = json.loads(self.get("/api/v1/alerts"))["data"]["alerts"]
        return [alert for alert in alerts if alert["labels"]["alertname"] == "storm" and alert["state"] == "firing"]

    def snapshots(self) -> list:
        """alert.json of each snapshot, of the rule's alerts."""
        files = (self.folder / "snapshots").glob("*-storm-*/alert.json")
        return [json.loads(file.read_text()) for file in sorted(files)]


@contextlib.contextmanager
def started(command: list, log: Path, output=None) -> Iterator[subprocess.Popen]:
    """Should this script be killed outright, the program goes too."""
    with log.open("wb") as messages:
        process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *command], stdin=subprocess.DEVNULL,
                                   stdout=output if output is not None else messages, stderr=messages)
    try:
        yield process
    except Failed as error:
        raise Failed(f"{error}\n{log.read_text(errors='replace')[-1500:]}") from error
    finally:
        stop(process)


def watches(watcher: Watcher, numbers: Numbers, log: Path) -> bool:
    if not watcher.plugin:
        return bool(numbers.samples)
    refusal = re.search(rf"not running: {COLLECTOR}: (.*)", log.read_text(errors="replace"))
    if refusal:
        raise NotHere(refusal[1])
    return numbers.total("sentinel_collector_up", f'collector="{COLLECTOR}"') == 1


@contextlib.contextmanager
def agent(watcher: Watcher) -> Iterator[Agent]:
    """Begins when the collector is attached and has collected once. Throws NotHere when it can't run here."""
    with tempfile.TemporaryDirectory(prefix="bench-ebpf-") as name:
        folder = Path(name)
        port = free_port()
        config = folder / "sentinel.yaml"
        config.write_text(configuration(watcher, port, folder), encoding="utf-8")
        with started([str(SENTINEL), "run", str(config)], folder / "log") as process:
            running = Agent(process, port, folder)
            running.wait_for("the first collection", lambda numbers: watches(watcher, numbers, folder / "log"),
                             START_TIMEOUT_S)
            yield running


def bytes_written(process: subprocess.Popen) -> int:
    for line in Path(f"/proc/{process.pid}/io").read_text().splitlines():
        if line.startswith("wchar:"):
            return int(line.split()[1])
    raise Failed(f"/proc/{process.pid}/io has no wchar")


def wait_for_prints(process: subprocess.Popen) -> None:
    """Until it has printed of three connections, one after the other: what it writes at its start is not that."""
    deadline = time.monotonic() + START_TIMEOUT_S
    printed = 0
    while printed < 3:
        if process.poll() is not None or time.monotonic() > deadline:
            raise Failed("bpftrace prints nothing of connections")
        before = bytes_written(process)
        with socket.socket() as client:
            client.connect_ex(("127.0.0.1", 1))
        time.sleep(0.05)
        printed = printed + 1 if bytes_written(process) > before else 0


@contextlib.contextmanager
def bpftrace() -> Iterator[subprocess.Popen]:
    """Begins when it prints what happens. Of tracefs it gets a mount of its own, for not every machine has one."""
    program = shutil.which("bpftrace")
    if program is None:
        raise NotHere("bpftrace is not installed")
    mounts = ("mount -t tracefs tracefs /sys/kernel/tracing && mount -t debugfs debugfs /sys/kernel/debug && "
              'exec "$@"')
    command = ["unshare", "--mount", "sh", "-c", mounts, "sh", program, "-e", BPFTRACE_PROGRAM]
    with tempfile.TemporaryDirectory(prefix="bench-ebpf-") as folder, \
            started(command, Path(folder) / "log", output=subprocess.DEVNULL) as process:
        wait_for_prints(process)
        yield process


def why_not(watcher: Watcher) -> Optional[str]:
    """Why it can't be had, if so."""
    if watcher.plugin and not (PLUGINS / f"{watcher.plugin}.so").exists():
        return "not built"
    if watcher.bpftrace and shutil.which("bpftrace") is None:
        return "bpftrace is not installed"
    return None
