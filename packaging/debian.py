"""The C library as Debian's packages: one for programs that run, and one for those that are compiled."""

import gzip
import hashlib
import shutil
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path

import archive
from platforms import Platform
from release import ROOT, TEMPORARY, Artefact, Release

#: What Debian calls each processor, and the folder of its libraries.
ARCHITECTURES = {"x64": ("amd64", "x86_64-linux-gnu"), "arm64": ("arm64", "aarch64-linux-gnu")}
MAINTAINER = "ssecast <ssecast@users.noreply.github.com>"
HOMEPAGE = "https://github.com/ssecast/ssecast"
CHANGELOG = """ssecast ({version}) unstable; urgency=medium

  * As {homepage}/blob/v{version}/CHANGELOG.md says.

 -- {maintainer}  {date}
"""
COPYRIGHT = """Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: ssecast
Source: {homepage}

Files: *
Copyright: {holders}
License: Apache-2.0 or Expat

License: Apache-2.0
 On Debian systems, the full text of the Apache License, version 2.0, is in
 /usr/share/common-licenses/Apache-2.0.

License: Expat
{mit}
"""


def libdir(platform: Platform) -> str:
    """Where Debian has the libraries of a platform, below `/usr`."""
    return f"lib/{ARCHITECTURES[platform.processor][1]}"


def packages(release: Release, platform: Platform, installed: Path, out: Path) -> Iterator[Artefact]:
    """Makes both of what is installed in a folder that stands for `/usr`."""
    lib = installed / libdir(platform)
    (soname,) = (path.name for path in lib.glob("libssecast.so.*") if path.is_symlink())
    interface = soname.removeprefix("libssecast.so.")
    runtime = f"libssecast{interface}"

    def is_runtime(name: str) -> bool:
        return name.startswith(f"usr/{libdir(platform)}/libssecast.so.")

    yield package(
        release,
        platform,
        out,
        runtime,
        {name: path for name, path in files(installed) if is_runtime(name)},
        {
            "Section": "libs",
            "Depends": f"libc6 (>= {platform.glibc})",
            "Description": "native engine for Server-Sent Events, shared library",
        },
        {
            "shlibs": f"libssecast {interface} {runtime} (>= {release.version})\n",
            "triggers": "activate-noawait ldconfig\n",
        },
    )
    yield package(
        release,
        platform,
        out,
        "libssecast-dev",
        {name: path for name, path in files(installed) if not is_runtime(name)},
        {
            "Section": "libdevel",
            "Depends": f"{runtime} (= {release.version})",
            "Description": "native engine for Server-Sent Events, header and static library",
        },
        {},
    )


def files(installed: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(installed.rglob("*")):
        if not path.is_dir():
            yield f"usr/{path.relative_to(installed)}", path


def package(
    release: Release,
    platform: Platform,
    out: Path,
    name: str,
    has: dict[str, Path],
    fields: dict[str, str],
    control: dict[str, str],
) -> Artefact:
    """A package with these files and fields, and with these files for dpkg itself."""
    architecture = ARCHITECTURES[platform.processor][0]
    stage = TEMPORARY / "debian" / architecture / name
    shutil.rmtree(stage, ignore_errors=True)
    root, meta = stage / "root", stage / "control"
    for target, path in has.items():
        (root / target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, root / target, follow_symlinks=False)
    (documents := root / f"usr/share/doc/{name}").mkdir(parents=True)
    for document, data in documentation(release).items():
        (documents / document).write_bytes(data)
    real = [path for path in sorted(root.rglob("*")) if path.is_file() and not path.is_symlink()]
    described = {
        "Package": name,
        "Version": release.version,
        "Architecture": architecture,
        "Priority": "optional",
        "Maintainer": MAINTAINER,
        "Homepage": HOMEPAGE,
        "Installed-Size": f"{sum(path.stat().st_size for path in real) // 1024 + 1}",
        "Multi-Arch": "same",
        **fields,
    }
    text = " Encodes, parses and broadcasts Server-Sent Events, and resumes each client\n where it left.\n"
    control |= {
        "control": "".join(f"{field}: {value}\n" for field, value in described.items()) + text,
        "md5sums": "".join(
            f"{hashlib.md5(path.read_bytes()).hexdigest()}  {path.relative_to(root)}\n" for path in real
        ),
    }
    meta.mkdir()
    for file, content in control.items():
        (meta / file).write_text(content)
    path = out / f"{name}_{release.version}_{architecture}.deb"
    path.write_bytes(
        archive.ar(
            {
                "debian-binary": b"2.0\n",
                "control.tar.gz": archive.tar(meta, ".", release.epoch),
                "data.tar.gz": archive.tar(root, ".", release.epoch),
            },
            release.epoch,
        )
    )
    return Artefact(path, platform)


def documentation(release: Release) -> dict[str, bytes]:
    """What Debian wants to be told of every package. Debian has the Apache licence itself."""
    mit = (ROOT / "LICENSE-MIT").read_text().strip().splitlines()
    holders = next(line for line in mit if line.startswith("Copyright")).removeprefix("Copyright (c) ")
    indented = "\n".join(f" {line}" if line else " ." for line in mit)
    changes = CHANGELOG.format(
        version=release.version,
        homepage=HOMEPAGE,
        maintainer=MAINTAINER,
        date=formatdate(release.epoch, localtime=False),
    )
    return {
        "copyright": COPYRIGHT.format(homepage=HOMEPAGE, holders=holders, mit=indented).encode(),
        "changelog.gz": gzip.compress(changes.encode(), 9, mtime=release.epoch),
    }
