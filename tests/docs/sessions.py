#!/usr/bin/env python3
"""usage: sessions.py SOURCE BUILD FOLDER

Runs the sessions of README.md and of every document in docs/ that has one (but those that have a test of their own) in
FOLDER, as if it were the source tree after `make build`, with the files that they show.
`make run` there is the agent that it ends with, started before the rest; it listens on a free port, which stands for
127.0.0.1:8000.
"""

import shutil
import sys
from pathlib import Path

import documents
import session

LISTEN = "127.0.0.1:8000"
PLAYED_ELSEWHERE = ("writing-a-plugin.md", "hot-swap.md")  # plugin_guide.py, hot_swap.py


def main(source: Path, build: Path, folder: Path) -> int:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "build").symlink_to(build)
    (folder / "rules").symlink_to(source / "rules")
    (folder / ".env").symlink_to(source / ".env")
    pipeline = (source / "sentinel.yaml").read_text(encoding="utf-8")
    if LISTEN not in pipeline:
        print(f"sentinel.yaml does not listen on {LISTEN}, which the documents say")
        return 1
    (folder / "sentinel.yaml").write_text(pipeline.replace(LISTEN, "127.0.0.1:0"), encoding="utf-8")

    environment = session.environment()
    wrong = 0
    with session.Agent(["build/sentinel", "run", "sentinel.yaml"], folder, environment) as agent:
        address = agent.wait_for("metrics: http://").partition("/")[0]

        def here(text: str) -> str:
            return text.replace("make run", f"cat {agent.log}").replace(LISTEN, address)

        for document in [source / "README.md", *sorted((source / "docs").glob("*.md"))]:
            blocks = documents.read(document)
            if document.name in PLAYED_ELSEWHERE or not any(block.language == "console" for block in blocks):
                continue
            documents.write_files(blocks, folder)
            wrong += session.play(document, blocks, folder, environment, here)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*(Path(argument).resolve() for argument in sys.argv[1:])))
