"""The connections of a hub that no event loop looks after."""

from __future__ import annotations

import atexit
import threading
import time
import weakref
from typing import Self

from ssecast import _native
from ssecast._delivery import wait
from ssecast._delivery.receiver import GRACE, TURN, ThreadReceiver, hand_out

__all__ = ["ThreadConnections"]

POLL_INTERVAL = 0.25
"""Seconds between checks whether the process was asked to end, while there are connections."""


class ThreadConnections:
    """The connections of a hub that no event loop looks after. One thread hands out the deliveries to all of them.

    It calls the receivers, which must return soon. The thread runs while the hub exists, or has connections. May be
    used from any thread; a child process needs another one.
    """

    def __init__(self, hub: _native.Hub) -> None:
        self.queue = _native.DeliveryQueue(hub)
        # The garbage collector may call `forget` at any moment, in a thread that holds the lock.
        self._lock = threading.RLock()
        self._receivers: dict[int, ThreadReceiver] = {}
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="ssecast", daemon=True)

    @classmethod
    def of(cls, hub: _native.Hub) -> Self:
        """Those of this process. Starts the thread with the first use."""
        process = _native.process()
        of_processes: dict[int, Self] = vars(hub).setdefault("_thread_connections", {})
        connections = of_processes.get(process)
        if connections is not None:
            return connections
        # No lock: a fork, or a greenlet that has to wait, would leave it held.
        fresh = cls(hub)
        connections = of_processes.setdefault(process, fresh)
        if connections is fresh:
            for parent in [other for other in list(of_processes) if other != process]:
                of_processes.pop(parent, None)
            weakref.finalize(hub, fresh.stop).atexit = False
            fresh._thread.start()
            _end_with_the_process(hub)
        return connections

    @classmethod
    def existing(cls, hub: _native.Hub) -> Self | None:
        """Those of this process, if there are any."""
        of_processes: dict[int, Self] = vars(hub).get("_thread_connections", {})
        return of_processes.get(_native.process())

    def open(self, topics: tuple[str, ...], last_event_id: str | None, replay: int, receiver: ThreadReceiver) -> int:
        """Registers a connection. It gets nothing before it is resumed or attached."""
        # Under the lock, so that the thread does not look for a receiver that is not there yet.
        with self._lock:
            connection = self.queue.open(topics, last_event_id, replay)
            self._receivers[connection] = receiver
            first = len(self._receivers) == 1
        if first:
            self.queue.wake()
        return connection

    def forget(self, connection: int) -> None:
        """Lets go of a connection that is gone from the hub."""
        with self._lock:
            self._receivers.pop(connection, None)
        if self._stopped:
            self.queue.wake()

    def shut_down(self) -> None:
        """Sends every connection its farewell, and ends it: the process is about to end."""
        with self._lock:
            receivers = list(self._receivers.values())
        for receiver in receivers:
            receiver.shut_down()

    def stop(self) -> None:
        """Has the thread end once there is no connection any more."""
        self._stopped = True
        self.queue.wake()

    def join(self, seconds: float) -> None:
        """Waits for the thread's end."""
        self._thread.join(seconds)

    def _run(self) -> None:
        more = False
        terminations = _native.terminations()
        while more or not self._stopped or self._receivers:
            if not more:
                wait.for_bytes(self.queue.fileno(), POLL_INTERVAL if self._receivers else None)
            # Python runs signal handlers in the main thread, which may be waiting for the application. So this thread
            # checks for SIGTERM by itself, and all streams get their farewell at once.
            if terminations != (terminations := _native.terminations()):
                self.shut_down()
            with self._lock:
                deliveries, more = self.queue.take(TURN)
                named = (connection for _, connections in deliveries for connection in connections)
                receivers = {name: self._receivers[name] for name in named if name in self._receivers}
            hand_out(self.queue, deliveries, receivers)


_hubs: weakref.WeakSet[_native.Hub] = weakref.WeakSet()


def _end_with_the_process(hub: _native.Hub) -> None:
    """Ends the hub's streams in good order when the interpreter exits, as gunicorn's workers do when asked to.

    A server that SIGTERM ends at once, such as waitress, takes its streams along.
    """
    if not _hubs:
        atexit.unregister(_close_hubs)
        atexit.register(_close_hubs)
    _hubs.add(hub)


def _close_hubs() -> None:
    until = time.monotonic() + GRACE
    ending = []
    for hub in list(_hubs):
        connections = ThreadConnections.existing(hub)
        if connections is not None:
            connections.shut_down()
            hub.close(grace=GRACE)
            ending.append((hub, connections))
    for hub, connections in ending:
        hub.wait_closed(max(0.0, until - time.monotonic()) + 0.1)
        # The interpreter must not end while the thread is about to go back to it.
        connections.stop()
        connections.join(0.2)
