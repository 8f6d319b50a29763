"""How far a hub is ahead of its clients: see ../servers/ssecast.mjs, which does the same."""

from server import AHEAD
from ssecast import Hub

__all__ = ["LIMIT", "Backlog"]

# What may wait for a client before the hub gives it up: more than while the system's buffers are uneven.
LIMIT = 32 << 20


class Backlog:
    """Publishes, and knows what the hub has not handed over yet."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._published = 0
        self._clients = 1
        # The hub's counters when they were last read: reading them costs more than publishing.
        self._then = 0
        self._waited = 0.0

    def publish(self, data: str) -> None:
        self._hub.publish("bench", data)
        self._published += 1

    def waiting(self, size: int) -> float:
        """The bytes that wait, as a mean of all clients, when events have so many."""
        at_most = self._waited + (self._published - self._then) * size
        if at_most <= AHEAD * size and self._published != self._then:
            return at_most
        stats = self._hub.stats()
        # One that is given up shows as a fault; it is not to count as one that has everything.
        self._clients = max(self._clients, stats.connections)
        behind = (self._published - stats.delivered / self._clients) * size
        # The slowest connection may be behind all others; what waits for it is from up to 250 ms ago.
        is_far_behind = behind > 0 and stats.lag_bytes > LIMIT / 4
        self._then, self._waited = self._published, max(behind, stats.lag_bytes) if is_far_behind else behind
        return self._waited
