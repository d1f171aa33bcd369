"""Measures one program through one turn: started, warmed up, scraped once a second, stopped."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path
from typing import Iterator, NamedTuple

from programs import Program

START_TIMEOUT_S = 15
STOP_TIMEOUT_S = 10
SCRAPE_TIMEOUT_S = 10
LOAD_TIMEOUT_S = 120
# As Prometheus asks.
HEADERS = {"Accept": "text/plain;version=0.0.4;q=0.5,*/*;q=0.1", "Accept-Encoding": "gzip"}


class Turn(NamedTuple):
    cpu_ms: float        # user and system time of the whole process, for one collection with its scrape
    pss_mib: float       # proportional set size at the end
    latencies_ms: list   # of each scrape, request to last byte
    series: int          # in the last scrape


class Failed(Exception):
    pass


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def cpu_seconds(pid: int) -> float:
    """User and system time of all threads of a process, ended ones too, in ns steps: clock_getcpuclockid(3)."""
    return time.clock_gettime((~pid << 3) | 2)


def pss_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise Failed(f"/proc/{pid}/smaps_rollup has no Pss")


def scrape(connection: http.client.HTTPConnection) -> tuple:
    """Latency in ms and the number of series."""
    start = time.perf_counter()
    connection.request("GET", "/metrics", headers=HEADERS)
    response = connection.getresponse()
    body = response.read()
    latency_ms = (time.perf_counter() - start) * 1000
    if response.status != 200:
        raise Failed(f"GET /metrics answered {response.status}")
    if response.getheader("Content-Encoding") == "gzip":
        body = zlib.decompress(body, wbits=31)
    return latency_ms, sum(1 for line in body.splitlines() if line and not line.startswith(b"#"))


def wait_until(deadline: float) -> None:
    time.sleep(max(0.0, deadline - time.monotonic()))


def stop(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextlib.contextmanager
def running(program: Program, port: int) -> Iterator[subprocess.Popen]:
    with tempfile.TemporaryDirectory(prefix=f"bench-{program.name}-") as folder:
        log = Path(folder) / "log"
        environment = {**os.environ, "LD_LIBRARY_PATH": program.libraries} if program.libraries else None
        # Should this script be killed outright, the program goes too.
        command = ["setpriv", "--pdeathsig", "KILL", *program.command(port, Path(folder))]
        with log.open("wb") as output:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment)
        try:
            wait_for_series(process, port)
            yield process
        except (Failed, OSError, http.client.HTTPException) as error:
            raise Failed(f"{program.name}: {error}\n{log.read_text(errors='replace')[-2000:]}") from error
        finally:
            stop(process)


def wait_for_series(process: subprocess.Popen, port: int) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise Failed(f"ended at start with code {process.returncode}")
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SCRAPE_TIMEOUT_S)
        with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException, Failed):
            if scrape(connection)[1] > 0:
                return
        time.sleep(0.1)
    raise Failed(f"served no series within {START_TIMEOUT_S} s")


def take_turn(program: Program, warm_up_s: int, seconds: int) -> Turn:
    port = free_port()
    with running(program, port) as process:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SCRAPE_TIMEOUT_S)
        with contextlib.closing(connection):
            latencies_ms = []
            series = 0
            cpu_start = 0.0
            begin = time.monotonic()
            for second in range(warm_up_s + seconds):
                wait_until(begin + second)
                if second == warm_up_s:
                    cpu_start = cpu_seconds(process.pid)
                latency_ms, series = scrape(connection)
                if second >= warm_up_s:
                    latencies_ms.append(latency_ms)
            wait_until(begin + warm_up_s + seconds)
            cpu_s = cpu_seconds(process.pid) - cpu_start
            return Turn(cpu_s * 1000 / seconds, pss_mib(process.pid), latencies_ms, series)


@contextlib.contextmanager
def load(processes: int, connections: int, seconds: int) -> Iterator[None]:
    """Holds so many extra processes and loopback connections while the block runs."""
    if processes == 0 and connections == 0:
        yield
        return
    maker = subprocess.Popen([sys.executable, "-B", Path(__file__).with_name("load.py"), str(processes),
                              str(connections), str(seconds)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        with alarm(LOAD_TIMEOUT_S, "the load was not in place in time"):
            if maker.stdout.readline() != b"ready\n":
                raise Failed("the load could not be put in place")
        yield
    finally:
        maker.stdin.close()
        try:
            maker.wait(LOAD_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            maker.terminate()
            maker.wait()
        maker.stdout.close()


@contextlib.contextmanager
def alarm(seconds: int, message: str) -> Iterator[None]:
    """Raises Failed(message) in the block after so many seconds. Not to be nested."""
    def ring(*_):
        raise Failed(message)
    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
