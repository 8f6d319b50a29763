"""The wheels, one for each platform and for every CPython from 3.11 on, and the sdist."""

import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

import archive
import cargo
from platforms import Platform
from release import ROOT, TEMPORARY, Artefact, Release

PYTHON = ROOT / "python"


def build(release: Release) -> Iterator[Artefact]:
    out = release.out / "python"
    out.mkdir()
    with release.part("python/sdist"):
        yield sdist(release, out)
    for platform in release.platforms:
        if platform.system == "win32":
            continue
        with release.part(f"python/wheel for {platform.name}"):
            yield wheel(release, platform, out)


def sdist(release: Release, out: Path) -> Artefact:
    """Packs the sources, without the crates of others: cargo gets those by the lock file, and distributions by their
    own way."""
    name = f"ssecast-{release.version}"
    stage = TEMPORARY / "sdist"
    shutil.rmtree(stage, ignore_errors=True)
    release.run("maturin", "sdist", "--out", stage, cwd=PYTHON)
    with tarfile.open(stage / f"{name}.tar.gz") as packed:
        packed.extractall(stage, filter="data")
    # maturin copies the lock of all crates of the repository. `--locked`, with which distributions build, refuses one
    # that has more than is needed.
    release.run("cargo", "update", "--workspace", "--offline", "--quiet", cwd=stage / name)
    path = out / f"{name}.tar.gz"
    # Python's standard for it names the form.
    path.write_bytes(archive.tar(stage / name, name, release.epoch, form=tarfile.PAX_FORMAT))
    return Artefact(path, note="needs Rust")


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
