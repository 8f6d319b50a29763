#!/usr/bin/env python3
"""Builds a program with pkg-config, one with CMake and one with the static library, against an installed ssecast that was moved
nowhere but where PREFIX says, and runs each.

install.py PREFIX WORK
"""

import os
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


def with_pkg_config(prefix, work):
    env = {**os.environ, "PKG_CONFIG_PATH": str(prefix / "lib/pkgconfig")}
    flags = run("pkg-config", "--cflags", "--libs", "ssecast", env=env).split()
    version = run("pkg-config", "--modversion", "ssecast", env=env)
    run("cc", work / "program.c", *flags, "-o", work / "shared")
    found = run(work / "shared", f"file:{work}/events", env={**os.environ, "LD_LIBRARY_PATH": str(prefix / "lib")})
    assert found == version, found
    needed = run("readelf", "-d", work / "shared")
    assert "[libssecast.so.0]" in needed, needed
    private = run("pkg-config", "--static", "--libs-only-l", "--libs-only-other", "ssecast", env=env).split()
    private = [flag for flag in private if flag != "-lssecast"]
    run("cc", work / "program.c", f"-I{prefix}/include", prefix / "lib/libssecast.a", *private, "-o", work / "static")
    assert run(work / "static", f"file:{work}/events") == version


def with_cmake(prefix, work):
    version = run("sed", "-n", 's/^#define SSECAST_VERSION_STRING "\\(.*\\)"/\\1/p', prefix / "include/ssecast.h")
    (work / "CMakeLists.txt").write_text(CMAKE.format(version=version))
    run("cmake", "-S", work, "-B", work / "build", f"-DCMAKE_PREFIX_PATH={prefix}")
    run("cmake", "--build", work / "build")
    for program in ("shared", "static"):
        assert run(work / "build" / program, f"file:{work}/events") == version


def main():
    prefix, work = (Path(argument).resolve() for argument in sys.argv[1:3])
    results = Results("c-install")
    for tool, name, test in [
        ("pkg-config", "a program is built with pkg-config, shared and static", with_pkg_config),
        ("cmake", "a program is built with CMake's find_package, shared and static", with_cmake),
    ]:
        if shutil.which(tool) is None:
            results.skip(f"{tool} is not installed, so not tested: {name}")
            continue
        folder = work / tool
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / "program.c").write_text(PROGRAM)
        try:
            test(prefix, folder)
            results.passed(name)
        except AssertionError as error:
            results.fail(name, error)
    return results.close()


sys.exit(main())
