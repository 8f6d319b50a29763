"""What the trials of a release's artefacts stand on: its files, and a client for the servers that they make.

A module in trials/ has `trials(dist)`, which gives each trial's name, a sentence, and a function that gets a fresh
folder. A trial fails by an exception, and says by `Skipped` what it lacks. It installs from the release's files alone,
has no Rust on its PATH, and serves a stream by a program of its own, which

- prints the URL of the stream as its first line,
- publishes each line of its standard input as an event, and
- closes its hub when the standard input ends, and exits with 0.
"""

import http.client
import os
import selectors
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from platforms import Platform

#: Nothing takes longer, not even in an emulator, where an app of FastAPI takes a minute to be imported.
PATIENCE_SECONDS = 300

Trials = dict[str, Callable[[Path], None]]


class Skipped(Exception):
    """What a trial lacks to be run here."""


@dataclass(frozen=True)
class Dist:
    """The files of a release, and the platforms that they are for."""

    path: Path
    version: str
    platforms: tuple[Platform, ...]

    def file(self, pattern: str) -> Path:
        """The one file of the release with such a name, such as `npm/ssecast-*.tgz`."""
        found = sorted(self.path.glob(pattern))
        if not found:
            raise Skipped(f"there is no {pattern} in {self.path.name}/")
        if len(found) > 1:
            raise AssertionError(f"more than one file is {pattern}: {', '.join(path.name for path in found)}")
        return found[0]


def environment() -> dict[str, str]:
    """A user's: there is no Rust on the PATH, and nothing of this repository."""
    folders = os.environ["PATH"].split(os.pathsep)
    without_rust = [
        folder
        for folder in folders
        if not shutil.which("cargo", path=folder) and not shutil.which("rustc", path=folder)
    ]
    dropped = ("CARGO", "RUST", "PYTHONPATH", "VIRTUAL_ENV", "NODE_", "REPORTS")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    return {**kept, "PATH": os.pathsep.join(without_rust)}


def run(*command: str | Path, cwd: Path, env: dict[str, str] | None = None) -> str:
    """Runs a command to its end and returns what it printed; it fails by an exception that has that."""
    words = [str(word) for word in command]
    done = subprocess.run(
        words, cwd=cwd, env=environment() | (env or {}), text=True, timeout=PATIENCE_SECONDS * 5,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(words)} ended with {done.returncode}:\n{done.stdout}")
    return done.stdout


def check_server(*command: str | Path, cwd: Path, env: dict[str, str] | None = None) -> None:
    """Starts a trial's server and has a client read, leave, and come back: it gets every event once, in order."""
    with _server([str(word) for word in command], cwd, environment() | (env or {})) as (server, lines):
        url = next(lines).strip()
        with _Client(url) as client:
            _publish(server, "one")
            event_id, data = client.next()
            assert data == "one", f"the first event is {data!r}"
        _publish(server, "two", "three")
        with _Client(url, event_id) as client:
            missed = [client.next()[1], client.next()[1]]
            assert missed == ["two", "three"], f"a client that came back after {event_id} got {missed}"
            _publish(server, "four")
            assert client.next()[1] == "four"
            server.stdin.close()
            assert client.next() is None, "the stream did not end with the hub"
        assert server.wait(PATIENCE_SECONDS) == 0, f"the server ended with {server.returncode}"


def _publish(server: subprocess.Popen, *datas: str) -> None:
    server.stdin.write("".join(f"{data}\n" for data in datas).encode())
    server.stdin.flush()


@contextmanager
def _server(command: list[str], cwd: Path, env: dict[str, str]) -> Iterator[tuple[subprocess.Popen, Iterator[str]]]:
    with tempfile.TemporaryFile() as errors:
        server = subprocess.Popen(
            command, cwd=cwd, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors
        )
        try:
            yield server, _lines(server)
        except Exception as error:
            server.kill()
            server.wait()
            errors.seek(0)
            raise AssertionError(f"{error!r}\n{errors.read().decode(errors='replace')}") from error
        finally:
            server.kill()
            server.wait()
            server.stdin.close()
            server.stdout.close()


def _lines(server: subprocess.Popen) -> Iterator[str]:
    """What a server prints, line by line, as long as it is not silent for too long."""
    with selectors.DefaultSelector() as selector:
        selector.register(server.stdout, selectors.EVENT_READ)
        pending, until = b"", time.monotonic() + PATIENCE_SECONDS
        while selector.select(max(0.0, until - time.monotonic())):
            read = os.read(server.stdout.fileno(), 4096)
            if not read:
                break
            *lines, pending = (pending + read).split(b"\n")
            yield from (line.decode() for line in lines)
    raise AssertionError("the server printed no URL")


class _Client:
    """Reads a stream over a connection of its own."""

    def __init__(self, url: str, last_event_id: str | None = None):
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=PATIENCE_SECONDS)
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last_event_id} if last_event_id else {})
        self._connection.request(
            "GET", f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/", headers=headers
        )
        self._response = self._connection.getresponse()
        assert self._response.status == 200, f"{url} answered {self._response.status}"
        assert self._response.headers["Content-Type"].startswith("text/event-stream"), self._response.headers[
            "Content-Type"
        ]

    def __enter__(self) -> "_Client":
        return self

    def __exit__(self, *_: object) -> None:
        self._response.close()
        self._connection.close()

    def next(self) -> tuple[str, str] | None:
        """The id and the data of the next event; `None` at the end of the stream."""
        fields: dict[str, str] = {}
        for line in self._response:
            name, _, value = line.decode().rstrip("\r\n").partition(": ")
            if name:
                fields[name] = value
            elif "data" in fields:
                return fields.get("id", ""), fields["data"]
            else:
                fields = {}
        return None
