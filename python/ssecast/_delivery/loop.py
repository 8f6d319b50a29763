"""The connections of a hub that one event loop looks after."""

from __future__ import annotations

import asyncio

from ssecast import _native
from ssecast._delivery.receiver import TURN, Receiver, hand_out

__all__ = ["LoopConnections"]


class LoopConnections:
    """The connections of a hub that one event loop looks after. They are kept by the hub while there are any.

    The loop watches the queue's descriptor. Publishing writes to it once for all that is pending, and no thread of the
    engine ever waits for the interpreter. Belongs to its loop's thread; other threads may call the queue alone.
    """

    def __init__(
        self,
        hub: _native.Hub,
        loop: asyncio.AbstractEventLoop,
        siblings: dict[asyncio.AbstractEventLoop, LoopConnections],
    ) -> None:
        self.queue = _native.DeliveryQueue(hub)
        self.loop = loop
        self._process = _native.process()
        self._siblings = siblings
        self._receivers: dict[int, Receiver] = {}
        self._scheduled = False
        loop.add_reader(self.queue.fileno(), self._run)
        # A loop that was closed with streams open left its connections behind. Other threads' loops come and go
        # meanwhile.
        for other in list(siblings):
            if other.is_closed():
                siblings.pop(other, None)

    @classmethod
    def of(cls, hub: _native.Hub) -> LoopConnections:
        """Those of the running event loop."""
        loop = asyncio.get_running_loop()
        siblings: dict[asyncio.AbstractEventLoop, LoopConnections] = vars(hub).setdefault("_loop_connections", {})
        connections = siblings.get(loop)
        # A child process can't use its parent's.
        if connections is None or connections._process != _native.process():
            connections = siblings[loop] = cls(hub, loop, siblings)
        return connections

    def open(self, topics: tuple[str, ...], last_event_id: str | None, replay: int, receiver: Receiver) -> int:
        """Registers a connection. It gets nothing before it is resumed or attached."""
        try:
            connection = self.queue.open(topics, last_event_id, replay)
        except BaseException:
            self._leave_if_empty()
            raise
        self._receivers[connection] = receiver
        return connection

    def forget(self, connection: int) -> None:
        """Lets go of a connection that is gone from the hub."""
        self._receivers.pop(connection, None)
        self._leave_if_empty()

    def _leave_if_empty(self) -> None:
        if self._receivers or self._siblings.get(self.loop) is not self:
            return
        self._siblings.pop(self.loop, None)
        if not self.loop.is_closed():
            self.loop.remove_reader(self.queue.fileno())

    def _run(self) -> None:
        """Hands out what there is, to some connections at a time."""
        if self._scheduled:
            return
        deliveries, more = self.queue.take(TURN)
        if more:
            self._scheduled = True
            self.loop.call_soon(self._go_on)
        hand_out(self.queue, deliveries, self._receivers)

    def _go_on(self) -> None:
        self._scheduled = False
        self._run()
