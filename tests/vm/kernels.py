"""Kernels that cmake/peers/fetch unpacked: the image of a version, and its modules with what they need."""

import lzma
import re
from pathlib import Path

DEPENDS = re.compile(rb"\0depends=([^\0]*)\0")


class Missing(Exception):
    """What the machine lacks, as one sentence."""


class Kernel:
    def __init__(self, unpacked: Path, version: str) -> None:
        """The newest of a version such as "6.1"."""
        images = sorted((unpacked / "boot").glob(f"vmlinuz-{version}.*"))
        if not images:
            raise Missing(f"there is no kernel {version} in {unpacked}: cmake/peers/fetch kernels says why")
        self.image = images[-1]
        release = self.image.name.removeprefix("vmlinuz-")
        self.modules = unpacked / "lib" / "modules" / release
        self.release = release

    def module(self, name: str) -> Path | None:
        """The file of a module; None when it is part of the image."""
        for pattern in (f"{name}.ko", f"{name}.ko.xz"):
            # A module's file may have hyphens where its name has underscores.
            for found in self.modules.rglob(pattern.replace("_", "[-_]")):
                return found
        builtin = (self.modules / "modules.builtin").read_text(encoding="utf-8")
        if re.search(rf"/{name}\.ko$".replace("_", "[-_]"), builtin, re.MULTILINE):
            return None
        raise Missing(f"kernel {self.release} has no module {name}")

    def load_order(self, names: list) -> dict:
        """name -> content of the modules and of all that they depend on, each after what it needs."""
        loaded = {}

        def visit(name: str) -> None:
            path = self.module(name)
            if name in loaded or path is None:
                return
            content = path.read_bytes()
            if path.suffix == ".xz":
                content = lzma.decompress(content)
            found = DEPENDS.search(content)
            for needed in found[1].decode().split(",") if found else []:
                if needed:
                    visit(needed)
            loaded[name] = content

        for each in names:
            visit(each)
        return loaded
