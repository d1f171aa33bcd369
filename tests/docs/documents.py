"""What the documents' fenced blocks mean.

```lang NAME   a file of that name, in whatever language (```cpp file_nr.cpp)
```console     a session: each "$ command" must succeed, and the lines below it are what it prints. `…` stands for
               anything, lines may be left out, spaces count as one.
Any other block is for the reader alone.
"""

import re
from pathlib import Path
from typing import NamedTuple

FENCE = re.compile(r"^```(\S*) *(.*)$")


class Block(NamedTuple):
    language: str
    name: str
    line: int
    text: str


class Command(NamedTuple):
    line: int
    text: str
    expected: list


def read(document: Path) -> list:
    found = []
    opened = None
    for number, line in enumerate(document.read_text(encoding="utf-8").splitlines(), 1):
        fence = FENCE.match(line)
        if fence and opened is None:
            opened = Block(fence[1], fence[2], number, "")
        elif fence:
            found.append(opened)
            opened = None
        elif opened is not None:
            opened = opened._replace(text=opened.text + line + "\n")
    return found


def write_files(blocks: list, folder: Path) -> None:
    for block in blocks:
        if block.name:
            (folder / block.name).write_text(block.text, encoding="utf-8")


def commands(block: Block) -> list:
    found = []
    for number, line in enumerate(block.text.splitlines(), block.line + 1):
        if line.startswith("$ "):
            found.append(Command(number, line[2:], []))
        elif line.strip() not in ("", "…"):
            found[-1].expected.append(line)
    return found


def missing_lines(expected: list, output: str) -> list:
    """The expected lines that the output does not have, in this order."""
    rest = [" ".join(line.split()) for line in output.splitlines()]
    missing = []
    for line in expected:
        pattern = re.compile(r".*".join(re.escape(part) for part in " ".join(line.split()).split("…")))
        at = next((i for i, printed in enumerate(rest) if pattern.fullmatch(printed)), None)
        if at is None:
            missing.append(line)
        else:
            rest = rest[at + 1:]
    return missing
