#!/usr/bin/env python3
"""usage: plugin_guide.py DOCUMENT BUILD FOLDER

Does what docs/writing-a-plugin.md says, in FOLDER: writes the files that it shows, installs BUILD beneath a HOME of its
own, and runs its sessions, which build the plugin outside the tree and let the installed agent collect from it.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import documents
import session

MOST_LINES = 40


def main(document: Path, build: Path, folder: Path) -> int:
    shutil.rmtree(folder, ignore_errors=True)
    project = folder / "project"
    project.mkdir(parents=True)
    blocks = documents.read(document)
    documents.write_files(blocks, project)

    wrong = 0
    for block in blocks:
        lines = len(block.text.splitlines())
        if block.name.endswith(".cpp") and lines > MOST_LINES:
            print(f"{document.name}:{block.line}: {block.name} has {lines} lines; a collector fits in {MOST_LINES}")
            wrong += 1

    environment = session.environment(HOME=str(folder))
    install = ["cmake", "--install", str(build), "--prefix", str(folder / "sentinel")]
    subprocess.run(install, env=environment, stdout=subprocess.DEVNULL, check=True)
    wrong += session.play(document, blocks, project, environment)

    # The pipeline file that comes with the program leads to the plugins that come with it.
    installed = folder / "sentinel"
    check = [str(installed / "bin/sentinel"), "check", str(installed / "etc/sentinel/sentinel.yaml")]
    return 1 if wrong or subprocess.run(check, env=environment, check=False).returncode else 0


if __name__ == "__main__":
    sys.exit(main(*(Path(argument).resolve() for argument in sys.argv[1:])))
