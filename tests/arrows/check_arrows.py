#!/usr/bin/env python3
"""Holds the tree to the arrows that may exist between its parts (docs/architecture.md).

usage: check_arrows.py [ROOT]

Reads every include and every linked target beneath ROOT and prints one line for each that points where no arrow may.
Exit code 0: none; 1: some; 2: ROOT is not the source tree.
"""

import fnmatch
import os
import re
import sys
from pathlib import Path, PurePosixPath
from typing import Iterator, NamedTuple, Optional

# What each part may use beside itself; a part that is not named here breaks the build until it is.
# Patterns are tried from top to bottom.
ARROWS = {
    "core/sdk": [],
    "core/procfs": ["core/sdk"],
    "core/bpf": ["core/sdk", "core/procfs"],
    "core/config": ["core/sdk"],
    "core/plugin": ["core/sdk", "core/config"],
    "core/store": ["core/sdk"],
    "core/delivery": ["core/sdk"],
    "core/http": ["core/sdk"],
    "core/telemetry": ["core/sdk", "core/store"],
    "rules": ["core/sdk", "core/config"],
    "core/runtime": ["core/sdk", "core/config", "core/plugin", "core/store", "core/delivery", "core/http",
                     "core/telemetry", "rules"],
    "core/app": ["core/*", "rules"],
    "plugins/proc_*": ["core/sdk", "core/procfs", "core/bpf"],
    "plugins/ebpf_*": ["core/sdk", "core/procfs", "core/bpf"],
    "plugins/*": ["core/sdk"],
    "sinks/webhook_snapshot": ["core/sdk", "core/procfs"],
    "sinks/*": ["core/sdk"],
    "chaos": [],
    "tests": ["core/*", "plugins/*", "sinks/*", "rules", "chaos"],
}

# Libraries that only some parts may see, by the beginning of their headers' names.
LIBRARY_ARROWS = {
    "prometheus/": ["sinks/prometheus", "tests"],
    "bpf/": ["core/bpf", "plugins/ebpf_*", "plugins/proc_*", "tests"],
    "yaml-cpp/": ["core/config", "core/http", "tests"],
    "boost/dll": ["core/plugin", "tests"],
    "CLI/": ["core/app", "chaos", "tests"],
    "re2/": ["rules", "tests"],
    "spdlog/": ["core/telemetry", "tests"],
}

STANDARD_HEADERS = frozenset("""
algorithm any array atomic barrier bit bitset cassert cctype cerrno cfenv cfloat charconv chrono cinttypes climits
clocale cmath codecvt compare complex concepts condition_variable coroutine csetjmp csignal cstdarg cstddef cstdint
cstdio cstdlib cstring ctime cuchar cwchar cwctype deque exception execution filesystem format forward_list fstream
functional future initializer_list iomanip ios iosfwd iostream istream iterator latch limits list locale map memory
memory_resource mutex new numbers numeric optional ostream queue random ranges ratio regex scoped_allocator semaphore
set shared_mutex source_location span sstream stack stdexcept stop_token streambuf string string_view syncstream
system_error thread tuple type_traits typeindex typeinfo unordered_map unordered_set utility valarray variant vector
version
assert.h ctype.h errno.h float.h inttypes.h limits.h stdbool.h stddef.h stdint.h stdio.h stdlib.h string.h time.h
""".split())

SOURCE_SUFFIXES = {".h", ".hpp", ".c", ".cpp"}
NOT_SOURCE = {".git", ".cache", "build", "state", "artifacts", "__pycache__"}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
TARGET = re.compile(r"\b[A-Za-z]\w*(?:::\w+)?\b")
# A clone must stand alone; the pieces are joined so that this file passes its own check.
OUTSIDE = "../" + "shared"


class Finding(NamedTuple):
    path: PurePosixPath
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text}"


def part_of(path: PurePosixPath) -> Optional[str]:
    """The part that a file belongs to, or None for what lies outside all parts (the root's own files, docs)."""
    top = path.parts[0]
    if top in ("core", "plugins", "sinks"):
        return "/".join(path.parts[:2]) if len(path.parts) > 2 else None
    return top if top in ("rules", "chaos", "tests") and len(path.parts) > 1 else None


def matches(part: str, patterns: list) -> bool:
    return any(fnmatch.fnmatchcase(part, pattern) for pattern in patterns)


def allowed_for(part: str) -> Optional[list]:
    return next((arrows for pattern, arrows in ARROWS.items() if fnmatch.fnmatchcase(part, pattern)), None)


def walk(root: Path) -> Iterator[PurePosixPath]:
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in NOT_SOURCE and not name.startswith("build-"))
        for name in sorted(files):
            yield PurePosixPath((Path(folder) / name).relative_to(root).as_posix())


class Tree:
    def __init__(self, root: Path):
        self.root = root
        self.files = list(walk(root))
        self.known = set(self.files)
        self.parts = {part for part in map(part_of, self.files) if part}
        # A part's target is sentinel_<part>, a plugin's or sink's is its folder's name.
        self.targets = {part.split("/")[-1]: part for part in self.parts if part.startswith(("plugins/", "sinks/"))}
        for part in self.parts:
            if part == "rules" or part.startswith("core/"):
                name = part.split("/")[-1]
                self.targets[f"sentinel_{name}"] = self.targets[f"sentinel::{name}"] = part

    def resolve(self, source: PurePosixPath, name: str, quoted: bool) -> Optional[PurePosixPath]:
        """The file of the tree that an include means, found as the compiler does; None when it is not of the tree."""
        folders = [source.parent, PurePosixPath(".")] if quoted else [PurePosixPath(".")]
        folders += [PurePosixPath(part, "include") for part in sorted(self.parts)]
        for folder in folders:
            path = PurePosixPath(os.path.normpath(folder / name))
            if path in self.known:
                return path
        return None

    def check(self) -> list:
        findings = [Finding(PurePosixPath(part), 0, "no arrows are defined for this part: add it to ARROWS")
                    for part in sorted(self.parts) if allowed_for(part) is None]
        for path in self.files:
            try:
                text = (self.root / path).read_text(encoding="utf-8")
            except (UnicodeDecodeError, OSError):
                continue  # not text: a fixture, or a dangling link
            findings += self.outside(path, text)
            part = part_of(path)
            if part is None or allowed_for(part) is None:
                continue
            if path.suffix in SOURCE_SUFFIXES:
                findings += self.includes(path, part, text)
            elif path.name == "CMakeLists.txt" and part != "tests":
                findings += self.links(path, part, text)
        return findings

    @staticmethod
    def outside(path: PurePosixPath, text: str) -> Iterator[Finding]:
        if OUTSIDE not in text:
            return
        for number, line in enumerate(text.splitlines(), 1):
            if OUTSIDE in line:
                yield Finding(path, number, f"refers to {OUTSIDE}, which a clone does not have")

    def includes(self, path: PurePosixPath, part: str, text: str) -> Iterator[Finding]:
        for number, line in enumerate(text.splitlines(), 1):
            found = INCLUDE.match(line)
            if not found:
                continue
            name = found[2]
            target = self.resolve(path, name, quoted=found[1] == '"')
            if target is not None:
                yield from self.arrow(path, number, part, part_of(target), f"includes {name}")
            elif part == "core/sdk" and name not in STANDARD_HEADERS:
                yield Finding(path, number, f"includes {name}: SDK headers need the standard library alone")
            else:
                yield from self.borrowed(path, number, part, name)

    def links(self, path: PurePosixPath, part: str, text: str) -> Iterator[Finding]:
        for number, line in enumerate(text.splitlines(), 1):
            for name in TARGET.findall(line.split("#", 1)[0]):
                if name in self.targets:
                    yield from self.arrow(path, number, part, self.targets[name], f"names the target {name}")

    @staticmethod
    def arrow(path: PurePosixPath, number: int, part: str, target: Optional[str], what: str) -> Iterator[Finding]:
        if target is None or target == part or matches(target, allowed_for(part)):
            return
        may = ", ".join(allowed_for(part)) or "nothing of the tree"
        yield Finding(path, number, f"{what}: {part} may not use {target}, only {may}")

    @staticmethod
    def borrowed(path: PurePosixPath, number: int, part: str, name: str) -> Iterator[Finding]:
        for prefix, users in LIBRARY_ARROWS.items():
            if name.startswith(prefix) and not matches(part, users):
                yield Finding(path, number, f"includes {name}: only {', '.join(users)} may use this library")


def main(arguments: list) -> int:
    root = Path(arguments[0]) if arguments else Path(__file__).resolve().parents[2]
    if not (root / "core" / "sdk").is_dir():
        print(f"check_arrows: {root} is not the source tree: it has no core/sdk", file=sys.stderr)
        return 2
    tree = Tree(root)
    findings = tree.check()
    for finding in findings:
        print(finding)
    print(f"check_arrows: {len(tree.parts)} parts, {len(tree.files)} files, {len(findings)} forbidden")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
