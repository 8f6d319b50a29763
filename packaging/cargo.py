"""Builds a crate for a platform, with nothing of this machine in it."""

import subprocess
from pathlib import Path

from platforms import Platform
from release import ROOT, Release

#: Apart from the folder of development, whose builds have other flags.
TARGET = ROOT / "target" / "dist"


def build(release: Release, platform: Platform, package: str, *, lto: bool = True) -> Path:
    """Builds `package` for `platform` and returns the folder of its libraries.

    A static library is built without `lto`: with it, it would define symbols of Rust's own library, and could not be
    linked beside another one of Rust.
    """
    installed = subprocess.run(
        ["rustup", "target", "list", "--installed"], capture_output=True, text=True, check=True
    ).stdout.split()
    if platform.target not in installed:
        release.run("rustup", "target", "add", platform.target)
    target_dir = TARGET if lto else TARGET / "no-lto"
    target = f"{platform.target}.{platform.glibc}" if platform.glibc else platform.target
    release.run(
        "cargo", "zigbuild", "--release", "--locked", "--package", package,
        "--target", target, "--target-dir", target_dir,
        env={
            "CARGO_ENCODED_RUSTFLAGS": "\x1f".join(_flags(platform)),
            "CARGO_PROFILE_RELEASE_LTO": "thin" if lto else "off",
        },
    )  # fmt: skip
    return target_dir / platform.target / "release"


def _flags(platform: Platform) -> list[str]:
    sysroot = _rustc("--print", "sysroot")
    home = Path.home()
    flags = [
        f"--remap-path-prefix={ROOT}=ssecast",
        f"--remap-path-prefix={home / '.cargo' / 'registry' / 'src'}=crates",
        f"--remap-path-prefix={sysroot}=rust",
    ]
    # musl's libraries are loaded by a program that has its own copy of musl.
    if platform.is_musl:
        flags.append("-Ctarget-feature=-crt-static")
    return flags


def _rustc(*words: str) -> str:
    return subprocess.run(["rustc", *words], capture_output=True, text=True, check=True).stdout.strip()
