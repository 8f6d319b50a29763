"""One open stream of a server with threads."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator, Sequence

from ssecast import _native, errors
from ssecast._delivery.receiver import Reason
from ssecast._delivery.thread import ThreadConnections
from ssecast._failure import contain
from ssecast._options import Replay
from ssecast._streams.thread_shutdown import is_server_ending
from ssecast.session import BaseSession

__all__ = ["ThreadSession"]

POLL_INTERVAL = 0.25
"""Seconds between checks whether the server was asked to end, while a thread waits for its stream."""


class ThreadSession(BaseSession):
    """One open stream of a server with threads: WSGI. The hub's events go to it by themselves; its methods are for what
    is this client's alone, and may be called from any thread.

    Either an engine thread writes to the socket, or the server's thread takes the bytes from :meth:`batches`.
    """

    def __init__(
        self,
        hub: _native.Hub,
        topics: Sequence[str],
        last_event_id: str | None,
        replay: Replay,
        farewell: _native.Event | None,
        on_close: Callable[[Reason], object] | None,
    ) -> None:
        """Registers the connection with the hub; raises what the hub refuses it with."""
        super().__init__(topics, last_event_id)
        count = _native.replay_count(replay)
        self._farewell = farewell
        self._on_close = on_close
        # What the server's thread waits for: a batch, one at a time; the end; None if what was sent is out.
        self._contents: queue.SimpleQueue[_native.Batch | Reason | None] = queue.SimpleQueue()
        self._over = False
        self._connections = ThreadConnections.of(hub)
        self._queue = self._connections.queue
        self.id = self._connections.open(tuple(topics), last_event_id, count, self)

    def hand_over(self, descriptor: int, *, chunked: bool, head: bytes) -> bool:
        """Lets an engine thread have the connection, for good. Returns whether it does: if not, nothing has changed."""
        if self._reason is not None:
            return False
        try:
            self._queue.hand_over(self.id, descriptor, chunked, head)
        except errors.Error:
            return False
        self.delivery = "socket"
        return True

    def start(self) -> None:
        """Lets the server's thread write, once the response's head is out."""
        self._queue.resume(self.id)

    def batches(self) -> Iterator[bytes]:
        """What the server's thread is to write, waited for, until the stream ends."""
        while not self._over:
            yield from self._next()

    def drain(self, limit: int = 0) -> Iterator[bytes]:
        """Waits until no more than this waits for the client, or the stream has ended; gives what the server's thread
        is to write meanwhile.
        """
        while not self._over and self.backlog > limit:
            yield from self._next()

    def _next(self) -> Iterator[bytes]:
        # Also when there is always something to write.
        self.check_server()
        try:
            content = self._contents.get(timeout=POLL_INTERVAL)
        except queue.Empty:
            return
        if isinstance(content, _native.Batch):
            yield content.bytes
            # The server has taken it: the next may come.
            self._queue.resume(self.id)
        elif content is not None:
            self._over = True

    def check_server(self) -> None:
        """Ends the stream if the server has been asked to end."""
        if self._reason is None and is_server_ending():
            self.shut_down()

    def left(self, reason: Reason = "client") -> None:
        """Says that the client is gone, or that the stream failed."""
        if self._reason is None and self._queue.remove(self.id, reason):
            self.ended(reason, True)

    # What the thread of the connections calls.

    def write(self, batch: _native.Batch) -> bool:
        self._contents.put(batch)
        return False

    def drained(self) -> None:
        self._contents.put(None)

    def ended(self, reason: Reason, cut: bool) -> None:
        if self._reason is not None:
            return
        self._reason, self._cut = reason, cut
        self._connections.forget(self.id)
        self._contents.put(reason)
        if self._on_close is not None:
            try:
                self._on_close(reason)
            except BaseException as error:
                contain("on_close failed", error)

    def shut_down(self) -> None:
        farewell, self._farewell = self._farewell, None
        self.end_with_farewell(farewell)
