"""A client that can stop reading, which the EventSource of a page can't."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import httpx

from ssecast import Event, Parser, aiter_events

__all__ = ["SlowClient"]


class SlowClient:
    """Reads numbered events, remembers the last event ID, and reconnects with it, as an EventSource does."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._task: asyncio.Task[None] | None = None
        self._forget()

    def _forget(self) -> None:
        self._parser = Parser()
        self._last = 0
        self._may_read = asyncio.Event()
        self._report: dict[str, Any] = {"state": "closed", "received": 0, "lost": 0}

    def open(self) -> None:
        """Connects, unless it is connected or stalled."""
        if self._report["state"] == "stalled" or (self._task is not None and not self._task.done()):
            return
        self._report["state"] = "reading"
        self._may_read.set()
        self._task = asyncio.create_task(self._read(self._parser.last_event_id))

    def stall(self) -> dict[str, Any]:
        """Stops reading. What is sent to it fills the buffers of the system, and then lags behind."""
        self._may_read.clear()
        self._report.pop("resumed", None)
        self._report |= {"state": "stalled", "stalledAt": _now()}
        return self.report()

    def read(self) -> dict[str, Any]:
        """Reads on: first what the system still has for it; then, if it was cut off, it reconnects and resumes."""
        self._may_read.set()
        self._report["state"] = "reading"
        return self.report()

    def close(self) -> None:
        """Leaves, and forgets everything."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
            self._forget()

    def report(self) -> dict[str, Any]:
        """How it is doing: for the page."""
        return {**self._report, "lastEventId": self._parser.last_event_id}

    async def _read(self, last_event_id: str) -> None:
        resumed: dict[str, Any] | None = None
        if last_event_id:
            resumed = {"at": _now(), "from": last_event_id, "replayed": 0, "lost": 0, "reset": None}
            self._report["resumed"] = resumed
        # A parser for each connection: what was cut off in the middle is no part of what comes next.
        self._parser = Parser(last_event_id=last_event_id)
        headers = {"Last-Event-ID": last_event_id} if last_event_id else {}
        # Cut off: the next one resumes, as soon as this client reads again.
        with suppress(httpx.TransportError):
            async with (
                httpx.AsyncClient(timeout=None, trust_env=False) as client,
                client.stream("GET", self._url, headers=headers) as response,
            ):
                async for event in aiter_events(self._paced(response.aiter_bytes()), parser=self._parser):
                    self._take(event, resumed)

    async def _paced(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for chunk in chunks:
            await self._may_read.wait()
            yield chunk

    def _take(self, event: Event, resumed: dict[str, Any] | None) -> None:
        data = event.json()
        if event.event == "reset":
            if resumed:
                resumed["reset"] = data
            return
        lost = data["n"] - self._last - 1 if self._last else 0
        self._last = data["n"]
        self._report["received"] += 1
        self._report["lost"] += lost
        if resumed:
            resumed["lost"] += lost
            resumed["replayed"] += data["at"] < resumed["at"]


def _now() -> int:
    return int(time.time() * 1000)
