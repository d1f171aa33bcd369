#!/usr/bin/env python3
"""usage: links.py SOURCE

Every relative link of every document leads to a file of the tree, and a part after # to a heading of it.
"""

import re
import sys
from pathlib import Path

LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def anchors(document: Path) -> set:
    """The anchors of headings as GitHub makes them."""
    found = set()
    for line in FENCED.sub("", document.read_text(encoding="utf-8")).splitlines():
        if line.startswith("#"):
            text = re.sub(r"[^\w\- ]", "", line.lstrip("#").strip().lower())
            found.add(text.replace(" ", "-"))
    return found


def main(source: Path) -> int:
    documents = [*source.glob("*.md"), *sorted((source / "docs").rglob("*.md"))]
    links = wrong = 0
    for document in documents:
        for target in LINK.findall(FENCED.sub("", document.read_text(encoding="utf-8"))):
            if re.match(r"[a-z]+:", target):
                continue
            links += 1
            path, _, anchor = target.partition("#")
            file = document.parent / path if path else document
            if not file.exists() or (anchor and anchor not in anchors(file)):
                print(f"{document.relative_to(source)}: {target} leads nowhere")
                wrong += 1
    print(f"{len(documents)} documents, {links} links, {wrong} broken")
    return 1 if wrong or not links else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve()))
