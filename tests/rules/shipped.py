#!/usr/bin/env python3
"""usage: shipped.py SOURCE

What ships belongs together: each alert of rules/*.yaml has a runbook, a rule test that sees it fire and one that sees it
rest; each runbook has an alert; docs/alerting.md lists each variable with its default; .env holds the defaults. Prints
what does not.
"""

import re
import sys
from pathlib import Path
from typing import NamedTuple

HEADINGS = ["## What fired", "## Look first", "## Usual causes", "## Change it", "## See it fire"]
VARIABLE = re.compile(r"\$\{([A-Z_]+):-([^}]*)\}")
SECONDS = {"s": 1, "m": 60, "h": 3600}
LEAST_WAIT = 300  # of rules/default.yaml, seconds; of rules over events a cooldown as long


class Rule(NamedTuple):
    name: str
    file: str
    text: str


class Check:
    def __init__(self, source: Path):
        self.source = source
        self.wrong = 0
        self.rules = [rule for name in ("seed.yaml", "default.yaml") for rule in self.read_rules(name)]

    def read(self, path: str) -> str:
        return (self.source / path).read_text(encoding="utf-8")

    def say(self, message: str) -> None:
        print(message)
        self.wrong += 1

    def read_rules(self, name: str) -> list:
        parts = re.split(r"(?m)^  ([a-z][a-z0-9_]*):$", self.read(f"rules/{name}"))
        return [Rule(parts[i], f"rules/{name}", parts[i + 1]) for i in range(1, len(parts), 2)]

    def events(self) -> set:
        return set(re.findall(r"(?m)^\| `(\w+)` \| event \|", self.read("docs/metrics.md")))

    def keys(self) -> None:
        events = self.events()
        for rule in self.rules:
            for key in ("when", "for", "severity", "summary", "description", "runbook_url"):
                if not re.search(rf"(?m)^      {key}: \S", rule.text):
                    self.say(f"{rule.file}: {rule.name} has no {key}:")
            of_events = events & set(re.findall(r"\b(sentinel_\w+)", rule.text))
            key = "cooldown" if of_events else "for"
            wait = re.search(rf"(?m)^      {key}: (\d+)([smh])$", rule.text)
            seconds = int(wait[1]) * SECONDS[wait[2]] if wait else 0
            if rule.file == "rules/default.yaml" and seconds < LEAST_WAIT:
                self.say(f"{rule.file}: {rule.name}: {key}: is less than five minutes")

    def runbooks(self) -> None:
        pages = {page.stem for page in (self.source / "docs/runbooks").glob("*.md")} - {"README"}
        index = self.read("docs/runbooks/README.md")
        for rule in self.rules:
            if f"/{rule.name}.md\n" not in rule.text:
                self.say(f"{rule.file}: the runbook_url of {rule.name} does not lead to {rule.name}.md")
            if f"({rule.name}.md)" not in index:
                self.say(f"docs/runbooks/README.md does not list {rule.name}")
            if rule.name not in pages:
                self.say(f"{rule.name} has no docs/runbooks/{rule.name}.md")
                continue
            page = self.read(f"docs/runbooks/{rule.name}.md")
            headings = re.findall(r"(?m)^#+ .*$", page)
            if headings != [f"# {rule.name}", *HEADINGS]:
                self.say(f"docs/runbooks/{rule.name}.md: its headings are {headings}")
            for name, default in set(VARIABLE.findall(rule.text)):
                if name == "RUNBOOKS":
                    continue
                told = " ".join(page.replace("`", "").split())
                if name not in told or not re.search(rf"by default {re.escape(default)}[^0-9a-z]", told):
                    self.say(f"docs/runbooks/{rule.name}.md does not tell of {name} and its default {default}")
        for page in sorted(pages - {rule.name for rule in self.rules}):
            self.say(f"docs/runbooks/{page}.md is of no alert")

    def tests(self) -> None:
        checks = []
        files = sorted((self.source / "rules/tests").glob("*.yaml"))
        for file in files:
            checks += re.split(r"(?=\beval_time: )", file.read_text(encoding="utf-8"))[1:]
        for rule in self.rules:
            own = [check for check in checks if re.search(rf"\balertname: {rule.name}\b", check)]
            fires = [check for check in own if "exp_alerts" in check and "state: pending" not in check]
            rests = [check for check in own if "exp_alerts" not in check]
            # At rest before it fires, after it, and in a test of its own.
            if not fires or len(rests) < 3:
                self.say(f"{rule.name} has {len(fires)} checks that see it fire and {len(rests)} that see it rest in "
                         "rules/tests; one and three are the least")
        print(f"{len(self.rules)} rules, {len(files)} files with {len(checks)} checks")

    def variables(self) -> None:
        defaults = {}
        for rule in self.rules:
            for name, default in VARIABLE.findall(rule.text):
                if defaults.setdefault(name, default) != default:
                    self.say(f"{rule.file}: {rule.name}: {name} is {default} by default, and elsewhere {defaults[name]}")
        rows = re.findall(r"(?m)^\| `([A-Z_]+)` \| `((?:[^`])*)` \|(.*)$", self.read("docs/alerting.md"))
        listed = {name: default.replace("\\|", "|") for name, default, _ in rows}
        for name in sorted(defaults.keys() | listed.keys()):
            if defaults.get(name) != listed.get(name):
                self.say(f"{name}: {defaults.get(name)} in the rules, {listed.get(name)} in docs/alerting.md")
        for name, _, rest in rows:
            users = {rule.name for rule in self.rules if f"${{{name}:-" in rule.text}
            named = set(re.findall(r"\[([a-z_]+)\]", rest))
            if name != "RUNBOOKS" and users != named:
                self.say(f"docs/alerting.md: {name} is of {sorted(users)}, not of {sorted(named)}")
        for name, value in re.findall(r"(?m)^([A-Z_]+)=(.*)$", self.read(".env")):
            if defaults.get(name) != value:
                self.say(f".env: {name} is {value}, and {defaults.get(name)} in the rules")


def main(source: Path) -> int:
    check = Check(source)
    if not check.rules:
        check.say("no rules were found")
    check.keys()
    check.runbooks()
    check.tests()
    check.variables()
    return 1 if check.wrong else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve()))
