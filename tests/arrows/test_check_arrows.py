#!/usr/bin/env python3
"""Proves that check_arrows.py sees a forbidden arrow, by planting each kind of them in a small tree."""

import tempfile
import unittest
from pathlib import Path

from check_arrows import OUTSIDE, Tree, main

GOOD = {
    "core/sdk/include/sentinel/result.hpp": "#pragma once\n#include <string>\n",
    "core/procfs/include/sentinel/procfs/stat.hpp": "#pragma once\n#include <sentinel/result.hpp>\n#include <fcntl.h>\n",
    "core/store/store.hpp": "#pragma once\n#include <sentinel/result.hpp>\n",
    "core/runtime/runtime.hpp": '#pragma once\n#include "core/store/store.hpp"\n',
    "core/runtime/CMakeLists.txt": "target_link_libraries(sentinel_runtime PUBLIC sentinel_store)\n",
    "core/http/http.hpp": "#pragma once\n",
    "plugins/proc_cpu/proc_cpu.cpp": "#include <sentinel/procfs/stat.hpp>\n",
    "plugins/proc_mem/proc_mem.hpp": "#pragma once\n",
    "sinks/prometheus/prometheus.cpp": "#include <sentinel/result.hpp>\n#include <prometheus/text_serializer.h>\n",
    "tests/unit/cpu_test.cpp": '#include "plugins/proc_cpu/proc_cpu.cpp"\n#include "core/runtime/runtime.hpp"\n',
    "docs/guide.md": "words\n",
}

# What is planted, where, and the words its finding must have.
FORBIDDEN = [
    ("core includes a plugin", "core/runtime/bad.cpp", '#include "plugins/proc_mem/proc_mem.hpp"', "plugins/proc_mem"),
    ("core includes a sink", "core/store/bad.cpp", '#include "sinks/prometheus/prometheus.cpp"', "sinks/prometheus"),
    ("a lower part includes a higher", "core/store/bad.cpp", '#include "core/runtime/runtime.hpp"', "core/runtime"),
    ("neighbours", "core/store/bad.cpp", '#include "core/http/http.hpp"', "core/http"),
    ("through dots", "core/store/bad.cpp", '#include "../http/http.hpp"', "core/http"),
    ("through angle brackets", "core/store/bad.cpp", "#include <core/http/http.hpp>", "core/http"),
    ("with blanks", "core/store/bad.cpp", '  #  include   "core/http/http.hpp"  // why', "core/http"),
    ("a plugin includes another", "plugins/proc_cpu/bad.cpp", '#include "../proc_mem/proc_mem.hpp"', "proc_mem"),
    ("a plugin includes the runtime", "plugins/proc_cpu/bad.cpp", '#include "core/runtime/runtime.hpp"', "core/runtime"),
    ("a sink includes procfs", "sinks/prometheus/bad.cpp", "#include <sentinel/procfs/stat.hpp>", "core/procfs"),
    ("the SDK includes a system header", "core/sdk/include/sentinel/bad.hpp", "#include <unistd.h>", "standard library"),
    ("the SDK includes a library", "core/sdk/include/sentinel/bad.h", "#include <boost/asio.hpp>", "standard library"),
    ("the SDK includes procfs", "core/sdk/include/sentinel/bad.h", "#include <sentinel/procfs/stat.hpp>", "core/procfs"),
    ("core includes prometheus-cpp", "core/http/bad.cpp", "#include <prometheus/registry.h>", "this library"),
    ("core links a plugin", "core/store/CMakeLists.txt", "add_dependencies(sentinel_store proc_cpu)", "proc_cpu"),
    ("a plugin links the runtime", "plugins/proc_cpu/CMakeLists.txt",
     "sentinel_add_plugin(proc_cpu SOURCES a.cpp LIBRARIES sentinel_runtime)", "sentinel_runtime"),
    ("a part that no one has drawn", "core/attic/attic.hpp", "#pragma once", "no arrows are defined"),
    ("a path out of the clone", "docs/bad.md", f"see `{OUTSIDE}/design.md`", "a clone does not have"),
]


class CheckArrows(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        for path, text in GOOD.items():
            self.plant(path, text)

    def plant(self, path: str, text: str):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def test_a_good_tree_has_no_findings(self):
        self.assertEqual(Tree(self.root).check(), [])
        self.assertEqual(main([str(self.root)]), 0)

    def test_what_is_built_is_not_read(self):
        self.plant("build/core/store/bad.cpp", '#include "plugins/proc_mem/proc_mem.hpp"\n')
        self.plant("build-mine/docs/bad.md", OUTSIDE)
        self.assertEqual(Tree(self.root).check(), [])

    def test_a_comment_is_no_arrow(self):
        self.plant("core/store/good.cpp", '// #include "core/http/http.hpp"\n')
        self.plant("core/store/CMakeLists.txt", "# proc_cpu is found at run time\n")
        self.assertEqual(Tree(self.root).check(), [])

    def test_bytes_that_are_not_text_are_passed_over(self):
        (self.root / "tests/fixtures").mkdir(parents=True)
        (self.root / "tests/fixtures/hostile").write_bytes(b"\xff\x00")
        self.assertEqual(Tree(self.root).check(), [])

    def test_another_folder_is_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(main([folder]), 2)

    def test_each_forbidden_arrow_is_found(self):
        for name, path, line, words in FORBIDDEN:
            with self.subTest(name):
                self.plant(path, f"\n{line}\n")
                findings = Tree(self.root).check()
                (self.root / path).unlink()
                self.assertEqual(len(findings), 1, findings)
                self.assertIn(words, str(findings[0]))
                if "no arrows" not in words:
                    self.assertEqual((str(findings[0].path), findings[0].line), (path, 2))


if __name__ == "__main__":
    unittest.main()
