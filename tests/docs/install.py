#!/usr/bin/env python3
"""usage: install.py BUILD FOLDER

What `make install PREFIX=/usr DESTDIR=FOLDER` puts where: all that cmake/Install.cmake promises, nothing of the build's
own paths in it, each component alone when asked for, and a pipeline file that is there stays as its owner left it.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

RUNTIME = ["bin/sentinel", "etc/sentinel/sentinel.yaml", "lib/sentinel/plugins/proc_cpu.so",
           "lib/sentinel/plugins/prometheus.so", "share/doc/sentinel/README.md",
           "share/doc/sentinel/docs/writing-a-plugin.md", "share/doc/sentinel/LICENSE"]
SDK = ["include/sentinel/abi.h", "include/sentinel/collector.hpp", "lib/cmake/sentinel/sentinelConfig.cmake",
       "lib/cmake/sentinel/sentinelConfigVersion.cmake", "lib/cmake/sentinel/sentinelSdk.cmake",
       "lib/cmake/sentinel/AddPlugin.cmake", "lib/cmake/sentinel/plugin.map"]
PROCFS = ["include/sentinel/procfs/proc_root.hpp", "lib/libsentinel_procfs.a",
          "lib/cmake/sentinel/sentinelProcfs.cmake"]
BPF = ["include/sentinel/bpf/kallsyms.hpp", "lib/libsentinel_bpf.a", "lib/cmake/sentinel/sentinelBpf.cmake"]


def install(build: Path, destination: Path, *component: str) -> set:
    """The files beneath `destination`/usr after an install of all components, or of one."""
    options = ["--component", *component] if component else []
    subprocess.run(["cmake", "--install", str(build), "--prefix", "/usr", *options], check=True,
                   env={**os.environ, "DESTDIR": str(destination)}, stdout=subprocess.DEVNULL)
    outside = [path for path in destination.iterdir() if path.name != "usr"]
    if outside:
        raise RuntimeError(f"installed outside of the prefix: {outside}")
    root = destination / "usr"
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


def main(build: Path, folder: Path) -> int:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    wrong = []
    everything = install(build, folder / "all")
    wrong += [f"missing: {path}" for path in RUNTIME + SDK + PROCFS + BPF if path not in everything]
    wrong += [f"a test's plugin: {path}" for path in everything if "test_" in path]

    in_parts = set()
    for component, paths in {"runtime": RUNTIME, "sdk": SDK, "procfs": PROCFS, "bpf": BPF}.items():
        files = install(build, folder / component, component)
        wrong += [f"component {component} lacks {path}" for path in paths if path not in files]
        in_parts |= files
    wrong += [f"in no component: {path}" for path in sorted(everything - in_parts)]

    for path in everything:
        text = b"" if path.endswith((".so", ".a", "bin/sentinel")) else (folder / "all/usr" / path).read_bytes()
        if str(build).encode() in text:
            wrong.append(f"{path} holds the path of the build")

    pipeline = folder / "all/usr/etc/sentinel/sentinel.yaml"
    pipeline.write_text("version: 1  # edited\n", encoding="utf-8")
    install(build, folder / "all")
    if "edited" not in pipeline.read_text(encoding="utf-8"):
        wrong.append("a second install overwrote the pipeline file")

    print(f"{len(everything)} files", *wrong, sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*(Path(argument).resolve() for argument in sys.argv[1:])))
