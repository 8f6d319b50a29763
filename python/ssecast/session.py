"""One open stream, as the server sees it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Literal, Protocol

from ssecast import _native, errors
from ssecast._delivery.loop import LoopConnections
from ssecast._delivery.receiver import Reason
from ssecast._failure import contain
from ssecast._json import text
from ssecast._native import Event
from ssecast._options import Replay

__all__ = ["Delivery", "Reason", "Session", "Writer"]

Delivery = Literal["socket", "transport", "send"]
"""How a stream's bytes go out: an engine thread writes to the socket; the event loop writes shared buffers to the
transport; or they pass through the server's own ``send``."""


class Writer(Protocol):
    """What writes a stream on the event loop, where an engine thread can't."""

    delivery: Delivery

    def write(self, batch: _native.Batch) -> bool:
        """Takes bytes; returns whether it takes more now. If not, it calls the session's ``resume`` when it does."""


class BaseSession:
    """What streams have in common under asyncio and in threads."""

    _queue: _native.DeliveryQueue
    id: int
    """The connection's number, unique within its event loop's or its process' share of the hub."""

    def __init__(self, topics: Sequence[str], last_event_id: str | None) -> None:
        if isinstance(topics, str):
            raise TypeError("topics must be a sequence of strings, not a str; wrap it in a list")
        self.last_event_id = last_event_id or ""
        """The last event ID that the client came with; empty if it has none."""
        self.delivery: Delivery = "send"
        """How the bytes go out. It is chosen when the response's head is out."""
        self._topics = dict.fromkeys(topics)
        self._reason: Reason | None = None
        self._cut = False

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics that this stream reads."""
        return tuple(self._topics)

    @property
    def reason(self) -> Reason | None:
        """Why the stream has ended, or None while it is open."""
        return self._reason

    @property
    def cut(self) -> bool:
        """Whether the client may not have got everything: its connection is of no further use then."""
        return self._cut

    def send(
        self,
        data: Any,
        *,
        event: str | None = None,
        id: str | int | None = None,
        retry: int | None = None,
        comment: str | None = None,
    ) -> bool:
        """Sends an event to this client alone, behind everything published before. ``retry`` is in milliseconds.

        ``data`` may be an :class:`Event`, which is sent as it is. Returns False if the stream is ending or has ended.
        Raises as :meth:`Hub.publish` does; nothing is sent then.
        """
        if isinstance(data, _native.Event):
            if (event, id, retry, comment) != (None, None, None, None):
                raise TypeError("an Event has its fields already")
            return self._queue.send(
                self.id, data.data, event=data.event, id=data.id, retry=data.retry, comment=data.comment
            )
        return self._queue.send(self.id, text(data), event=event, id=id, retry=retry, comment=comment)

    def comment(self, text: str) -> bool:
        """Sends a comment to this client alone. Returns False if the stream is ending or has ended."""
        return self._queue.send(self.id, None, comment=text)

    def subscribe(self, *topics: str) -> None:
        """Reads more topics, from now on."""
        if self._queue.change_topics(self.id, topics, ()):
            self._topics.update(dict.fromkeys(topics))

    def unsubscribe(self, *topics: str) -> None:
        """Stops reading topics."""
        self._queue.change_topics(self.id, (), topics)
        for topic in topics:
            self._topics.pop(topic, None)

    def close(self, reason: Literal["server", "shutdown", "error"] = "server") -> None:
        """Ends the stream, after everything published and sent before is out. An ``EventSource`` then comes back and
        gets another stream; :meth:`finish` ends it for good. Closing twice is fine.
        """
        if self._reason is None:
            self._queue.end(self.id, reason)

    def finish(self) -> None:
        """Ends the stream as :meth:`close` does, and for good: an ``EventSource`` that comes back is answered 204,
        after which it stays away. For an answer that is complete.
        """
        if self._reason is None:
            self._queue.finish(self.id)

    def end_with_farewell(self, event: Event | None) -> None:
        """Ends the stream because its server ends, after an event that may not be one that the hub takes."""
        try:
            if event is not None:
                self.send(event)
        except errors.Error as error:
            contain("farewell could not be sent", error)
        finally:
            self.close("shutdown")

    @property
    def backlog(self) -> int:
        """The bytes sent to this client alone that have not gone out."""
        return 0 if self._reason is not None else self._queue.pending_bytes(self.id)


class Session(BaseSession):
    """One open stream of an asyncio server. The hub's events go to it by themselves; its methods are for what is this
    client's alone.

    ``send``, ``comment``, ``subscribe``, ``unsubscribe``, ``close`` and ``finish`` may be called from any thread; the
    rest belongs to the stream's event loop. A session ends once, with one reason: ``client``, ``server``, ``shutdown``,
    ``lagged`` or ``error``.
    """

    def __init__(
        self, hub: _native.Hub, topics: Sequence[str] = (), last_event_id: str | None = None, replay: Replay = 0
    ) -> None:
        """Registers the connection with the hub, for the running event loop.

        Raises what the hub refuses it with (:class:`TooManyConnectionsError`, :class:`ClosedError`,
        :class:`InvalidTopicError`, :class:`TopicEndedError`); then nothing is registered.
        """
        super().__init__(topics, last_event_id)
        count = _native.replay_count(replay)
        self._connections = LoopConnections.of(hub)
        self._queue = self._connections.queue
        self._writer: Writer | None = None
        self._closed: asyncio.Future[Reason] = self._connections.loop.create_future()
        self._drained: asyncio.Future[None] | None = None
        self.id = self._connections.open(tuple(topics), last_event_id, count, self)

    async def drain(self) -> None:
        """Waits until everything sent to this client alone has gone out, or the stream has ended."""
        while self.backlog:
            self._drained = self._drained or self._connections.loop.create_future()
            await asyncio.shield(self._drained)

    async def wait_closed(self) -> Reason:
        """Waits until the stream has ended."""
        return await asyncio.shield(self._closed)

    # What the adapters use.

    def attach(self, descriptor: int, *, chunked: bool, released: bool = False) -> bool:
        """Lets an engine thread write to a duplicate of the descriptor, once the response's head is on the wire.

        Returns whether it does: if not, nothing has changed. Until the session has ended only the engine may write
        to the connection; if it is ``released``, the engine also looks after its end.
        """
        if self._reason is not None:
            return False
        try:
            self._queue.attach_socket(self.id, descriptor, chunked, released)
        except errors.Error:
            return False
        self.delivery = "socket"
        return True

    def start(self, writer: Writer) -> None:
        """Lets the event loop write, once the response's head is out."""
        self._writer = writer
        self.delivery = writer.delivery
        self.resume()

    def resume(self) -> None:
        """Says that the writer takes more."""
        if self._reason is None:
            self._queue.resume(self.id)

    def left(self, reason: Reason = "client") -> None:
        """Says that the client is gone, or that the stream failed."""
        if self._reason is None and self._queue.remove(self.id, reason):
            self.ended(reason, True)

    def write(self, batch: _native.Batch) -> bool:
        """Called by `hand_out`."""
        assert self._writer is not None, "a connection gets nothing before it is started"
        taken = self._writer.write(batch)
        self.drained()
        return taken

    def drained(self) -> None:
        """Called by `hand_out`."""
        if self._drained is not None:
            self._drained.set_result(None)
            self._drained = None

    def ended(self, reason: Reason, cut: bool) -> None:
        """Called by `hand_out`."""
        if self._reason is not None:
            return
        self._reason, self._cut = reason, cut
        self._connections.forget(self.id)
        self.drained()
        self._closed.set_result(reason)
