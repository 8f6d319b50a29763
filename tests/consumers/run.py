#!/usr/bin/env python3
"""Builds what uses the C library from another language against an installed one, runs its tests, and its example server.

run.py LANGUAGE PREFIX WORK: PREFIX is where `make install-c` put the library, WORK a folder for what is built. A language whose
tools are missing is skipped, but not where the environment says `CI`.
"""

import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import example
import toolchains
import wrapped
from results import Results

ROOT = Path(__file__).resolve().parents[2]
BINDINGS = ROOT / "bindings"
SECONDS = 300


class Suite:
    def __init__(self, prefix, work):
        self.prefix, self.lib, self.work = prefix, prefix / "lib", work
        self.results = Results(work.name)
        work.mkdir(parents=True, exist_ok=True)

    def tools(self, *names):
        """Whether these programs are there; if not, it says so."""
        missing = [name for name in names if shutil.which(name) is None]
        if missing and os.environ.get("CI"):
            self.results.fail(f"{', '.join(missing)}: not installed")
        elif missing:
            self.results.skip(f"{', '.join(missing)} is not installed")
        return not missing

    def build(self, *command, **options):
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, **options)
        if done.returncode != 0:
            self.results.fail(" ".join(map(str, command)), done.stdout + done.stderr)
        return done.returncode == 0

    def run(self, *command, **options):
        """Runs a program that prints a line `ok NAME` for each test that it passed, and fails at the first that does not."""
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, **options)
        good = [line for line in done.stdout.splitlines() if line.startswith("ok ")]
        for line in good:
            self.results.passed(line.removeprefix("ok "))
        if done.returncode != 0 or not good:
            self.results.fail(f"{command[0]} ended with {done.returncode}", done.stdout + done.stderr)

    def serves(self, *command, **options):
        try:
            example.serves(command, **options)
        except (AssertionError, OSError, ValueError) as error:
            return self.results.fail(f"the example server {command[0]}", f"{type(error).__name__}: {error}")
        self.results.passed("the example server")


def cpp(suite):
    flags = ["-std=c++17", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-g", f"-I{suite.prefix}/include"]
    link = [f"-L{suite.lib}", f"-Wl,-rpath,{suite.lib}", "-lssecast", "-lpthread"]
    if not suite.tools("c++"):
        return
    tests, server = suite.work / "wrapper", suite.work / "server"
    left_out = wrapped.left_out()
    if left_out:
        suite.results.fail("the wrapper has every function of the header", "\n".join(left_out))
    else:
        suite.results.passed("the wrapper has every function of the header")
    if suite.build("c++", *flags, BINDINGS / "cpp/tests/wrapper.cpp", "-o", tests, *link):
        suite.run(tests)
        if shutil.which("valgrind"):
            suite.run("valgrind", "--quiet", "--error-exitcode=99", "--leak-check=full",
                      "--errors-for-leak-kinds=definite,indirect", f"--suppressions={BINDINGS}/c/tests/valgrind.supp", tests)
    if suite.build("c++", *flags, BINDINGS / "cpp/examples/server.cpp", "-o", server, *link):
        suite.serves(server)


def ctypes(suite):
    library = suite.lib / ("libssecast.dylib" if sys.platform == "darwin" else "libssecast.so")
    suite.run(sys.executable, Path(__file__).with_name("plain_abi.py"), library)


def go(suite):
    if not suite.tools("go", "gofmt", "cc"):
        return
    options = {"cwd": BINDINGS / "go", "env": toolchains.go_environment(suite.prefix, suite.work)}
    server, unformatted = suite.work / "server", subprocess.run(["gofmt", "-l", "."], capture_output=True, text=True, **options)
    if unformatted.stdout or unformatted.returncode != 0:
        suite.results.fail("gofmt -l", unformatted.stdout + unformatted.stderr)
    suite.build("go", "vet", "./...", **options)
    # With Go's race detector where it runs.
    race = ["-race"] if platform.machine() in ("x86_64", "aarch64", "arm64") else []
    command = ["go", "test", *race, "-count=1", "-json", "./..."]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, **options)
    failed = suite.results.failed
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    parents = {line["Test"].rpartition("/")[0] for line in lines if "Test" in line}
    for line in lines:
        if "Test" in line and line["Test"] not in parents and line["Action"] in ("pass", "fail"):
            if line["Action"] == "pass":
                suite.results.passed(line["Test"])
            else:
                text = "".join(other["Output"] for other in lines if other.get("Test") == line["Test"] and "Output" in other)
                suite.results.fail(line["Test"], text)
    if done.returncode != 0 and suite.results.failed == failed:
        suite.results.fail("go test", "".join(line.get("Output", "") for line in lines) + done.stderr)
    if suite.build("go", "build", "-o", server, "./examples/server", **options):
        suite.serves(server)


def java(suite):
    if not suite.tools("javac", "java", "mvn"):
        return
    try:
        jna = toolchains.jna(suite.work)
    except OSError as error:
        return suite.results.fail("JNA, by Maven", error)
    classes = suite.work / "classes"
    shutil.rmtree(classes, ignore_errors=True)
    # The example for Spring is built by Maven: `make bench-native`. The calls of Java 22 are compiled by themselves.
    sources = sorted(path for path in (BINDINGS / "java").rglob("*.java") if not {"spring", "src22"} & set(path.parts))
    command = ["java", f"-Djna.library.path={suite.lib}", "-cp", f"{jna}{os.pathsep}{classes}"]
    if suite.build("javac", "--release", "17", "-encoding", "UTF-8", "-Xlint:all", "-Werror", "-cp", jna, "-d", classes, *sources):
        suite.run(*command, "SsecastTest")
        suite.run(*command, "StreamsTest", refusals(suite))
        # Its processes take their time, and are the same for both ways to call the library: it is run by the newer one.
        if not with_foreign_calls(suite, jna, classes):
            suite.run(*command, "StoreTest")
        suite.serves(*command, "Server")


def refusals(suite):
    """The file with the vectors of refusals, for a language without JSON."""
    file = suite.work / "refusals"
    with file.open("wb") as out:
        subprocess.run([sys.executable, BINDINGS / "c/tests/vectors.py", "refusals"], stdout=out, check=True)
    return file


def with_foreign_calls(suite, jna, classes):
    """Runs the same tests where the JDK's own API calls the library, and those of virtual threads; false where no JDK is so new."""
    newer = toolchains.newest_java(22)
    if not newer:
        suite.results.skip("there is no JDK of version 22 or later: its API for foreign functions was not tried, nor virtual threads")
        return False
    foreign = suite.work / "classes22"
    shutil.rmtree(foreign, ignore_errors=True)
    path = f"{jna}{os.pathsep}{classes}"
    if not suite.build(newer / "javac", "--release", "22", "-encoding", "UTF-8", "-Xlint:all,-restricted", "-Werror", "-cp", path,
                       "-d", foreign, *sorted((BINDINGS / "java/src22").rglob("*.java"))):
        return True
    # Two threads are below all virtual ones: what holds one of them is soon found out.
    few = [f"-Djdk.virtualThreadScheduler.{option}=2" for option in ("parallelism", "maxPoolSize")]
    command = [newer / "java", "--enable-native-access=ALL-UNNAMED", f"-Djna.library.path={suite.lib}",
               "-cp", f"{foreign}{os.pathsep}{path}"]
    for test in (["SsecastTest"], ["StreamsTest", refusals(suite)], ["StoreTest"]):
        suite.run(*command, *test)
    suite.run(*command[:1], *few, *command[1:], "VirtualThreadsTest")
    return True


LANGUAGES = {"cpp": cpp, "ctypes": ctypes, "go": go, "java": java}


def main():
    language, prefix, work = sys.argv[1:4]
    suite = Suite(Path(prefix).resolve(), Path(work).resolve() / language)
    LANGUAGES[language](suite)
    return suite.results.close()


if __name__ == "__main__":
    sys.exit(main())
