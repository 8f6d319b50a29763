"""The wheels, one for each platform and for every CPython from 3.11 on, and the sdist."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import cargo
from platforms import Platform
from release import ROOT, Artefact, Release

PYTHON = ROOT / "python"


def build(release: Release) -> Iterator[Artefact]:
    out = release.out / "python"
    out.mkdir()
    # It has no crates of others inside: cargo gets those by the lock file, and distributions by their own way.
    with release.part("python/sdist"):
        release.run("maturin", "sdist", "--out", out, cwd=PYTHON)
        yield Artefact(out / f"ssecast-{release.version}.tar.gz", note="needs Rust")
    for platform in release.platforms:
        if platform.system == "win32":
            continue
        with release.part(f"python/wheel for {platform.name}"):
            yield wheel(release, platform, out)


def wheel(release: Release, platform: Platform, out: Path) -> Artefact:
    """Builds the wheel for `platform`."""
    folder = out / platform.name
    cargo.provide(platform)
    environment = {**cargo.environment(release, platform), "CARGO_TARGET_DIR": str(cargo.target_dir(release))}
    release.run(
        "maturin", "build", "--release", "--locked", "--zig", "--target", platform.target, "--out", folder,
        *compatibility(platform), cwd=PYTHON, env=environment,
    )  # fmt: skip
    (built,) = folder.glob("*.whl")
    moved = Path(shutil.move(built, out))
    folder.rmdir()
    run_here = platform.system == "linux" and not platform.is_musl
    return Artefact(moved, platform, "" if run_here else "built, not run")


def compatibility(platform: Platform) -> tuple[str, ...]:
    """The oldest systems that the wheel says it runs on. maturin checks that it does."""
    if platform.is_musl:
        return ("--compatibility", "musllinux_1_2")
    if platform.glibc:
        return ("--compatibility", f"manylinux_{platform.glibc.replace('.', '_')}")
    return ()
