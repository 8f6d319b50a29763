"""The C library for each platform: an archive to unpack anywhere, and packages for Debian and what comes from it."""

import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import archive
import cargo
import symbols
from platforms import Platform
from release import ROOT, TEMPORARY, Artefact, Release

LICENCES = ("LICENSE-APACHE", "LICENSE-MIT")
#: What Debian calls each processor, and the folder of its libraries.
DEBIAN = {"x64": ("amd64", "x86_64-linux-gnu"), "arm64": ("arm64", "aarch64-linux-gnu")}


def build(release: Release) -> Iterator[Artefact]:
    out = release.out / "c"
    out.mkdir()
    for platform in release.platforms:
        if not is_for(platform):
            continue
        name = f"ssecast-c-{release.version}-{platform.name}"
        path = out / f"{name}.tar.gz"
        folder = installed(release, platform)
        for file in (*LICENCES, "bindings/c/README.md"):
            shutil.copy(ROOT / file, folder)
        path.write_bytes(archive.tar(folder, name, release.epoch))
        yield Artefact(path, platform, "built, not run" if platform.system == "darwin" else "")
        if platform.glibc:
            yield from packages(release, platform, out)


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
    symbols.objcopy(release, "--strip-debug", "--enable-deterministic-archives", built / "libssecast.a", folder / "libssecast.a")
    return folder


def installed(release: Release, platform: Platform, libdir: str = "lib") -> Path:
    """Returns a folder that the library for `platform` is installed in."""
    built = stripped(release, platform)
    folder = built / "installed" / libdir.replace("/", "-")
    environment = {"DESTDIR": str(folder), "LIBDIR": libdir, "CARGO_BUILD_TARGET": platform.target}
    release.run(ROOT / "bindings/c/install/install.sh", built, "/usr", env=environment)
    return folder / "usr"


def packages(release: Release, platform: Platform, out: Path) -> Iterator[Artefact]:
    """Debian's two: one for programs that run, and one for those that are compiled."""
    architecture, triplet = DEBIAN[platform.processor]
    folder = installed(release, platform, f"lib/{triplet}")
    (soname,) = (path.name for path in (folder / "lib" / triplet).glob("libssecast.so.*") if path.is_symlink())
    runtime = f"libssecast{soname.removeprefix('libssecast.so.')}"
    lib = f"usr/lib/{triplet}"
    for package, section, depends, text, has in (
        (runtime, "libs", f"libc6 (>= {platform.glibc})", "shared library", lambda name: name.startswith(f"{lib}/libssecast.so.")),
        ("libssecast-dev", "libdevel", f"{runtime} (= {release.version})", "header and static library",
         lambda name: not name.startswith(f"{lib}/libssecast.so.")),
    ):  # fmt: skip
        root = folder.parent / package
        for path in folder.rglob("*"):
            name = f"usr/{path.relative_to(folder)}"
            if not path.is_dir() and has(name):
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, root / name, follow_symlinks=False)
        (documents := root / f"usr/share/doc/{package}").mkdir(parents=True)
        (documents / "copyright").write_text("".join(f"{(ROOT / file).read_text()}\n" for file in LICENCES))
        size = sum(path.stat().st_size for path in root.rglob("*") if path.is_file() and not path.is_symlink())
        (control := folder.parent / f"{package}.control").mkdir()
        (control / "control").write_text(
            f"Package: {package}\nVersion: {release.version}\nArchitecture: {architecture}\nSection: {section}\nPriority: optional\n"
            f"Maintainer: ssecast <ssecast@users.noreply.github.com>\nHomepage: https://github.com/ssecast/ssecast\n"
            f"Installed-Size: {size // 1024 + 1}\nDepends: {depends}\nMulti-Arch: same\n"
            f"Description: native engine for Server-Sent Events, {text}\n"
            " Encodes, parses and broadcasts Server-Sent Events, and resumes each client where it left.\n"
        )
        if package == runtime:
            (control / "triggers").write_text("activate-noawait ldconfig\n")
        path = out / f"{package}_{release.version}_{architecture}.deb"
        path.write_bytes(archive.ar({
            "debian-binary": b"2.0\n",
            "control.tar.gz": archive.tar(control, ".", release.epoch),
            "data.tar.gz": archive.tar(root, ".", release.epoch),
        }, release.epoch))  # fmt: skip
        yield Artefact(path, platform)
