#!/usr/bin/env python3
"""usage: export.py SENTINEL PROMTOOL SOURCE FOLDER [--update]

The rules that ship, as `sentinel rules export --prometheus` prints them, are tests/golden/rules.prometheus.yaml, and
promtool takes them: with the thresholds by default, and with each turned off by Inf. --update writes the golden file.
"""

import difflib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

# The collectors of events are there, so that what is an event is known.
PIPELINE = """\
version: 1
agent: {{listen: none, plugin_path: [{plugins}]}}
collectors:
  process_events: {{plugin: ebpf_proc, optional: true, labels: {{source: process_events}}}}
  tcp_transitions: {{plugin: ebpf_tcpstate, optional: true, labels: {{source: tcp_transitions}}}}
include: [{source}/rules/seed.yaml, {source}/rules/default.yaml]
"""


def export(sentinel: Path, folder: Path) -> str:
    # Variables of whoever runs the test are none of the rules'.
    environment = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "ASAN_OPTIONS", "TSAN_OPTIONS")
                   if name in os.environ}
    done = subprocess.run([sentinel, "rules", "export", "--prometheus", folder / "sentinel.yaml"], cwd=folder,
                          env=environment, stdout=subprocess.PIPE, timeout=60, check=True)
    return done.stdout.decode()


def takes(promtool: Path, text: str, file: Path) -> bool:
    file.write_text(text, encoding="utf-8")
    done = subprocess.run([promtool, "check", "rules", file], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=60, check=False)
    found = re.search(rb"SUCCESS: (\d+) rules found", done.stdout)
    if done.returncode == 0 and found and int(found[1]) == text.count("- alert: "):
        return True
    print(f"{promtool} check rules {file}:\n{done.stdout.decode()}")
    return False


def main(sentinel: Path, promtool: Path, source: Path, folder: Path, update: bool) -> int:
    if not promtool.exists():
        print(f"no {promtool}; cmake/peers/fetch unpacks it")
        return 1
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "sentinel.yaml").write_text(PIPELINE.format(source=source, plugins=sentinel.parent / "plugins"), encoding="utf-8")
    golden = source / "tests/golden/rules.prometheus.yaml"

    text = export(sentinel, folder)
    good = takes(promtool, text, folder / "defaults.yaml")
    if update:
        golden.write_text(text, encoding="utf-8")
    expected = golden.read_text(encoding="utf-8")
    if text != expected:
        sys.stdout.writelines(difflib.unified_diff(expected.splitlines(True), text.splitlines(True), str(golden), "now"))
        print(f"the rules have changed; if they should, {' '.join(map(str, sys.argv))} --update")
        good = False

    left_out = set(re.findall(r"(?m)^# ([a-z_]+): ", text))
    thresholds = set()
    for rules in ("seed.yaml", "default.yaml"):
        parts = re.split(r"(?m)^  ([a-z][a-z0-9_]*):$", (source / "rules" / rules).read_text(encoding="utf-8"))
        for name, rule in zip(parts[1::2], parts[2::2]):
            if name not in left_out:
                thresholds |= set(re.findall(r"\$\{([A-Z_]+_THRESHOLD):-", rule))
    (folder / ".env").write_text("".join(f"{name}=Inf\n" for name in sorted(thresholds)), encoding="utf-8")
    off = export(sentinel, folder)
    good = takes(promtool, off, folder / "off.yaml") and good
    if off.count("> Inf\"") < len(thresholds):
        print(f"{len(thresholds)} variables are Inf in .env, but only {off.count('> Inf')} rules compare with it")
        good = False
    return 0 if good else 1


if __name__ == "__main__":
    arguments = [Path(argument).resolve() for argument in sys.argv[1:5]]
    sys.exit(main(*arguments, update="--update" in sys.argv[5:]))
