"""A client of event streams that sees every byte: HTTP/1.1 over a socket of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

import pytest

from servers import PATIENCE, Server
from ssecast import Event, iter_events
from ssecast._native import Parser

__all__ = ["Stream"]


class Stream:
    """One response, read as it comes."""

    def __init__(
        self, server: Server, path: str = "/stream", *, method: str = "GET", version: str = "1.1", **headers: str
    ):
        self.socket = server.connect()
        self._bytes = b""
        self.request(path, method=method, version=version, **headers)
        self.read_head()

    def request(self, path: str, *, method: str = "GET", version: str = "1.1", **headers: str) -> None:
        """Sends a request; ``last_event_id="…"`` is the header ``Last-Event-Id``."""
        lines = [f"{method} {path} HTTP/{version}", "Host: localhost"]
        lines += [f"{name.replace('_', '-').title()}: {value}" for name, value in headers.items()]
        self._method = method
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode())

    def read_head(self) -> None:
        """Reads a response's head: the next response begins."""
        self._parser = Parser()
        self._events: deque[Event] = deque()
        self.body = b""
        self.complete = False
        """Whether the body has come to its end as HTTP has it; a body that was cut off has not."""
        self.ended = False
        while b"\r\n\r\n" not in self._bytes:
            assert self._receive(), f"the connection ended in the head: {self._bytes!r}"
        head, _, self._bytes = self._bytes.partition(b"\r\n\r\n")
        status, *lines = head.decode("latin-1").split("\r\n")
        self.status = int(status.split()[1])
        self.headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        self._chunked = self.headers.get("transfer-encoding") == "chunked"
        self._left = int(self.headers["content-length"]) if "content-length" in self.headers else None
        if self._method == "HEAD":
            self.complete = self.ended = True

    def next(self) -> Event:
        """The next event, waited for."""
        until = time.monotonic() + PATIENCE
        while not self._events:
            assert not self.ended, f"the stream has ended: {self.body!r}"
            # Heartbeats come for ever.
            assert time.monotonic() < until, f"no event comes: {self.body!r}"
            self._read()
        return self._events.popleft()

    def data(self, count: int) -> list[str | None]:
        """The data of so many events."""
        return [self.next().data for _ in range(count)]

    def rest(self) -> list[Event]:
        """All events until the body's end."""
        until = time.monotonic() + PATIENCE
        while not self.ended:
            assert time.monotonic() < until, f"the stream does not end: {self.body!r}"
            self._read()
        events, self._events = list(self._events), deque()
        return events

    def remainder(self) -> bytes:
        """What follows the response until the connection ends."""
        while self._receive():
            pass
        return self._bytes

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _receive(self) -> bool:
        try:
            received = self.socket.recv(1 << 20)
        except (ConnectionResetError, BrokenPipeError):
            return False
        self._bytes += received
        return bool(received)

    def _read(self) -> None:
        """Reads some of the body."""
        if not self._chunked:
            if not self._bytes and self._left != 0 and not self._receive():
                self.complete, self.ended = self._left is None, True
            self._take(self._bytes if self._left is None else self._bytes[: self._left])
            if self._left == 0:
                self.complete = self.ended = True
            return
        size, line, rest = self._bytes.partition(b"\r\n")
        if line:
            length = int(size, 16)
            if len(rest) >= length + 2:
                assert rest[length : length + 2] == b"\r\n", f"a broken chunk: {self._bytes!r}"
                self._bytes = rest
                self._left = None
                self._take(rest[:length])
                self._bytes = self._bytes[2:]
                if length == 0:
                    self.complete = self.ended = True
                return
        if not self._receive():
            self.ended = True

    def _take(self, body: bytes) -> None:
        self._bytes = self._bytes[len(body) :]
        if self._left is not None:
            self._left -= len(body)
        self.body += body
        self._events.extend(self._parser.feed(body))


@contextmanager
def curl(server: Server, path: str = "/stream") -> Iterator[Iterator[Event]]:
    """The events of a stream as curl writes them."""
    if shutil.which("curl") is None:
        # It is none of the tools that these tests may count on; what it reads is read by a client of their own, too.
        pytest.skip("curl is not installed")
    command = ["curl", "--silent", "--no-buffer", "--max-time", str(PATIENCE), f"{server.url}{path}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        output = process.stdout.fileno()
        try:
            yield iter_events(iter(lambda: os.read(output, 1 << 16), b""))
        finally:
            process.kill()
