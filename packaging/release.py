"""What is released: one commit, one version, for some platforms, into one folder."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from platforms import Platform

ROOT = Path(__file__).resolve().parent.parent
#: Where the tools of requirements.txt are installed.
TOOLS = ROOT / "packaging" / ".venv" / "bin"


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

    @property
    def environment(self) -> dict[str, str]:
        """The environment for every tool, in which the same commit gives the same bytes."""
        environment = dict(os.environ)
        environment["PATH"] = f"{TOOLS}{os.pathsep}{environment['PATH']}"
        environment["SOURCE_DATE_EPOCH"] = str(self.epoch)
        return environment

    def run(self, *command: str | Path, cwd: Path = ROOT, env: dict[str, str] | None = None) -> None:
        """Runs a command of the build, and ends the release if it fails."""
        words = [str(word) for word in command]
        print("$", " ".join(words), flush=True)
        subprocess.run(words, cwd=cwd, env={**self.environment, **(env or {})}, check=True)
