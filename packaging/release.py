"""What is released: one commit, one version, for some platforms, into one folder."""

import os
import shutil
import subprocess
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
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
    #: What the table says besides.
    note: str = ""


class Missing(Exception):
    """What this machine lacks to make a part of the release."""


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
    #: The parts that this machine lacks something for, and those that failed: each with its reason.
    left_out: list[str] = field(default_factory=list, compare=False)
    failed: list[str] = field(default_factory=list, compare=False)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """A part of the release that the others do not need: they are built also if this one can't be."""
        try:
            yield
        except Missing as missing:
            self.left_out.append(f"{name}: {missing}")
        except subprocess.CalledProcessError as error:
            self.failed.append(f"{name}: {' '.join(map(str, error.cmd[:2]))} ended with {error.returncode}")
        except Exception as error:
            traceback.print_exc()
            self.failed.append(f"{name}: {error!r}")

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
        """Runs a command of the build. Raises `Missing` if it is not installed, and another error if it fails."""
        words = [str(word) for word in command]
        if not shutil.which(words[0], path=self.environment["PATH"]):
            raise Missing(f"{words[0]} is not installed")
        print("$", " ".join(words), flush=True)
        subprocess.run(words, cwd=cwd, env={**self.environment, **(env or {})}, check=True)
