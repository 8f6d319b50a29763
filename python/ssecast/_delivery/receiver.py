"""What takes the deliveries of one connection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

from ssecast import _native
from ssecast._failure import contain

__all__ = ["GRACE", "TURN", "Reason", "Receiver", "ThreadReceiver", "hand_out"]

Reason = Literal["client", "server", "shutdown", "lagged", "error"]
"""Why a stream ended: the client left; the server ended it; the hub was closed; the client was too slow; a failure."""

GRACE = 1.0
"""Seconds that clients have to take what is left for them when their server ends."""

TURN = 256
"""How many connections are written to before other work gets a turn."""


class Receiver(Protocol):
    """What takes a connection's deliveries."""

    def write(self, batch: _native.Batch) -> bool:
        """Takes bytes; returns whether it takes more now. If not, the queue waits for ``resume``."""

    def drained(self) -> None:
        """What was sent to this connection alone is out."""

    def ended(self, reason: Reason, cut: bool) -> None:
        """The connection is gone from the hub. If it was cut it may not have got everything."""


class ThreadReceiver(Receiver, Protocol):
    """What takes the deliveries of a connection that no event loop looks after."""

    def shut_down(self) -> None:
        """The process is about to end: sends the stream's farewell, and ends it."""


def hand_out(
    queue: _native.DeliveryQueue,
    deliveries: Sequence[tuple[_native.Batch | _native.End | None, list[int]]],
    receivers: Mapping[int, Receiver],
) -> None:
    """Gives every delivery to its receiver."""
    for content, connections in deliveries:
        for connection in connections:
            receiver = receivers.get(connection)
            if receiver is None:
                continue
            # The failure of one connection must not reach the others.
            try:
                if isinstance(content, _native.Batch):
                    if not receiver.write(content):
                        queue.pause(connection)
                elif content is None:
                    receiver.drained()
                else:
                    receiver.ended(content.reason, content.cut)
            except BaseException as error:
                if queue.remove(connection, "error"):
                    receiver.ended("error", True)
                contain("a stream could not be written to", error)
