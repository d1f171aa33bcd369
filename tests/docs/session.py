"""Runs a document's sessions in one shell, so that an export holds for what follows, and compares what they print."""

import os
import signal
import subprocess
import time
from pathlib import Path

import documents

MARK = "=== command ended with"


def play(document: Path, blocks: list, folder: Path, environment: dict, rewrite=lambda text: text) -> int:
    """Returns how many commands failed or printed something else; says which. `rewrite` makes a command or an expected
    line of the document what it is in this test."""
    commands = [command for block in blocks if block.language == "console" for command in documents.commands(block)]
    script = "set -o pipefail\n"
    for command in commands:
        script += f"{{ {rewrite(command.text)}\n}} 2>&1\nprintf '\\n{MARK} %d\\n' $?\n"
    shell = subprocess.run(["bash", "-c", script], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=500, check=False)
    outputs = shell.stdout.decode(errors="replace").split(MARK)
    wrong = 0
    for number, command in enumerate(commands):
        output = outputs[number] if number == 0 else outputs[number].partition("\n")[2]
        code = outputs[number + 1].split("\n")[0].strip() if number + 1 < len(outputs) else "no"
        missing = documents.missing_lines([rewrite(line) for line in command.expected], output)
        if code == "0" and not missing:
            print(f"{document.name}:{command.line}: good: {command.text}")
            continue
        wrong += 1
        print(f"{document.name}:{command.line}: {command.text}\n  ended with code {code}, printed\n{output}")
        for line in missing:
            print(f"  and not: {line}")
    if not commands:
        print(f"{document.name} has no session: its ```console blocks are gone")
        return 1
    return wrong


class Agent:
    """A running agent; its port is what it says in its log. Ended by SIGTERM at the end of a `with`."""

    def __init__(self, command: list, folder: Path, environment: dict):
        self.log = folder / "agent.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=subprocess.STDOUT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise

    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def wait_for(self, text: str, seconds: float = 60) -> str:
        """The rest of the first line that holds `text`."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and self.process.poll() is None:
            for line in self.output().splitlines():
                if text in line:
                    return line.partition(text)[2]
            time.sleep(0.02)
        raise RuntimeError(f"the agent did not say '{text}':\n{self.output()}")


def environment(**changes) -> dict:
    """This process's, without what may change how the programs behave, and in English."""
    kept = {key: value for key, value in os.environ.items() if key not in ("DESTDIR", "MAKEFLAGS", "http_proxy")}
    kept.update({"LC_ALL": "C.UTF-8", "no_proxy": "127.0.0.1", **changes})
    return kept
