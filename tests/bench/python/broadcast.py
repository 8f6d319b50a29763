"""A queue for each client, which a generator reads: what people write, and what the peers' documentation shows."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

__all__ = ["Broadcast"]


class Broadcast:
    """The clients of a server of the bench."""

    def __init__(self) -> None:
        self._clients: dict[asyncio.Queue[Any], asyncio.Transport] = {}

    async def events(self, scope: Any) -> AsyncIterator[Any]:
        """What is published from now on, for one client."""
        queue: asyncio.Queue[Any] = asyncio.Queue()
        self._clients[queue] = scope["transport"]
        try:
            while True:
                yield await queue.get()
        finally:
            del self._clients[queue]

    def publish(self, event: Any) -> None:
        for queue in self._clients:
            queue.put_nowait(event)

    def count(self) -> int:
        return len(self._clients)

    def waiting(self, size: int) -> int:
        """What waits for the slowest client: in its queue, and in its transport."""
        sizes = (queue.qsize() * size + transport.get_write_buffer_size() for queue, transport in self._clients.items())
        return max(sizes, default=0)
