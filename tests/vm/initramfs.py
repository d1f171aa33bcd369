"""An initramfs of programs, with the shared libraries they need: a cpio archive ("newc") that the kernel unpacks.

Format: Documentation/driver-api/early-userspace/buffer-format.rst of the kernel.
"""

import os
import re
import stat
import subprocess
from pathlib import Path, PurePosixPath

LIBRARY = re.compile(r"(?:=> )?(/\S+) \(0x[0-9a-f]+\)")


def libraries(program: Path) -> list:
    """The paths at which a program finds its loader and its libraries; none when it is static or a script."""
    listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout
    missing = [line.strip() for line in listed.splitlines() if "not found" in line]
    if missing:
        raise FileNotFoundError(f"{program}: {missing[0]}")
    return [Path(path) for path in LIBRARY.findall(listed)]


class Initramfs:
    """Files are added at a path inside and belong to root; their folders come by themselves, with mode 0755."""

    def __init__(self) -> None:
        self.entries = {}  # path inside -> (mode, content)

    def folder(self, inside: str) -> None:
        for each in (PurePosixPath(inside), *PurePosixPath(inside).parents):
            if str(each) != "/":
                self.entries.setdefault(str(each), (stat.S_IFDIR | 0o755, b""))

    def file(self, inside: str, content: bytes, mode: int = 0o644) -> None:
        self.folder(str(PurePosixPath(inside).parent))
        self.entries[inside] = (stat.S_IFREG | mode, content)

    def link(self, inside: str, target: str) -> None:
        self.folder(str(PurePosixPath(inside).parent))
        self.entries[inside] = (stat.S_IFLNK | 0o777, target.encode())

    def tree(self, folder: Path) -> None:
        """A file, or all files of a folder, at the path that they have here."""
        for path in sorted(folder.rglob("*")) if folder.is_dir() else [folder]:
            if path.is_file():
                self.file(str(path), path.read_bytes(), stat.S_IMODE(path.stat().st_mode) | 0o444)

    def program(self, path: Path, inside: str = "") -> None:
        """A program or shared object and its libraries, at the path that it has here unless told."""
        self.file(inside or str(path), path.read_bytes(), 0o755)
        for library in libraries(path):
            self.file(str(library), library.read_bytes(), 0o755)

    def write(self, path: Path) -> None:
        with path.open("wb") as out:
            # The root's own mode counts: without it only root could pass.
            self._entry(out, 1, ".", stat.S_IFDIR | 0o755, b"")
            # Sorted, so that a folder comes before what it holds.
            for number, (inside, (mode, content)) in enumerate(sorted(self.entries.items()), 2):
                self._entry(out, number, inside.lstrip("/"), mode, content)
            self._entry(out, 0, "TRAILER!!!", 0, b"")

    @staticmethod
    def _entry(out, inode: int, name: str, mode: int, content: bytes) -> None:
        encoded = name.encode() + b"\0"
        links = 2 if stat.S_ISDIR(mode) else 1
        fields = (inode, mode, 0, 0, links, 0, len(content), 0, 0, 0, 0, len(encoded), 0)
        out.write(b"070701" + b"".join(b"%08X" % field for field in fields) + encoded)
        out.write(b"\0" * (-out.tell() % 4) + content)
        out.write(b"\0" * (-out.tell() % 4))


def stripped(program: Path, folder: Path) -> Path:
    """A copy without debug information, or the program itself where strip(1) can't make one."""
    copy = folder / program.name
    done = subprocess.run(["strip", "--strip-debug", "-o", copy, program], capture_output=True, check=False)
    return copy if done.returncode == 0 and os.access(copy, os.R_OK) else program
