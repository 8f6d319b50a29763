"""Stores in folders, and a process that has one to itself."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["file", "held"]

HOLDER = """
import fcntl, sys
with open(sys.argv[1], "r+") as lock:
    # The byte of the process that has the log.
    fcntl.lockf(lock, fcntl.LOCK_EX, 1, 0)
    print("held", flush=True)
    sys.stdin.read()
"""


def file(folder: Path) -> str:
    """What names a store in a folder."""
    return f"file:{folder}/events"


@contextmanager
def held(folder: Path) -> Iterator[Callable[[], None]]:
    """Another process has the store until the block is left, or what this gives is called."""
    command = [sys.executable, "-c", HOLDER, f"{folder}/events/lock"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"

        def release() -> None:
            process.communicate()

        try:
            yield release
        finally:
            process.kill()
