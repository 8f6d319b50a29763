"""Builds a crate for a platform, with nothing of this machine in it."""

import os
import subprocess
from functools import cache
from pathlib import Path

import stubs
from platforms import Platform
from release import ROOT, Missing, Release

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
    provide(platform)
    target = f"{platform.target}.{platform.glibc}" if platform.glibc else platform.target
    folder = target_dir(release, lto=lto)
    release.run(
        "cargo", "zigbuild", "--release", "--locked", "--package", package, "--target", target, "--target-dir", folder,
        env=environment(release, platform, lto=lto),
    )  # fmt: skip
    return folder / platform.target / "release"


def provide(platform: Platform) -> None:
    """Installs Rust's own library for `platform`, if it is not there."""
    listing = ["rustup", "target", "list", "--installed"]
    installed = subprocess.run(listing, capture_output=True, text=True, check=True).stdout.split()
    if platform.target not in installed:
        added = subprocess.run(["rustup", "target", "add", platform.target], check=False)
        if added.returncode != 0:
            raise Missing(f"rustup can't install Rust's library for {platform.target}")


def target_dir(release: Release, *, lto: bool = True) -> Path:
    """Where cargo builds: what is built with other settings lies elsewhere."""
    return TARGET / "quick" if release.quick else TARGET if lto else TARGET / "no-lto"


def environment(release: Release, platform: Platform, *, lto: bool = True) -> dict[str, str]:
    """What every build for `platform` is told besides, whichever tool calls cargo."""
    return {
        "CARGO_ENCODED_RUSTFLAGS": "\x1f".join(flags(platform) + stubs.flags(platform)),
        **stubs.environment(platform),
        f"CFLAGS_{platform.target.replace('-', '_')}": " ".join(c_flags()),
        "CARGO_PROFILE_RELEASE_LTO": "thin" if lto else "off",
        **(QUICK if release.quick else {}),
    }


def flags(platform: Platform) -> list[str]:
    """What rustc is told: files are named as if the build stood nowhere."""
    remapped = [f"--remap-path-prefix={folder}={name}" for folder, name in folders().items()]
    # musl's libraries are loaded by a program that has its own copy of musl.
    return [*remapped, "-Ctarget-feature=-crt-static"] if platform.is_musl else remapped


def c_flags() -> list[str]:
    """The same for the compiler of the crates that have C in them: ring and LMDB."""
    return [f"-ffile-prefix-map={folder}={name}" for folder, name in folders().items()]


def folders() -> dict[str | Path, str]:
    """This machine's folders that sources lie in, and what they are called in what is built."""
    home = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo"))
    return {ROOT: "ssecast", home / "registry" / "src": "crates", _rustc("--print", "sysroot"): "rust"}


@cache
def _rustc(*words: str) -> str:
    return subprocess.run(["rustc", *words], capture_output=True, text=True, check=True).stdout.strip()
