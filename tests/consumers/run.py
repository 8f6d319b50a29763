#!/usr/bin/env python3
"""Builds what uses the C library from another language against an installed one, runs its tests, and its example server.

run.py LANGUAGE PREFIX WORK: PREFIX is where `make install-c` put the library, WORK a folder for what is built. A language whose
tools are missing is skipped, but not where the environment says `CI`.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import example

ROOT = Path(__file__).resolve().parents[2]
BINDINGS = ROOT / "bindings"
SECONDS = 300


class Suite:
    def __init__(self, prefix, work):
        self.prefix, self.lib, self.work = prefix, prefix / "lib", work
        self.passed = self.failed = 0
        work.mkdir(parents=True, exist_ok=True)

    def tools(self, *names):
        """Whether these programs are there; if not, it says so."""
        missing = [name for name in names if shutil.which(name) is None]
        if missing and os.environ.get("CI"):
            self.fail(f"{', '.join(missing)}: not installed")
        elif missing:
            print(f"skipped: {', '.join(missing)} is not installed")
        return not missing

    def build(self, *command, **options):
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, **options)
        if done.returncode != 0:
            self.fail(" ".join(map(str, command)), done.stdout + done.stderr)
        return done.returncode == 0

    def run(self, *command, **options):
        """Runs a program that prints a line `ok NAME` for each test that it passed, and fails at the first that does not."""
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, **options)
        good = [line for line in done.stdout.splitlines() if line.startswith("ok ")]
        self.passed += len(good)
        print("\n".join(good))
        if done.returncode != 0 or not good:
            self.fail(f"{command[0]} ended with {done.returncode}", done.stdout + done.stderr)

    def serves(self, *command, **options):
        try:
            example.serves(command, **options)
        except (AssertionError, OSError, ValueError) as error:
            return self.fail(f"the example server {command[0]}", f"{type(error).__name__}: {error}")
        self.passed += 1
        print("ok the example server")

    def fail(self, what, detail=""):
        self.failed += 1
        print(f"FAILED {what}\n{detail}", flush=True)


def cpp(suite):
    flags = ["-std=c++17", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-g", f"-I{suite.prefix}/include"]
    link = [f"-L{suite.lib}", f"-Wl,-rpath,{suite.lib}", "-lssecast", "-lpthread"]
    if not suite.tools("c++"):
        return
    tests, server = suite.work / "wrapper", suite.work / "server"
    if suite.build("c++", *flags, BINDINGS / "cpp/tests/wrapper.cpp", "-o", tests, *link):
        suite.run(tests)
        if shutil.which("valgrind"):
            suite.run("valgrind", "--quiet", "--error-exitcode=99", "--leak-check=full",
                      "--errors-for-leak-kinds=definite,indirect", tests)
    if suite.build("c++", *flags, BINDINGS / "cpp/examples/server.cpp", "-o", server, *link):
        suite.serves(server)


def ctypes(suite):
    library = suite.lib / ("libssecast.dylib" if sys.platform == "darwin" else "libssecast.so")
    suite.run(sys.executable, Path(__file__).with_name("plain_abi.py"), library)


LANGUAGES = {"cpp": cpp, "ctypes": ctypes}


def main():
    language, prefix, work = sys.argv[1:4]
    suite = Suite(Path(prefix).resolve(), Path(work).resolve() / language)
    LANGUAGES[language](suite)
    print(f"test result: {'FAILED' if suite.failed else 'ok'}. {suite.passed} passed; {suite.failed} failed")
    return suite.failed != 0


if __name__ == "__main__":
    sys.exit(main())
