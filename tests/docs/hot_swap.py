#!/usr/bin/env python3
"""usage: hot_swap.py DOCUMENT BUILD FOLDER

Does the walk-through of docs/hot-swap.md in FOLDER, with BUILD installed beneath a HOME of its own: builds the collector
that it shows, runs an agent, and swaps the collector while a loop scrapes. A free port stands for 127.0.0.1:8002.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import documents
import session

LISTEN = "127.0.0.1:8002"


def free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def end(folder: Path) -> None:
    """What a session that failed has left running: it writes the pids of what it starts to *.pid."""
    for file in folder.glob("*.pid"):
        try:
            os.kill(int(file.read_text(encoding="utf-8")), signal.SIGKILL)
        except (ProcessLookupError, ValueError):
            pass


def main(document: Path, build: Path, folder: Path) -> int:
    shutil.rmtree(folder, ignore_errors=True)
    project = folder / "project"
    project.mkdir(parents=True)
    address = free_address()

    def here(text: str) -> str:
        return text.replace(LISTEN, address)

    blocks = documents.read(document)
    documents.write_files([block._replace(text=here(block.text)) for block in blocks], project)
    # The patches are of files here, not of the repository that this folder may lie in.
    environment = session.environment(HOME=str(folder), GIT_CEILING_DIRECTORIES=str(folder))
    install = ["cmake", "--install", str(build), "--prefix", str(folder / "sentinel")]
    subprocess.run(install, env=environment, stdout=subprocess.DEVNULL, check=True)
    try:
        wrong = session.play(document, blocks, project, environment, here)
    finally:
        end(project)
    if wrong:
        print((project / "agent.log").read_text(errors="replace"))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*(Path(argument).resolve() for argument in sys.argv[1:])))
