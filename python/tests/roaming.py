"""Clients that come back whenever their stream ends, with the last event ID that they have, as browsers do."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from typing import Any

from servers import PATIENCE
from ssecast import Event, Parser

__all__ = ["Roaming", "eventually", "get"]

# A connection that a worker had accepted when it was killed is never answered.
SOON = 2.0
LOST = (OSError, asyncio.IncompleteReadError, TimeoutError)


class Roaming:
    """One such client, over HTTP/1.1. It is there until its task is cancelled."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.events: list[Event] = []
        self.connections = 0
        self._last_event_id = ""
        self._writer: asyncio.StreamWriter | None = None
        self.task = asyncio.create_task(self._run())

    def cut(self) -> None:
        """Loses its connection."""
        if self._writer is not None:
            self._writer.transport.abort()

    async def _run(self) -> None:
        while True:
            with contextlib.suppress(*LOST):
                await self._read()
            await asyncio.sleep(0.01)

    async def _read(self) -> None:
        reader, self._writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            self._writer.write(request("/stream", f"Last-Event-ID: {self._last_event_id}\r\n"))
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), SOON)
            assert head.startswith(b"HTTP/1.1 200 "), head
            assert b"chunked" in head.lower(), head
            self.connections += 1
            parser = Parser(last_event_id=self._last_event_id)
            while size := int(await reader.readuntil(b"\r\n"), 16):
                self.events += parser.feed((await reader.readexactly(size + 2))[:-2])
                self._last_event_id = parser.last_event_id
        finally:
            self._writer.transport.abort()
            self._writer = None


async def get(port: int, path: str) -> Any:
    """What a request is answered with, as JSON; None if its worker was killed."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(request(path, "Connection: close\r\n"))
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), SOON)
            assert b" 200 " in head, head
            return json.loads(await asyncio.wait_for(reader.read(), SOON))
        finally:
            writer.transport.abort()
    except (*LOST, ValueError):
        return None


def request(path: str, headers: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n{headers}\r\n".encode()


async def eventually(is_so: Callable[[], bool], what: str) -> None:
    """Waits until something is so."""
    loop = asyncio.get_running_loop()
    until = loop.time() + PATIENCE
    while not is_so():
        assert loop.time() < until, what
        await asyncio.sleep(0.01)
