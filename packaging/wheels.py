"""The wheels, one for each platform and for every CPython from 3.11 on, and the sdist."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import cargo
from platforms import Platform
from release import ROOT, Artefact, Release

PYTHON = ROOT / "python"


def build(release: Release) -> Iterator[Artefact]:
    out = release.out / "python"
    out.mkdir()
    # It has no crates of others inside: cargo gets those by the lock file, and distributions have their own way to them.
    release.run("maturin", "sdist", "--out", out, cwd=PYTHON)
    yield Artefact(out / f"ssecast-{release.version}.tar.gz", note="needs Rust")
    for platform in release.platforms:
        if platform.system == "win32":
            continue
        yield wheel(release, platform, out)


def wheel(release: Release, platform: Platform, out: Path) -> Artefact:
    """Builds the wheel for `platform`. One that this machine can't link is left out, and the table says why."""
    folder = out / platform.name
    cargo.provide(platform)
    command = ("maturin", "build", "--release", "--locked", "--zig", "--target", platform.target, "--out", folder)
    environment = {**cargo.environment(release, platform), "CARGO_TARGET_DIR": str(cargo.target_dir(release))}
    try:
        release.run(*command, *compatibility(platform), cwd=PYTHON, env=environment)
    except subprocess.CalledProcessError:
        # Apple's frameworks are not to be had without its SDK, and a newer zig may need none.
        if platform.system != "darwin":
            raise
        return Artefact(out / f"ssecast-{release.version}-{platform.name}.whl", platform, "needs Apple's SDK (SDKROOT)")
    (built,) = folder.glob("*.whl")
    moved = Path(shutil.move(built, out))
    folder.rmdir()
    return Artefact(moved, platform, "built, not run" if platform.system == "darwin" else "")


def compatibility(platform: Platform) -> tuple[str, ...]:
    """The oldest systems that the wheel says it runs on. maturin checks that it does."""
    if platform.is_musl:
        return ("--compatibility", "musllinux_1_2")
    if platform.glibc:
        return ("--compatibility", f"manylinux_{platform.glibc.replace('.', '_')}")
    return ()
