#!/usr/bin/env python3
"""Builds the C tests against an installed ssecast and runs each as it is, with AddressSanitizer, and under valgrind.

run.py PREFIX WORK [--whole]: PREFIX is where `make install-c` put the library, WORK a folder for what is built. Under
valgrind the slow ones run only with --whole.
"""

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nulls
import scenarios
from results import Results

here = Path(__file__).resolve().parent
STRICT = ["-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-g", "-D_XOPEN_SOURCE=700"]
SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"]
# What a thread still has when the program ends is only `possible`; what the program can't reach any more is a leak.
VALGRIND = ["valgrind", "--quiet", "--error-exitcode=99", "--leak-check=full", "--errors-for-leak-kinds=definite,indirect",
            "--show-leak-kinds=definite,indirect", "--num-callers=30", f"--suppressions={here}/valgrind.supp"]
SECONDS = 240
# Half a minute each under valgrind, and they come to few lines of the library that the others don't.
SLOW = {"connection", "ending", "scenarios", "store", "storm", "vectors"}
# Most of them wait more than they work.
AT_ONCE = 3


class Suite:
    def __init__(self, prefix, work):
        self.prefix, self.work = prefix, work
        self.results = Results("c")
        work.mkdir(parents=True, exist_ok=True)

    def build(self, source, name, *flags):
        program = self.work / name
        lib = self.prefix / "lib"
        command = ["cc", *STRICT, *flags, f"-I{self.prefix}/include", f"-I{here}", f"-I{self.work}", str(source), "-o", str(program),
                   f"-L{lib}", f"-Wl,-rpath,{lib}", "-lssecast", "-lpthread"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            self.results.fail(f"{name} does not compile", done.stdout + done.stderr)
            return None
        return program

    def run(self, name, command, **options):
        try:
            done = subprocess.run(command, capture_output=True, timeout=SECONDS, **options)
        except subprocess.TimeoutExpired as late:
            self.results.fail(f"{name} did not end in {SECONDS} s", (late.stdout or b"").decode(errors="replace"))
            return
        out, err = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
        good = [line.removeprefix("ok ") for line in out.splitlines() if line.startswith("ok ")]
        for test in good:
            self.results.passed(f"{name}: {test}")
        if done.returncode != 0 or not good:
            self.results.fail(f"{name} ended with {done.returncode}", out + err)


def sanitizer(work):
    """The environment for programs with AddressSanitizer, or None where the compiler or the system has none. Leaks are found
    too, except where the system does not let a process look at itself."""
    source, program = work / "sanitize.c", work / "sanitize"
    source.write_text("int main(void) { return 0; }\n")
    if subprocess.run(["cc", *SANITIZE, str(source), "-o", str(program)], capture_output=True).returncode != 0:
        return None
    for leaks in (1, 0):
        environment = {**os.environ, "ASAN_OPTIONS": f"detect_leaks={leaks}"}
        if subprocess.run([str(program)], capture_output=True, env=environment).returncode == 0:
            return environment
    return None


def programs(work):
    """The tests' sources, and those that are made for them."""
    for maker, name in ((nulls.program, "nulls.c"), (scenarios.table, "scenarios.h")):
        (work / name).write_text(maker())
    return [*sorted(here.glob("*.c")), work / "nulls.c"]


def main():
    prefix, work = (Path(argument).resolve() for argument in sys.argv[1:3])
    whole = "--whole" in sys.argv[3:]
    suite = Suite(prefix, work)
    valgrind = shutil.which("valgrind") is not None
    if not valgrind:
        suite.results.skip("valgrind is not installed (Debian: apt-get install valgrind)")
    sanitized = sanitizer(work)
    if sanitized is None:
        suite.results.skip("this C compiler has no AddressSanitizer")
    vectors = subprocess.run([sys.executable, here / "vectors.py"], capture_output=True, check=True).stdout

    with scenarios.serving() as ports, ThreadPoolExecutor(AT_ONCE) as pool:
        def run(source):
            name = source.stem
            given = {"input": vectors} if name == "vectors" else {}

            def command(program, word):
                # Each run of the scenarios has a word of its own.
                return [str(program), *([*map(str, ports), word] if name == "scenarios" else [])]

            program = suite.build(source, name)
            if program:
                suite.run(name, command(program, "plain"), **given)
                if valgrind and (whole or name not in SLOW):
                    suite.run(f"{name}, valgrind", [*VALGRIND, *command(program, "valgrind")], **given)
            program = suite.build(source, f"{name}-sanitized", *SANITIZE) if sanitized else None
            if program:
                suite.run(f"{name}, AddressSanitizer", command(program, "sanitized"), env=sanitized, **given)

        list(pool.map(run, programs(work)))
    return suite.results.close()


if __name__ == "__main__":
    sys.exit(main())
