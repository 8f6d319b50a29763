"""What is released: one commit, one version, for some platforms, into one folder."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from platforms import Platform

ROOT = Path(__file__).resolve().parent.parent
#: Where the tools of requirements.txt are installed.
TOOLS = ROOT / "packaging" / ".venv" / "bin"
#: For the temporary files of the build, whose names a compiler may write into what it makes.
TEMPORARY = ROOT / "target" / "dist" / "tmp"
#: What is set for other builds, and changes what is built.
OF_DEVELOPMENT = (
    "CARGO_PROFILE_",
    "CARGO_BUILD_",
    "CARGO_TARGET_",
    "CARGO_ENCODED_",
    "RUSTFLAGS",
    "CFLAGS",
    "CXXFLAGS",
    "LDFLAGS",
)


@dataclass(frozen=True)
class Artefact:
    """A file of the release."""

    path: Path
    #: The platform that it is for; `None` for every one.
    platform: Platform | None = None
    #: What the table says besides, such as why one was left out.
    note: str = ""


@dataclass(frozen=True)
class Release:
    version: str
    #: When the commit was made, in seconds since 1970: the time of every file in every artefact.
    epoch: int
    platforms: tuple[Platform, ...]
    #: The folder for the artefacts.
    out: Path
    #: Whether it is a trial of the release, whose libraries are built quickly and run slowly.
    quick: bool = False

    @property
    def environment(self) -> dict[str, str]:
        """The environment for every tool, in which the same commit gives the same bytes."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith(OF_DEVELOPMENT)}
        TEMPORARY.mkdir(parents=True, exist_ok=True)
        environment["TMPDIR"] = str(TEMPORARY)
        environment["PATH"] = f"{TOOLS}{os.pathsep}{environment['PATH']}"
        environment["SOURCE_DATE_EPOCH"] = str(self.epoch)
        return environment

    def run(self, *command: str | Path, cwd: Path = ROOT, env: dict[str, str] | None = None) -> None:
        """Runs a command of the build, and ends the release if it fails."""
        words = [str(word) for word in command]
        print("$", " ".join(words), flush=True)
        subprocess.run(words, cwd=cwd, env={**self.environment, **(env or {})}, check=True)
