"""A share of a hub's connections, an event loop's or a thread's: one wake-up for all of them, however many events there
are."""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, Protocol

from ssecast import _native, _wait
from ssecast._failure import contain

if TYPE_CHECKING:
    from ssecast.hub import Hub

__all__ = ["LoopMailbox", "Reason", "Receiver", "ThreadMailbox", "ThreadReceiver"]

Reason = Literal["client", "server", "shutdown", "lagged", "error"]
"""Why a stream ended: the client left; the server ended it; the hub was closed; the client was too slow; a failure."""

# How many connections are written to before other work of the event loop gets a turn.
TURN = 256
# How often a thread with connections looks whether the process has been asked to end: in seconds.
LOOK = 0.25


class Receiver(Protocol):
    """What takes a connection's deliveries."""

    def write(self, batch: _native.Batch) -> bool:
        """Takes bytes; returns whether it takes more now. If not, the mailbox waits for ``resume``."""

    def drained(self) -> None:
        """What was sent to this connection alone is out."""

    def ended(self, reason: Reason, cut: bool) -> None:
        """The connection is gone from the hub. If it was cut it may not have got everything."""


class ThreadReceiver(Receiver, Protocol):
    """What takes the deliveries of a connection that no event loop looks after."""

    def depart(self) -> None:
        """The process is about to end: the stream has its farewell, and ends."""


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
        self.process = _native.process()
        self.loop = loop
        self._siblings = siblings
        self._receivers: dict[int, Receiver] = {}
        self._scheduled = False
        loop.add_reader(self.native.fileno(), self._run)
        # A loop that was closed with streams open left its mailbox behind. Other threads' loops come and go meanwhile.
        for other in list(siblings):
            if other.is_closed():
                siblings.pop(other, None)

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
        self._siblings.pop(self.loop, None)
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
        _hand_out(self.native, deliveries, self._receivers)

    def _go_on(self) -> None:
        self._scheduled = False
        self._run()


class ThreadMailbox:
    """The connections of a hub that no event loop looks after: a thread does, for all of them.

    It calls the receivers, which must return soon. It is there as long as the hub is, or has connections. May be used
    from any thread; a child process needs another one.
    """

    def __init__(self, hub: Hub) -> None:
        self.native = _native.Mailbox(hub)
        # The collector may have a connection forgotten at any moment.
        self._lock = threading.RLock()
        self._receivers: dict[int, ThreadReceiver] = {}
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="ssecast", daemon=True)

    def start(self, hub: Hub) -> None:
        """Starts the thread, once."""
        weakref.finalize(hub, self.stop).atexit = False
        self._thread.start()

    def open(self, topics: tuple[str, ...], last_event_id: str | None, receiver: ThreadReceiver) -> int:
        """Registers a connection, which gets nothing before it is resumed or attached."""
        # Under the lock, so that the thread does not look for a receiver that is not there yet.
        with self._lock:
            connection = self.native.open(topics, last_event_id)
            self._receivers[connection] = receiver
            first = len(self._receivers) == 1
        if first:
            self.native.wake()
        return connection

    def forget(self, connection: int) -> None:
        """Lets go of a connection that is gone from the hub."""
        with self._lock:
            self._receivers.pop(connection, None)
        if self._stopped:
            self.native.wake()

    def depart(self) -> None:
        """Bids every connection farewell, and ends it: the process is about to end."""
        with self._lock:
            receivers = list(self._receivers.values())
        for receiver in receivers:
            receiver.depart()

    def stop(self) -> None:
        """Has the thread end once there is no connection any more."""
        self._stopped = True
        self.native.wake()

    def join(self, seconds: float) -> None:
        """Waits for the thread's end."""
        self._thread.join(seconds)

    def _run(self) -> None:
        more = False
        terminations = _native.terminations()
        while more or not self._stopped or self._receivers:
            if not more:
                # A handler of Python's runs in the main thread, which may wait for the application: so the signal is
                # looked for here. All streams have their farewell then, however long that one waits.
                _wait.for_bytes(self.native.fileno(), LOOK if self._receivers else None)
            if terminations != (terminations := _native.terminations()):
                self.depart()
            with self._lock:
                deliveries, more = self.native.take(TURN)
                named = (connection for _, connections in deliveries for connection in connections)
                receivers = {name: self._receivers[name] for name in named if name in self._receivers}
            _hand_out(self.native, deliveries, receivers)


def _hand_out(
    native: _native.Mailbox,
    deliveries: Sequence[tuple[_native.Batch | _native.End | None, list[int]]],
    receivers: Mapping[int, Receiver],
) -> None:
    """Gives every delivery to its receiver."""
    for content, connections in deliveries:
        for connection in connections:
            receiver = receivers.get(connection)
            if receiver is None:
                continue
            # One connection's failure is none of the others'.
            try:
                if isinstance(content, _native.Batch):
                    if not receiver.write(content):
                        native.pause(connection)
                elif content is None:
                    receiver.drained()
                else:
                    receiver.ended(content.reason, content.cut)
            except BaseException as error:
                if native.remove(connection, "error"):
                    receiver.ended("error", True)
                contain("a stream could not be written to", error)
