"""Reading a hub's events in the process that publishes them."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import weakref
from collections import deque
from collections.abc import Sequence
from typing import Self

from ssecast import _native
from ssecast._delivery import wait
from ssecast._delivery.loop import LoopConnections
from ssecast._delivery.receiver import Reason
from ssecast._options import Replay
from ssecast.errors import TopicEndedError

__all__ = ["Subscription"]


class Subscription:
    """A hub's events as an iterator, made by :meth:`Hub.subscribe`. One thread or one task iterates at a time, and may
    be waiting while another closes the subscription: any thread, or any task of its own event loop.

    It is a client like any other: it has a place in the history, not a queue. One that is too slow is told of what it
    missed by a reset event. The iteration ends when the hub is closed, or the subscription is, or all of its topics
    have ended.
    """

    def __init__(self, hub: _native.Hub, topics: Sequence[str], last_event_id: str | None, replay: Replay = 0) -> None:
        self._hub = hub
        self._topics = tuple(topics)
        count = _native.replay_count(replay)
        # What the hub let pass is no larger than it may be.
        self._parser = _native.Parser(max_event_bytes=sys.maxsize, last_event_id=last_event_id or "")
        self._events: deque[_native.Event] = deque()
        self._last_event_id = self._parser.last_event_id
        self._source: _ThreadSource | _LoopSource | None = None
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            self._source = _ThreadSource(hub, self._topics, last_event_id, count)
        else:
            self._source = _LoopSource(hub, self._topics, last_event_id, count)

    @property
    def last_event_id(self) -> str:
        """Where this reader is, behind the last event that it was given: what a later ``subscribe`` continues from."""
        return self._last_event_id if self._events else self._parser.last_event_id

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> _native.Event:
        while not self._events:
            if self._source is None:
                raise StopIteration
            if not isinstance(self._source, _ThreadSource):
                raise RuntimeError("this subscription belongs to an event loop; iterate with `async for`")
            self._take(self._source.wait())
        return self._next()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> _native.Event:
        while not self._events:
            if self._source is None:
                raise StopAsyncIteration
            if not isinstance(self._source, _LoopSource):
                raise RuntimeError("this subscription belongs to no event loop; make it inside of a coroutine")
            self._take(await self._source.wait())
        return self._next()

    def _next(self) -> _native.Event:
        event = self._events.popleft()
        self._last_event_id = event.last_event_id
        return event

    def _take(self, content: _native.Batch | Reason) -> None:
        if isinstance(content, _native.Batch):
            self._last_event_id = self._parser.last_event_id
            self._events.extend(self._parser.feed(content.bytes))
            return
        source, self._source = self._source, None
        if content == "lagged" and source is not None:
            # It comes back as a browser would, and learns what it missed. It may have all of topics that have ended.
            with contextlib.suppress(TopicEndedError):
                self._source = source.again(self._hub, self._topics, self.last_event_id)

    def close(self) -> None:
        """Ends the subscription; what was read already can still be iterated over. Closing twice is fine."""
        source, self._source = self._source, None
        if source is not None:
            source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()


class _ThreadSource:
    """The deliveries of one connection, for a thread that waits for them. Letting go of it ends the connection."""

    def __init__(self, hub: _native.Hub, topics: tuple[str, ...], last_event_id: str | None, replay: int) -> None:
        self._queue = _native.DeliveryQueue(hub, paced=True)
        self._connection = self._queue.open(topics, last_event_id, replay)
        self._closed = False
        self._queue.resume(self._connection)

    def wait(self) -> _native.Batch | Reason:
        while True:
            # One at a time: what is not asked for stays in the history.
            deliveries, more = self._queue.take(1)
            for content, _ in deliveries:
                if isinstance(content, _native.Batch):
                    return content
                if content is not None:
                    return content.reason
            # Asked after `take`, which may have swallowed the wake-up of `close`.
            if self._closed:
                return "server"
            if not more:
                wait.for_bytes(self._queue.fileno())

    def again(self, hub: _native.Hub, topics: tuple[str, ...], last_event_id: str) -> _ThreadSource:
        return _ThreadSource(hub, topics, last_event_id, 0)

    def close(self) -> None:
        self._closed = True
        self._queue.remove(self._connection, "server")
        self._queue.wake()


class _LoopSource:
    """The same, for a coroutine."""

    def __init__(self, hub: _native.Hub, topics: tuple[str, ...], last_event_id: str | None, replay: int) -> None:
        receiver = _Receiver()
        self._connections = connections = LoopConnections.of(hub)
        self._receiver = receiver
        self._connection = connection = connections.open(topics, last_event_id, replay, receiver)
        # The connections hold the receiver and not the source, so that a source goes when its iteration is dropped.
        self._abandon = weakref.finalize(self, _abandon, connections, connection)
        self._abandon.atexit = False
        connections.queue.resume(connection)

    async def wait(self) -> _native.Batch | Reason:
        receiver = self._receiver
        while not receiver.contents:
            receiver.waiter = self._connections.loop.create_future()
            await receiver.waiter
        content = receiver.contents.popleft()
        if isinstance(content, _native.Batch):
            self._connections.queue.resume(self._connection)
        else:
            self._abandon.detach()
            self._connections.forget(self._connection)
        return content

    def again(self, hub: _native.Hub, topics: tuple[str, ...], last_event_id: str) -> _LoopSource:
        return _LoopSource(hub, topics, last_event_id, 0)

    def close(self) -> None:
        self._abandon.detach()
        self._connections.queue.remove(self._connection, "server")
        self._connections.forget(self._connection)
        self._receiver.ended("server", False)


def _abandon(connections: LoopConnections, connection: int) -> None:
    """Called by the garbage collector, in any thread."""
    connections.queue.remove(connection, "server")
    # A loop that is closed has nothing to forget.
    with contextlib.suppress(RuntimeError):
        connections.loop.call_soon_threadsafe(connections.forget, connection)


class _Receiver:
    """One batch at a time, and then the end: what the coroutine has not asked for stays in the history."""

    def __init__(self) -> None:
        self.contents: deque[_native.Batch | Reason] = deque()
        self.waiter: asyncio.Future[None] | None = None

    def write(self, batch: _native.Batch) -> bool:
        self._put(batch)
        return False

    def drained(self) -> None:
        pass

    def ended(self, reason: Reason, cut: bool) -> None:
        self._put(reason)

    def _put(self, content: _native.Batch | Reason) -> None:
        self.contents.append(content)
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)
