"""Builds a crate for a platform, with nothing of this machine in it."""

import os
import subprocess
from functools import cache
from pathlib import Path

from platforms import Platform
from release import ROOT, Release

#: Apart from the folder of development, whose builds have other flags.
TARGET = ROOT / "target" / "dist"

#: Builds in a third of the time.
QUICK = {
    "CARGO_PROFILE_RELEASE_LTO": "off",
    "CARGO_PROFILE_RELEASE_OPT_LEVEL": "1",
    "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "16",
    "CARGO_PROFILE_RELEASE_DEBUG": "0",
}


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
    target_dir = TARGET / "quick" if release.quick else TARGET if lto else TARGET / "no-lto"
    target = f"{platform.target}.{platform.glibc}" if platform.glibc else platform.target
    release.run(
        "cargo", "zigbuild", "--release", "--locked", "--package", package,
        "--target", target, "--target-dir", target_dir,
        env={
            "CARGO_ENCODED_RUSTFLAGS": "\x1f".join(flags(platform)),
            f"CFLAGS_{platform.target.replace('-', '_')}": " ".join(c_flags()),
            "CARGO_PROFILE_RELEASE_LTO": "thin" if lto else "off",
            **(QUICK if release.quick else {}),
        },
    )  # fmt: skip
    return target_dir / platform.target / "release"


def flags(platform: Platform) -> list[str]:
    """What rustc is told: files are named as if the build stood nowhere."""
    remapped = [f"--remap-path-prefix={folder}={name}" for folder, name in _folders().items()]
    # musl's libraries are loaded by a program that has its own copy of musl.
    return [*remapped, "-Ctarget-feature=-crt-static"] if platform.is_musl else remapped


def c_flags() -> list[str]:
    """The same for the compiler of the crates that have C in them: ring and LMDB."""
    return [f"-ffile-prefix-map={folder}={name}" for folder, name in _folders().items()]


def _folders() -> dict[str | Path, str]:
    """This machine's folders that sources lie in, and what they are called in what is built."""
    home = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo"))
    return {ROOT: "ssecast", home / "registry" / "src": "crates", _rustc("--print", "sysroot"): "rust"}


@cache
def _rustc(*words: str) -> str:
    return subprocess.run(["rustc", *words], capture_output=True, text=True, check=True).stdout.strip()
