"""The programs that are compared: how each is told to report the same facts, and how its version is asked for.

The facts: CPU time per CPU and mode, load, memory, TCP connections by state, processes by state; and, where a program
has them, kernel counters of memory, network and pressure, which all come from small files.
"""

import platform
import re
import subprocess
from pathlib import Path
from typing import Callable, NamedTuple

ROOT = Path(__file__).resolve().parents[3]
PEERS = ROOT / "build" / "peers"


class Program(NamedTuple):
    name: str
    binary: Path
    # (port, an empty folder of its own) → the command that serves 127.0.0.1:port/metrics.
    command: Callable[[int, Path], list]
    version_option: str
    libraries: str = ""  # folder of libraries that the machine lacks


def sentinel_command(port: int, folder: Path) -> list:
    config = folder / "sentinel.yaml"
    config.write_text(f"""version: 1
agent:
  listen: 127.0.0.1:{port}
  plugin_path: ["{ROOT / 'build' / 'plugins'}"]
  state_dir: "{folder / 'state'}"
collectors:
  cpu:       {{plugin: proc_cpu,    every: 1s}}
  memory:    {{plugin: proc_mem,    every: 1s}}
  tcp:       {{plugin: proc_tcp,    every: 1s}}
  processes: {{plugin: proc_zombie, every: 1s}}
pipelines:
  host:
    from: [cpu, memory, tcp, processes, self]
    to:   [prometheus]
sinks:
  prometheus: {{plugin: prometheus}}
""", encoding="utf-8")
    return [str(SENTINEL.binary), "run", str(config)]


def node_exporter_command(port: int, _folder: Path) -> list:
    collectors = ["cpu", "loadavg", "meminfo", "stat", "tcpstat", "processes", "vmstat", "pressure", "sockstat", "netstat"]
    return [str(NODE_EXPORTER.binary), f"--web.listen-address=127.0.0.1:{port}", "--log.level=error",
            "--collector.disable-defaults", *(f"--collector.{name}" for name in collectors)]


def collectd_command(port: int, folder: Path) -> list:
    config = folder / "collectd.conf"
    config.write_text(f"""Hostname "bench"
FQDNLookup false
BaseDir "{folder}"
PIDFile "{folder / 'collectd.pid'}"
PluginDir "{PEERS / 'usr/lib/collectd'}"
TypesDB "{PEERS / 'usr/share/collectd/types.db'}"
Interval 1
LoadPlugin cpu
LoadPlugin load
LoadPlugin memory
LoadPlugin tcpconns
LoadPlugin processes
LoadPlugin write_prometheus
<Plugin cpu>
  ReportByCpu true
  ReportByState true
</Plugin>
<Plugin tcpconns>
  ListeningPorts false
  AllPortsSummary true
</Plugin>
<Plugin write_prometheus>
  Host "127.0.0.1"
  Port "{port}"
</Plugin>
""", encoding="utf-8")
    return [str(COLLECTD.binary), "-f", "-C", str(config)]


SENTINEL = Program("sentinel", ROOT / "build" / "sentinel", sentinel_command, "--version")
NODE_EXPORTER = Program("node_exporter", PEERS / "usr/bin/prometheus-node-exporter", node_exporter_command,
                        "--version")
COLLECTD = Program("collectd", PEERS / "usr/sbin/collectd", collectd_command, "-h",
                   str(PEERS / "usr/lib" / f"{platform.machine()}-linux-gnu"))
# The peer that the others are held against.
REFERENCE = NODE_EXPORTER
ALL = [SENTINEL, NODE_EXPORTER, COLLECTD]


def version(program: Program) -> str:
    """The first number with a dot in it that the program says of itself."""
    answer = subprocess.run([program.binary, program.version_option], stdin=subprocess.DEVNULL, capture_output=True,
                            text=True, timeout=10, check=False)
    found = re.search(r"\d+\.\d+(?:\.\d+)*", answer.stdout + answer.stderr)
    return found[0] if found else "unknown"
