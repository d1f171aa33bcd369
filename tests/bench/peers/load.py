#!/usr/bin/env python3
"""Fills a host with sleeping processes and established loopback connections, so that agents have something to count.

usage: load.py PROCESSES CONNECTIONS SECONDS

Prints "ready" when all is in place, and holds it until standard input ends or SECONDS have passed, whichever is first.
Nothing outlives it: the processes are sleeps of SECONDS at most, and the connections end by a reset, so that no
TIME_WAIT stays behind.
"""

import os
import select
import signal
import socket
import struct
import sys

# Two descriptors a connection; hard limits of 4,096 are common.
CONNECTIONS_PER_WORKER = 1000
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


def hold_connections(count: int, ready: int) -> None:
    """Opens count connections within this process, writes one byte to ready, and waits for a signal."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        held = []
        for _ in range(count):
            client = socket.create_connection(listener.getsockname())
            server, _ = listener.accept()
            for end in (client, server):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
                held.append(end)
        os.write(ready, b".")
        signal.pause()


def start_workers(connections: int, seconds: int) -> list:
    import resource
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    ready_read, ready_write = os.pipe()
    workers = []
    while connections > 0:
        count = min(connections, CONNECTIONS_PER_WORKER)
        connections -= count
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.alarm(seconds)
            os.close(ready_read)
            try:
                hold_connections(count, ready_write)
            finally:
                os._exit(1)
        workers.append(pid)
    os.close(ready_write)
    for _ in workers:
        if not os.read(ready_read, 1):
            stop(workers)
            sys.exit("load: a worker could not open its connections")
    os.close(ready_read)
    return workers


def stop(pids: list) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    for pid in pids:
        os.waitpid(pid, 0)


def main() -> int:
    processes, connections, seconds = map(int, sys.argv[1:4])
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    started = []
    try:
        started += start_workers(connections, seconds)
        for _ in range(processes):
            started.append(os.posix_spawn("/bin/sleep", ["sleep", str(seconds)], {}))
        print("ready", flush=True)
        select.select([sys.stdin], [], [], seconds)
    finally:
        stop(started)
    return 0


if __name__ == "__main__":
    sys.exit(main())
