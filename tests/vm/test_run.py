#!/usr/bin/env python3
"""Proves that what went wrong in a virtual machine is told, and nothing passes or is skipped in silence."""

import contextlib
import importlib.machinery
import importlib.util
import io
import json
import lzma
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from initramfs import Initramfs, libraries  # noqa: E402
from kernels import Kernel, Missing  # noqa: E402


def script(path: Path):
    """A program of this tree as a module."""
    loader = importlib.machinery.SourceFileLoader(path.name.replace("-", "_"), str(path))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


run = script(HERE / "run")
skipped_tests = script(HERE.parents[1] / "cmake" / "setup" / "skipped-tests")

PASSED = "[==========] 2 tests from 1 test suite ran. (3 ms total)\n[  PASSED  ] 2 tests.\n"
SKIPPED = ("[ RUN      ] Tcp.counts\n/src/tcp_test.cpp:7: Skipped\nno BTF;\nboot another\n\n"
           "[  SKIPPED ] Tcp.counts (0 ms)\n[==========] 1 test from 1 test suite ran. (3 ms total)\n")


class Folder(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)


class Judge(Folder):
    def judge(self, results: str, privilege: str = "root") -> tuple:
        """The exit code and what is printed, of one run as root and one as capable."""
        jobs = [run.Job("root", "fentry", "/build/tcp_test", ""), run.Job("capable", "-", "/build/tcp_test", "")]
        (self.folder / "jobs.json").write_text(json.dumps(jobs))
        (self.folder / "results.log").write_bytes(results.replace("\n", "\r\n").encode())
        (self.folder / "console.log").write_text("the last words of the kernel\n")
        return self.outcome(privilege)

    def outcome(self, privilege: str = "root") -> tuple:
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            try:
                run.judge("6.1", privilege, self.folder)
            except SystemExit as end:
                return end.code, out.getvalue()
        return 0, out.getvalue()

    def test_what_passed_passes(self) -> None:
        code, out = self.judge(f"@ begin 0\n{PASSED}@ end 0 0\n@ begin 1\nno\n@ end 1 1\n@ done\n")
        self.assertEqual(code, 0)
        self.assertIn("2 tests passed, 0 were skipped", out)

    def test_each_privilege_is_judged_by_its_own_runs(self) -> None:
        code, out = self.judge(f"@ begin 0\n{PASSED}@ end 0 0\n@ begin 1\nwords\n@ end 1 1\n@ done\n", "capable")
        self.assertIn("1 runs failed", code)
        self.assertIn("tcp_test as capable ended with 1:\nwords", out)

    def test_a_failure_is_shown_with_kernel_hook_and_output(self) -> None:
        code, out = self.judge("@ begin 0\nExpected: 10\n@ end 0 1\n")
        self.assertIn("the last words of the kernel", code)
        self.assertIn("kernel 6.1: tcp_test as root with SENTINEL_BPF_HOOKS=fentry ended with 1:\nExpected: 10", out)

    def test_a_run_that_the_kernel_did_not_survive_fails(self) -> None:
        code, out = self.judge("@ begin 0\n[ RUN      ] Tcp.panics\n")
        self.assertIn("1 runs failed", code)
        self.assertIn("did not end:\n[ RUN      ] Tcp.panics", out)

    def test_a_program_that_ran_no_test_fails(self) -> None:
        code, out = self.judge("@ begin 0\n[==========] 0 tests from 0 test suites ran. (0 ms total)\n@ end 0 0\n")
        self.assertIn("1 runs failed", code)
        self.assertIn("ran no test", out)

    def test_skipped_tests_are_named_with_the_reason(self) -> None:
        code, out = self.judge(f"@ begin 0\n{SKIPPED}@ end 0 0\n")
        self.assertEqual(code, 0)
        self.assertIn("skipped: Tcp.counts, tcp_test as root with SENTINEL_BPF_HOOKS=fentry, kernel 6.1: "
                      "no BTF; boot another\n", out)
        self.assertIn("0 tests passed, 1 were skipped", out)

    def test_what_was_never_booted_fails(self) -> None:
        code, _ = self.outcome()
        self.assertIn("never booted", code)


class Boot(Folder):
    def test_a_machine_that_cannot_says_why(self) -> None:
        lacking = {
            "qemu": mock.patch.object(run, "tool", side_effect=Missing("no qemu")),
            "there is no kernel 0.1": mock.patch.object(run, "tool"),
            "not for riscv64": mock.patch("platform.machine", return_value="riscv64"),
        }
        for reason, machine in lacking.items():
            out = io.StringIO()
            with self.subTest(reason), machine, contextlib.redirect_stdout(out):
                with self.assertRaises(SystemExit) as end:
                    run.boot("0.1", self.folder / "plan.json", self.folder / "results")
                self.assertEqual(end.exception.code, run.SKIPPED)
                self.assertIn("skipped: ", out.getvalue())
                self.assertIn(reason, out.getvalue())
                with self.assertRaises(SystemExit) as end:
                    run.judge("0.1", "root", self.folder / "results")
                self.assertEqual(end.exception.code, run.SKIPPED)

    def test_every_hook_and_privilege_is_a_job(self) -> None:
        plan = [{"program": "/a", "arguments": "", "each_hook": True, "root_only": False},
                {"program": "/b", "arguments": "", "each_hook": False, "root_only": True}]
        jobs = run.jobs_of(plan)
        self.assertEqual(sum(job.program == "/a" for job in jobs), len(run.HOOKS) * 2)
        self.assertEqual([job.privilege for job in jobs if job.program == "/b"], ["root"])


class Archive(Folder):
    def test_busybox_unpacks_what_was_packed(self) -> None:
        made = Initramfs()
        made.file("/etc/deep/words", b"12345", 0o600)
        made.file("/etc/empty", b"")
        made.link("/bin/sh", "/bin/busybox")
        made.write(self.folder / "archive")
        (self.folder / "root").mkdir()
        with (self.folder / "archive").open("rb") as archive:
            subprocess.run(["busybox", "cpio", "-i"], stdin=archive, cwd=self.folder / "root", check=True,
                           capture_output=True)
        root = self.folder / "root"
        self.assertEqual((root / "etc/deep/words").read_bytes(), b"12345")
        self.assertEqual((root / "etc/deep/words").stat().st_mode & 0o777, 0o600)
        self.assertEqual((root / "etc/empty").read_bytes(), b"")
        self.assertEqual((root / "bin/sh").readlink(), Path("/bin/busybox"))
        self.assertEqual(root.stat().st_mode & 0o777, 0o755)

    def test_a_program_comes_with_its_loader_and_libraries(self) -> None:
        found = [path.name for path in libraries(Path(sys.executable).resolve())]
        self.assertTrue(any(name.startswith("libc.so") for name in found), found)
        self.assertTrue(any(name.startswith("ld-linux") for name in found), found)


class Modules(Folder):
    def setUp(self) -> None:
        super().setUp()
        (self.folder / "boot").mkdir()
        (self.folder / "boot" / "vmlinuz-6.1.0-9-cloud").touch()
        (self.folder / "boot" / "vmlinuz-6.12.0-cloud").touch()
        modules = self.folder / "lib" / "modules" / "6.1.0-9-cloud"
        modules.mkdir(parents=True)
        (modules / "modules.builtin").write_text("kernel/net/ipv6/ipv6.ko\n")
        (modules / "xt_statistic.ko").write_bytes(b"\x7fELF\0depends=x-tables,ipv6\0more")
        (modules / "x-tables.ko.xz").write_bytes(lzma.compress(b"\x7fELF\0depends=\0"))

    def test_each_comes_after_what_it_needs(self) -> None:
        kernel = Kernel(self.folder, "6.1")
        self.assertEqual(kernel.release, "6.1.0-9-cloud")
        self.assertEqual(list(kernel.load_order(["xt_statistic", "ipv6"])), ["x-tables", "xt_statistic"])

    def test_one_that_the_kernel_lacks_is_told(self) -> None:
        with self.assertRaisesRegex(Missing, "no module veth"):
            Kernel(self.folder, "6.1").load_order(["veth"])


class SkippedTests(Folder):
    def test_each_is_told_with_its_reason(self) -> None:
        results = self.folder / "results.xml"
        results.write_text(
            '<testsuite><testcase name="passed" status="run"><system-out>fine</system-out></testcase>'
            f'<testcase name="unit.Tcp.counts" status="notrun"><skipped/><system-out>{SKIPPED}</system-out></testcase>'
            '<testcase name="vm.6.1.boot" status="notrun"><skipped/><system-out>skipped: no qemu\n</system-out></testcase>'
            '<testcase name="vm.6.12.root" status="run"><system-out>skipped: A, root: why\nskipped: B, root: why\n'
            '</system-out></testcase></testsuite>')
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            skipped_tests.main([str(results)])
        self.assertEqual(out.getvalue(),
                         "skipped: unit.Tcp.counts: no BTF; boot another\n"
                         "skipped: vm.6.1.boot: no qemu\n"
                         "skipped: vm.6.12.root: A, root: why\n"
                         "skipped: vm.6.12.root: B, root: why\n"
                         "4 tests were skipped\n")


if __name__ == "__main__":
    unittest.main()
