"""The C library in a fresh C program: by pkg-config, by CMake, without any library of its own, and for Debian."""

import shutil
from pathlib import Path

import roots
from platforms import Platform
from release import ROOT, TOOLS
from trial import Dist, Skipped, Trials, check_server, run

PROGRAM = r"""#include <ssecast.h>
#include <stdio.h>
#include <string.h>

int main(void) {
  static char line[4096];
  bool over;
  ssecast_hub *hub;
  ssecast_listener *listener;
  ssecast_hub_config hub_config = {.size = sizeof hub_config};
  ssecast_listen_config config = {.size = sizeof config, .query_topics = 1};
  if (ssecast_hub_new(&hub_config, &hub, NULL) || ssecast_hub_listen(hub, &config, &listener, NULL)) return 1;
  printf("http://127.0.0.1:%u/?topic=lines\n", (unsigned)ssecast_listener_port(listener));
  fflush(stdout);
  while (fgets(line, sizeof line, stdin)) {
    ssecast_event event = {.size = sizeof event, .data = {line, strcspn(line, "\n")}};
    if (ssecast_hub_publish(hub, ssecast_slice_of("lines"), &event, NULL, NULL)) return 2;
  }
  if (ssecast_hub_close(hub, NULL, 5000, NULL) || ssecast_hub_wait_closed(hub, 6000, &over, NULL) || !over) return 3;
  ssecast_listener_free(listener);
  ssecast_hub_free(hub);
  return 0;
}
"""
CMAKE = """cmake_minimum_required(VERSION 3.13)
project(program C)
find_package(ssecast REQUIRED)
add_executable(program program.c)
target_link_libraries(program ssecast::ssecast)
"""


def trials(dist: Dist) -> Trials:
    found: Trials = {}
    for platform in dist.platforms:
        if platform.system != "linux":
            continue
        if platform.is_host:
            found["a C program finds the library by pkg-config"] = lambda folder, platform=platform: with_pkg_config(
                dist, platform, folder
            )
            found["a C program finds the library by CMake"] = lambda folder, platform=platform: with_cmake(
                dist, platform, folder
            )
            found["a C program is compiled with what Debian's packages install"] = lambda folder: debian(dist, folder)
        found[f"a C program for {platform.name} needs no libraries of its own"] = lambda folder, platform=platform: (
            static(dist, platform, folder)
        )
    return found


def unpacked(dist: Dist, platform: Platform, folder: Path) -> Path:
    """The archive, in a folder of another name than any that it knows."""
    run("tar", "xf", dist.file(f"c/ssecast-c-*-{platform.name}.tar.gz"), cwd=folder)
    (folder / "program.c").write_text(PROGRAM)
    return next(folder.glob("ssecast-c-*")).rename(folder / "moved")


def with_pkg_config(dist: Dist, platform: Platform, folder: Path) -> None:
    lib = unpacked(dist, platform, folder) / "lib"
    flags = run(
        "pkg-config", "--cflags", "--libs", "ssecast", cwd=folder, env={"PKG_CONFIG_PATH": f"{lib}/pkgconfig"}
    ).split()
    run("cc", "program.c", *flags, "-o", "program", cwd=folder)
    check_server(folder / "program", cwd=folder, env={"LD_LIBRARY_PATH": str(lib)})


def with_cmake(dist: Dist, platform: Platform, folder: Path) -> None:
    if not shutil.which("cmake"):
        raise Skipped("cmake is not installed")
    prefix = unpacked(dist, platform, folder)
    (folder / "CMakeLists.txt").write_text(CMAKE)
    run("cmake", "-S", folder, "-B", folder / "build", f"-DCMAKE_PREFIX_PATH={prefix}", cwd=folder)
    run("cmake", "--build", folder / "build", cwd=folder)
    check_server(folder / "build/program", cwd=folder)


def debian(dist: Dist, folder: Path) -> None:
    if not shutil.which("dpkg-deb"):
        raise Skipped("dpkg-deb is not installed")
    packages = sorted(dist.path.glob("c/*_amd64.deb"))
    if len(packages) != 2:
        raise Skipped("there are no packages for amd64")
    for package in packages:
        run("dpkg-deb", "--extract", package, folder, cwd=folder)
    (folder / "program.c").write_text(PROGRAM)
    (lib,) = (folder / "usr/lib").iterdir()
    run("cc", "program.c", f"-I{folder}/usr/include", f"-L{lib}", "-lssecast", "-o", "program", cwd=folder)
    check_server(folder / "program", cwd=folder, env={"LD_LIBRARY_PATH": str(lib)})


def static(dist: Dist, platform: Platform, folder: Path) -> None:
    """By zig's compiler, which has the C library of each platform; the host's own by its own."""
    prefix = unpacked(dist, platform, folder)
    library = prefix / "lib/libssecast.a"
    if platform.is_host:
        env = {"PKG_CONFIG_PATH": f"{prefix}/lib/pkgconfig"}
        flags = run("pkg-config", "--static", "--cflags", "--libs", "ssecast", cwd=folder, env=env).split()
        run("cc", "-static", "program.c", *flags, "-o", "program", cwd=folder)
        check_server(folder / "program", cwd=folder)
        return
    target = platform.target.replace("-unknown", "") + (f".{platform.glibc}" if platform.glibc else "")
    # zig links glibc as a shared library alone.
    how = ["-static"] if platform.is_musl else []
    # What zig has compiled once is kept for all trials.
    env = {"ZIG_GLOBAL_CACHE_DIR": str(ROOT / "target/dist/zig"), "ZIG_LOCAL_CACHE_DIR": str(folder / "zig")}
    run(
        TOOLS / "python-zig",
        "cc",
        "-target",
        target,
        *how,
        "program.c",
        f"-I{prefix}/include",
        library,
        "-lunwind",
        "-o",
        "program",
        cwd=folder,
        env=env,
    )
    try:
        if platform.is_musl:
            check_server(*roots.emulator(platform), folder / "program", cwd=folder)
        else:
            check_server(*roots.placed(platform, folder / "program"), cwd=folder)
    except roots.Missing as missing:
        raise Skipped(f"it was compiled and linked, and not run: {missing}") from missing
