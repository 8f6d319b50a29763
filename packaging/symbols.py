"""What debuggers need of a library, kept beside the release instead of in the library."""

import subprocess
from pathlib import Path

from release import ROOT, Release


def strip(release: Release, library: Path, name: str, stripped: Path) -> None:
    """Copies `library` without symbols to `stripped`, and what it lost to `symbols/NAME.debug` beside the release.

    Debuggers find that file by its name, which the library keeps. Mach-O has none: its symbols lie in the objects.
    """
    if library.suffix == ".dylib":
        objcopy(release, "--strip-debug", "--discard-all", library, stripped)
        return
    symbols = release.out / "symbols" / f"{name}.debug"
    symbols.parent.mkdir(exist_ok=True)
    objcopy(release, "--only-keep-debug", library, symbols)
    # Objects of zig's own name the folder that it linked in, and no option of it changes that.
    folder = str(ROOT).encode()
    symbols.write_bytes(symbols.read_bytes().replace(folder, b"/" * len(folder)))
    objcopy(release, "--strip-all", f"--add-gnu-debuglink={symbols}", library, stripped)


def objcopy(release: Release, *words: str | Path) -> None:
    """LLVM's, which comes with Rust and reads the files of every platform."""
    shown = subprocess.run(
        ["rustc", "--print", "sysroot", "--print", "target-libdir"], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    # Rust's own programs find LLVM's library without this; that one does not.
    environment = {"LD_LIBRARY_PATH": f"{shown[0]}/lib"}
    release.run(Path(shown[1]).parent / "bin" / "rust-objcopy", *words, env=environment)
