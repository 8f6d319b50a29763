"""A test's own hub in a server's process: tests/apps/broadcast.py."""

from __future__ import annotations

import itertools
import time
from typing import Any, Self
from urllib.parse import urlencode

from servers import PATIENCE, Server
from streams import Stream

_numbers = itertools.count()


class Room:
    """What a test does to its hub, and sees of its streams."""

    def __init__(self, server: Server, *, small: bool = False) -> None:
        self.server = server
        self.name = f"{'small' if small else 'room'}-{next(_numbers)}"
        self._streams: list[Stream] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for stream in self._streams:
            stream.close()

    def path(self, action: str, **query: object) -> str:
        return f"/{action}?{urlencode({'room': self.name, **query})}"

    def stream(self, *, method: str = "GET", last_event_id: str | None = None, **query: object) -> Stream:
        headers = {} if last_event_id is None else {"last_event_id": last_event_id}
        stream = Stream(self.server, self.path("stream", **query), method=method, **headers)
        self._streams.append(stream)
        return stream

    def do(self, action: str, **query: object) -> dict[str, Any]:
        answer: dict[str, Any] = self.server.get(self.path(action, **query))
        return answer

    def wait(self, **expected: object) -> None:
        """Waits until the room looks like this."""
        until = time.monotonic() + PATIENCE
        while True:
            room = self.do("look")
            if {name: room[name] for name in expected} == expected:
                return
            assert time.monotonic() < until, f"{room}, not {expected}:\n{self.server.output}"
            time.sleep(0.01)
