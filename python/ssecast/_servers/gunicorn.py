"""gunicorn's own ASGI worker; its uvicorn worker is uvicorn. The connection is watched, and the worker writes to it."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable
from typing import Any

from ssecast._servers import is_exactly, owner

__all__ = ["connection_of"]

# Seconds between looks at whether the worker is to end: it tells nobody.
LOOK = 0.1


def connection_of(receive: object) -> GunicornConnection | None:
    """That of the receiver of a request's body: the owner of ``receive``."""
    receiver: Any = owner(receive)
    if not is_exactly(receiver, "gunicorn.asgi.protocol", "BodyReceiver"):
        return None
    protocol = receiver.protocol
    return GunicornConnection(protocol) if is_exactly(protocol, "gunicorn.asgi.protocol", "ASGIProtocol") else None


class GunicornConnection:
    """A connection while its request is answered."""

    exclusive = True

    def __init__(self, protocol: Any) -> None:
        self.transport: asyncio.Transport = protocol.transport
        self._worker = protocol.worker

    def is_framed(self) -> bool | None:
        return False

    async def drain(self) -> None:
        """Not needed: the worker writes."""

    def watch(self, shutdown: Callable[[], None]) -> Callable[[], None]:
        if self._worker not in _watched:
            _watched[self._worker] = set()
            asyncio.get_running_loop().call_later(LOOK, _look, self._worker)
        callbacks = _watched[self._worker]
        callbacks.add(shutdown)
        return lambda: callbacks.discard(shutdown)


_watched: weakref.WeakKeyDictionary[Any, set[Callable[[], None]]] = weakref.WeakKeyDictionary()


def _look(worker: Any) -> None:
    """One timer for all streams of a worker."""
    callbacks = _watched.get(worker)
    if not callbacks:
        _watched.pop(worker, None)
    elif worker.alive:
        asyncio.get_running_loop().call_later(LOOK, _look, worker)
    else:
        for callback in list(callbacks):
            callback()
