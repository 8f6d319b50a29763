"""The C library for each platform: an archive to unpack anywhere, and packages for Debian and what comes from it."""

import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import archive
import cargo
import debian
import symbols
from platforms import Platform
from release import ROOT, TEMPORARY, Artefact, Release

LICENCES = ("LICENSE-APACHE", "LICENSE-MIT")


def build(release: Release) -> Iterator[Artefact]:
    out = release.out / "c"
    out.mkdir()
    for platform in release.platforms:
        if not is_for(platform):
            continue
        with release.part(f"c/library for {platform.name}"):
            yield packed(release, platform, out)
            if platform.glibc:
                folder = installed(release, platform, debian.libdir(platform))
                yield from debian.packages(release, platform, folder, out)


def packed(release: Release, platform: Platform, out: Path) -> Artefact:
    """Packs what is installed, with what has to be beside it."""
    name = f"ssecast-c-{release.version}-{platform.name}"
    path = out / f"{name}.tar.gz"
    folder = installed(release, platform)
    for file in (*LICENCES, "bindings/c/README.md"):
        shutil.copy(ROOT / file, folder)
    path.write_bytes(archive.tar(folder, name, release.epoch))
    return Artefact(path, platform, "built, not run" if platform.system == "darwin" else "")


def is_for(platform: Platform) -> bool:
    """The library gives and takes descriptors of Unix."""
    return platform.system != "win32"


@cache
def stripped(release: Release, platform: Platform) -> Path:
    """Builds the library for `platform`, and returns the folder of the shared and of the static one, without symbols.

    One build is for both, so that neither has symbols of Rust's own library twice.
    """
    built = cargo.build(release, platform, "ssecast-c", lto=False)
    folder = TEMPORARY / "library" / platform.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shared = "libssecast.dylib" if platform.system == "darwin" else "libssecast.so"
    symbols.strip(release, built / shared, f"libssecast-{platform.name}", folder / shared)
    symbols.objcopy(
        release, "--strip-debug", "--enable-deterministic-archives", built / "libssecast.a", folder / "libssecast.a"
    )
    return folder


def installed(release: Release, platform: Platform, libdir: str = "lib") -> Path:
    """Returns a folder that the library for `platform` is installed in."""
    built = stripped(release, platform)
    folder = built / "installed" / libdir.replace("/", "-")
    environment = {"DESTDIR": str(folder), "LIBDIR": libdir, "CARGO_BUILD_TARGET": platform.target}
    release.run(ROOT / "bindings/c/install/install.sh", built, "/usr", env=environment)
    return folder / "usr"
