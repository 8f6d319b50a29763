"""One event loop's share of a hub's connections: one wake-up for all of them, however many events there are."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Literal, Protocol

from ssecast import _native

if TYPE_CHECKING:
    from ssecast.hub import Hub

__all__ = ["LoopMailbox", "Reason", "Receiver"]

Reason = Literal["client", "server", "shutdown", "lagged", "error"]
"""Why a stream ended: the client left; the server ended it; the hub was closed; the client was too slow; a failure."""

logger = logging.getLogger("ssecast")

# How many connections are written to before other work of the event loop gets a turn.
TURN = 256


class Receiver(Protocol):
    """What takes a connection's deliveries."""

    def write(self, batch: _native.Batch) -> bool:
        """Takes bytes; returns whether it takes more now. If not, the mailbox waits for ``resume``."""

    def drained(self) -> None:
        """What was sent to this connection alone is out."""

    def ended(self, reason: Reason, cut: bool) -> None:
        """The connection is gone from the hub. If it was cut it may not have got everything."""


class LoopMailbox:
    """The connections of a hub that one event loop looks after.

    The engine makes a descriptor readable that the loop watches: one write for all that is pending, by whichever
    thread it is, and no thread of the engine ever waits for the interpreter. Belongs to its loop's thread; only what
    ``native`` offers may be called from others. It is there while it has connections.
    """

    def __init__(
        self, hub: Hub, loop: asyncio.AbstractEventLoop, siblings: dict[asyncio.AbstractEventLoop, LoopMailbox]
    ) -> None:
        self.native = _native.Mailbox(hub)
        self.loop = loop
        self._siblings = siblings
        self._receivers: dict[int, Receiver] = {}
        self._scheduled = False
        loop.add_reader(self.native.fileno(), self._run)
        # A loop that was closed with streams open left its mailbox behind.
        for closed in [other for other in siblings if other.is_closed()]:
            del siblings[closed]

    def open(self, topics: tuple[str, ...], last_event_id: str | None, receiver: Receiver) -> int:
        """Registers a connection, which gets nothing before it is resumed or attached."""
        try:
            connection = self.native.open(topics, last_event_id)
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
        del self._siblings[self.loop]
        if not self.loop.is_closed():
            self.loop.remove_reader(self.native.fileno())

    def _run(self) -> None:
        """Hands out what there is, to some connections at a time."""
        if self._scheduled:
            return
        deliveries, more = self.native.take(TURN)
        if more:
            self._scheduled = True
            self.loop.call_soon(self._go_on)
        for content, connections in deliveries:
            for connection in connections:
                receiver = self._receivers.get(connection)
                if receiver is None:
                    continue
                # One connection's failure is none of the others'.
                try:
                    if isinstance(content, _native.Batch):
                        if not receiver.write(content):
                            self.native.pause(connection)
                    elif content is None:
                        receiver.drained()
                    else:
                        receiver.ended(content.reason, content.cut)
                except Exception:
                    logger.exception("a stream could not be written to")
                    if self.native.remove(connection, "error"):
                        receiver.ended("error", True)

    def _go_on(self) -> None:
        self._scheduled = False
        self._run()
