"""What tells a producer that its topic has lost its last reader."""

from __future__ import annotations

import asyncio
import selectors
import sys
from typing import Self

from ssecast import _native

__all__ = ["UnreadWatch"]


class UnreadWatch:
    """A producer's interest in whether a topic is read, made by :meth:`Hub.when_unread`. Closing it ends that, and so
    do the end of the topic and closing the hub.
    """

    def __init__(self, hub: _native.Hub, topic: str, after: float) -> None:
        self._native = _native.UnreadWatch(hub, topic, after)

    @property
    def is_unread(self) -> bool | None:
        """Whether the topic has lost its last reader: None while that is not known, False when the topic has ended or
        the hub was closed.
        """
        return self._native.is_unread

    def wait(self, timeout: float | None = None) -> bool:
        """Waits until the topic has lost its last reader, for ``timeout`` seconds at most; None sets no limit. Returns
        whether that is so: False also when the topic has ended, or the hub was closed.

        It blocks the thread, so it is not for an event loop's: that is what :meth:`Hub.wait_unread` is for.
        """
        if self.is_unread is None:
            with selectors.DefaultSelector() as selector:
                selector.register(self._native.fileno(), selectors.EVENT_READ)
                selector.select(timeout)
        return self.is_unread is True

    async def _wait_async(self) -> bool:
        """Waits as :meth:`wait` does, under asyncio or trio; other tasks go on."""
        if self.is_unread is None:
            await _readable(self._native.fileno())
        return self.is_unread is True

    def close(self) -> None:
        """Ends the interest. Closing twice is fine."""
        self._native.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


async def _readable(descriptor: int) -> None:
    if "trio" in sys.modules:
        lowlevel = sys.modules["trio"].lowlevel
        if lowlevel.in_trio_task():
            await lowlevel.wait_readable(descriptor)
            return
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(descriptor, readable.set)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(descriptor)
