#!/usr/bin/env python3
"""Installs ssecast once more, in a folder for libraries of another name, moves all of it, and builds programs against it there:
with pkg-config, with CMake, shared, static, fully static, and beside another static library of Rust. Runs each.

install.py BUILT PREFIX WORK: BUILT is the folder of what cargo built, PREFIX where it is installed
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from results import Results

PROGRAM = """#include <stdio.h>
#include <string.h>
#include <ssecast.h>

int main(int count, char **arguments) {
  ssecast_hub *hub = NULL;
  ssecast_hub_config config = {.size = sizeof config, .store = ssecast_slice_of(arguments[count - 1])};
  ssecast_event event = {.size = sizeof event};
  if (strcmp(ssecast_version(), SSECAST_VERSION_STRING) != 0 || ssecast_hub_new(&config, &hub, NULL) != SSECAST_OK) return 1;
  if (ssecast_hub_publish(hub, ssecast_slice_of("ticks"), &event, NULL, NULL) != SSECAST_OK) return 2;
  ssecast_hub_free(hub);
  puts(ssecast_version());
  return 0;
}
"""
# Brings Rust's own library with it, as ours does.
OTHER = """#[no_mangle]
pub extern "C" fn other(count: u32) -> usize {
    std::panic::catch_unwind(|| (0..count).map(|each| each.to_string()).collect::<Vec<_>>().join(" ").len()).unwrap_or(0)
}
"""
BESIDE = PROGRAM.replace("int main(", "size_t other(uint32_t count);\n\nint main(").replace("  puts(", "  if (other(3) != 5) return 3;\n  puts(")
LIBDIR = "lib/x86_64-any"
CMAKE = """cmake_minimum_required(VERSION 3.13)
project(program C)
find_package(ssecast {version} REQUIRED)
add_executable(shared program.c)
target_link_libraries(shared ssecast::ssecast)
add_executable(static program.c)
target_link_libraries(static ssecast::static)
find_package(ssecast 99 QUIET)
if(ssecast_FOUND)
  message(FATAL_ERROR "a version that is not there was found")
endif()
"""


def run(*command, **options):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, **options)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout.strip()


def moved(built, prefix, work):
    """Installs to a stage, as a packager does, and takes what is there elsewhere."""
    stage = work / "stage"
    script = Path(__file__).resolve().parents[1] / "install/install.sh"
    run(script, built, "/usr/share/sse", env={**os.environ, "DESTDIR": str(stage), "LIBDIR": f"/usr/share/sse/{LIBDIR}"})
    elsewhere = (stage / "usr/share/sse").rename(work / "else where")
    same = [path.relative_to(prefix) for path in prefix.rglob("*") if path.is_file()]
    assert (elsewhere / LIBDIR / "libssecast.a").exists() and not (elsewhere / "lib/libssecast.a").exists()
    assert len(same) == len([path for path in elsewhere.rglob("*") if path.is_file()]), same
    return elsewhere


def with_pkg_config(prefix, work):
    (work / "link").symlink_to(prefix)
    lib = work / "link" / LIBDIR
    env = {**os.environ, "PKG_CONFIG_PATH": str(lib / "pkgconfig")}
    flags = run("pkg-config", "--cflags", "--libs", "ssecast", env=env).split()
    version = run("pkg-config", "--modversion", "ssecast", env=env)
    run("cc", work / "program.c", *flags, "-o", work / "shared")
    found = run(work / "shared", f"file:{work}/events", env={**os.environ, "LD_LIBRARY_PATH": str(lib)})
    assert found == version, found
    needed = run("readelf", "-d", work / "shared")
    interface = re.match(r"0\.\d+|\d+", version)[0]
    assert f"[libssecast.so.{interface}]" in needed, needed
    fully = run("pkg-config", "--static", "--cflags", "--libs", "ssecast", env=env).split()
    run("cc", "-static", work / "program.c", *fully, "-o", work / "static")
    assert run(work / "static", f"file:{work}/events") == version
    private = [flag for flag in fully if flag != "-lssecast"]
    run("cc", work / "program.c", lib / "libssecast.a", *private, "-o", work / "mixed")
    assert run(work / "mixed", f"file:{work}/events") == version


def beside_another(prefix, work):
    (work / "other.rs").write_text(OTHER)
    (work / "beside.c").write_text(BESIDE)
    run("rustc", "--edition=2021", "--crate-type=staticlib", "-O", work / "other.rs", "-o", work / "libother.a")
    libraries = [prefix / LIBDIR / "libssecast.a", work / "libother.a"]
    for at, order in enumerate((libraries, libraries[::-1])):
        run("cc", work / "beside.c", f"-I{prefix}/include", *order, "-lm", "-ldl", "-lpthread", "-o", work / f"beside{at}")
        run(work / f"beside{at}", f"file:{work}/events")


def with_cmake(prefix, work):
    version = run("sed", "-n", 's/^#define SSECAST_VERSION_STRING "\\(.*\\)"/\\1/p', prefix / "include/ssecast.h")
    (work / "CMakeLists.txt").write_text(CMAKE.format(version=version))
    run("cmake", "-S", work, "-B", work / "build", f"-Dssecast_DIR={prefix}/{LIBDIR}/cmake/ssecast")
    run("cmake", "--build", work / "build")
    for program in ("shared", "static"):
        assert run(work / "build" / program, f"file:{work}/events") == version


def main():
    built, prefix, work = (Path(argument).resolve() for argument in sys.argv[1:4])
    results = Results("c-install")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    prefix = moved(built, prefix, work)
    for tool, name, test in [
        ("pkg-config", "a program is built with pkg-config: shared, static, and of static libraries alone", with_pkg_config),
        ("cmake", "a program is built with CMake's find_package, shared and static", with_cmake),
        ("rustc", "the static library stands beside another one of Rust", beside_another),
    ]:
        if shutil.which(tool) is None:
            results.skip(f"{tool} is not installed, so not tested: {name}")
            continue
        folder = work / tool
        folder.mkdir()
        (folder / "program.c").write_text(PROGRAM)
        try:
            test(prefix, folder)
            results.passed(name)
        except AssertionError as error:
            results.fail(name, error)
    return results.close()


sys.exit(main())
