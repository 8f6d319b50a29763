"""The Go module with the library for each platform in it, so that `go get` is all: a zip as Go's proxies serve it.

usage: golang.py tag DIST    commits the module of a release on top of the checked-out commit, and tags it for Go

The repository's own module has no libraries: a program that uses it links an installed one.
"""

import os
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import archive
import library
from platforms import Platform
from release import ROOT, Artefact, Missing, Release

SOURCES = ROOT / "bindings" / "go"
MODULE = re.search(r"^module (\S+)$", (SOURCES / "go.mod").read_text(), re.MULTILINE)[1]
#: Where the module lies in the repository: Go finds its versions by tags that begin with it.
FOLDER = "bindings/go"
PROCESSORS = {"x64": "amd64", "arm64": "arm64"}

#: A package with a Go file in it, and imported by the module's own: `go mod vendor` copies no other folders.
PACKAGE = "// Package {name} has {what}. It is for package ssecast alone.\npackage {name}\n"
LIBRARY = """//go:build {constraint}

package ssecast

/*
#cgo CFLAGS: -I${{SRCDIR}}/include
#cgo LDFLAGS: ${{SRCDIR}}/lib/{name}/libssecast.a {links}
{check}*/
import "C"

import (
	_ "{module}/include"
	_ "{module}/lib/{name}"
)
"""
#: Go does not know which C library a system has; the system's headers do.
GLIBC = """#include <features.h>
#ifndef __GLIBC__
#error the C library of this system is musl: build with -tags musl
#endif
"""
MUSL = """#include <features.h>
#ifdef __GLIBC__
#error the C library of this system is glibc: build without -tags musl
#endif
"""
OTHER = """//go:build cgo && !ssecast_installed && {others}

package ssecast

// This is the only error of such a build, and it has the reason in it.
const _ int = "ssecast is here for {systems}: install another (make install-c), build with -tags ssecast_installed"
"""


def build(release: Release) -> Iterator[Artefact]:
    files = sources()
    systems: dict[str, str] = {}
    for platform in release.platforms:
        if not library.is_for(platform):
            continue
        with release.part(f"go/library for {platform.name}"):
            files |= of_platform(platform, library.installed(release, platform) / "lib")
            systems[system(platform)] = f"!({system(platform).replace('_', ' && ')})"
    if not systems:
        raise Missing("there is no library to put into the module")
    files["other.go"] = OTHER.format(
        others=" && ".join(systems.values()), systems=", ".join(systems).replace("_", "/")
    ).encode()
    path = release.out / "go" / f"ssecast-go-{release.version}.zip"
    path.parent.mkdir()
    prefix = f"{MODULE}@v{release.version}/"
    path.write_bytes(archive.zip({prefix + name: data for name, data in sorted(files.items())}, release.epoch))
    yield Artefact(path, note=f"for {', '.join(systems).replace('_', '/')}")


def sources() -> dict[str, bytes]:
    """What the module has for every platform. Tests are those of the repository, with its vectors."""
    files = {
        path.name: path.read_bytes()
        for path in SOURCES.glob("*")
        if path.is_file() and not path.name.endswith("_test.go")
    }
    # An installed library is for those who ask for it.
    files["installed.go"] = files["installed.go"].replace(
        b"//go:build cgo\n", b"//go:build cgo && ssecast_installed\n", 1
    )
    files |= {path.name: path.read_bytes() for path in (ROOT / "LICENSE-APACHE", ROOT / "LICENSE-MIT")}
    files["include/ssecast.h"] = (ROOT / "include" / "ssecast.h").read_bytes()
    files["include/package.go"] = PACKAGE.format(name="include", what="ssecast.h").encode()
    for example in (SOURCES / "examples").rglob("*.go"):
        files[example.relative_to(SOURCES).as_posix()] = example.read_bytes()
    return files


def system(platform: Platform) -> str:
    """The platform without its C library, as Go names it in the names of files."""
    return f"{platform.system}_{PROCESSORS[platform.processor]}"


def of_platform(platform: Platform, folder: Path) -> dict[str, bytes]:
    """The library of a platform, which is installed in `folder`, and the file that links it."""
    name = system(platform) + ("_musl" if platform.is_musl else "")
    what = f"ssecast's library for {platform.name}"
    return {
        f"lib/{name}/libssecast.a": (folder / "libssecast.a").read_bytes(),
        f"lib/{name}/package.go": PACKAGE.format(name=name, what=what).encode(),
        f"library_{name}.go": linking(platform, name, folder / "pkgconfig" / "ssecast.pc"),
    }


def linking(platform: Platform, name: str, pkg_config: Path) -> bytes:
    """The file that links the library of a platform, and what that library says it is linked with."""
    constraint = f"cgo && !ssecast_installed && {system(platform).replace('_', ' && ')}"
    if platform.system == "linux":
        constraint += " && musl" if platform.is_musl else " && !musl"
    links = re.search(r"^Libs.private:(.*)$", pkg_config.read_text(), re.MULTILINE)[1].strip()
    check = "" if platform.system != "linux" else MUSL if platform.is_musl else GLIBC
    text = LIBRARY.format(constraint=constraint, name=name, links=links, check=check, module=MODULE)
    return text.replace("libssecast.a \n", "libssecast.a\n").encode()


def tag(dist: Path) -> None:
    """A tag on a commit of its own, behind the release's, with the files of the zip. It is on no branch."""
    (path,) = (dist / "go").glob("ssecast-go-*.zip")
    with zipfile.ZipFile(path) as module, tempfile.TemporaryDirectory() as temporary:
        prefix = f"{module.namelist()[0].split('@')[0]}@{module.namelist()[0].split('@')[1].split('/')[0]}/"
        version = prefix.split("@")[1].rstrip("/")
        environment = {**os.environ, "GIT_INDEX_FILE": f"{temporary}/index"}

        def git(*words: str, data: bytes | None = None) -> str:
            done = subprocess.run(
                ["git", *words], cwd=ROOT, env=environment, input=data, check=True, stdout=subprocess.PIPE
            )
            return done.stdout.decode().strip()

        git("read-tree", "HEAD")
        for name in module.namelist():
            blob = git("hash-object", "-w", "--stdin", data=module.read(name))
            git("update-index", "--add", "--cacheinfo", f"100644,{blob},{FOLDER}/{name.removeprefix(prefix)}")
        commit = git("commit-tree", git("write-tree"), "-p", "HEAD", "-m", f"release(go): {version} with its libraries")
        git("tag", f"{FOLDER}/{version}", commit)
        print(f"{FOLDER}/{version} is {commit}")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["tag", folder]:
            tag(Path(folder))
        case _:
            raise SystemExit(__doc__)
