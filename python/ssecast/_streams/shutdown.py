"""How a stream under asyncio learns that its server ends. It works the same for every server.

Most servers are ended by SIGTERM, and a server that ends on asyncio first closes the socket that it listens on,
whatever made it end. Both are checked ten times a second. SIGTERM is counted in front of the process' own handler. The
listening socket is the one with the address that the request came in by.
"""

from __future__ import annotations

import asyncio
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from ssecast import _native
from ssecast._failure import contain

__all__ = ["POLL_INTERVAL", "ServerShutdown"]

POLL_INTERVAL = 0.1
"""Seconds between checks."""


Address = Sequence[Any] | str | None
"""As ASGI and the system have it: a host and a port, or a path (and None); of IPv6 there may be more."""


class ServerShutdown:
    """The end of one request's server under asyncio. Belongs to the running event loop."""

    def __init__(self, address: Address, peer: Address) -> None:
        """``address`` is where the request came in; ``peer`` is where the client is, if it has the connection for this
        request alone."""
        self.begun = False
        self._address, self._peer = _host_and_port(address), _host_and_port(peer)
        self._callback: Callable[[], object] | None = None
        self.listener = _Listener.at(self._address)
        loop = asyncio.get_running_loop()
        self._watch = _watches.get(loop) or _Watch(loop)
        self._watch.shutdowns.setdefault(self.listener, set()).add(self)

    @classmethod
    def of(cls, scope: Mapping[str, Any]) -> ServerShutdown:
        """That of an ASGI request."""
        shared = scope.get("http_version") not in ("1.0", "1.1")
        return cls(scope.get("server"), None if shared else scope.get("client"))

    def when_begun(self, callback: Callable[[], object]) -> None:
        """Calls a function when the server begins to end, or now if it has. A later function takes its place."""
        self._callback = callback
        if self.begun:
            callback()

    def forget(self) -> None:
        """Stops the checks for this request."""
        self._callback = None
        self._watch.forget(self)

    def cut_connection(self, late: bool) -> None:
        """Ends the client's connection, which the server holds, if its stream is ``late`` or the server surely ends."""
        if late or self.listener.is_closed():
            # The address may be none of the internet's.
            with suppress(TypeError, ValueError, OverflowError):
                _native.shut_down_connection(self._address[1], self._peer)

    def begin(self) -> None:
        """Called by the watch."""
        self.begun = True
        if self._callback is not None:
            try:
                self._callback()
            except BaseException as error:
                contain("a stream could not be ended", error)


def _host_and_port(address: Address) -> tuple[Any, Any]:
    """The host and the port, or the path and None, whichever way a server gives it."""
    if isinstance(address, str):
        return address, None
    return tuple(address[:2]) if address and len(address) > 1 else (None, None)


class _Watch:
    """One timer for all streams of an event loop, while there are any."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.shutdowns: dict[_Listener, set[ServerShutdown]] = {}
        self._terminations = _native.terminations()
        # Other threads' loops come and go meanwhile.
        for other in [reference() for reference in _watches.keyrefs()]:
            if other is not None and other.is_closed():
                _watches.pop(other, None)
        _watches[loop] = self
        loop.call_later(POLL_INTERVAL, self._check, loop)

    def _check(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self.shutdowns:
            _watches.pop(loop, None)
            return
        terminations = _native.terminations()
        terminated, self._terminations = terminations != self._terminations, terminations
        # First of all, so that an exception below does not end the checks.
        loop.call_later(POLL_INTERVAL, self._check, loop)
        for listener in [listener for listener in self.shutdowns if terminated or listener.is_closed()]:
            for shutdown in self.shutdowns.pop(listener, ()):
                shutdown.begin()

    def forget(self, shutdown: ServerShutdown) -> None:
        """Lets go of a request that is over."""
        shutdowns = self.shutdowns.get(shutdown.listener)
        if shutdowns is not None:
            shutdowns.discard(shutdown)
            if not shutdowns:
                del self.shutdowns[shutdown.listener]


_watches: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Watch] = weakref.WeakKeyDictionary()


class _Listener:
    """The sockets on which the server listens for one address; none if the address is not this process' own."""

    _known: dict[object, _Listener] = {}  # noqa: RUF012 - one for the process

    def __init__(self, place: object) -> None:
        found = _native.listening_sockets() if place is not None else []
        self._sockets = [(descriptor, inode) for descriptor, inode, where in found if where == place]
        self._checked_at = time.monotonic()

    @classmethod
    def at(cls, address: tuple[Any, Any]) -> _Listener:
        """That of an address. It is looked up again when it was closed, as another server may follow."""
        host, port = address
        place = host if port is None else port
        listener = cls._known.get(place)
        # The look-up goes through all descriptors: once in a while, not for each request of a server that ends.
        if listener is None or (listener.is_closed() and listener._checked_at + POLL_INTERVAL < time.monotonic()):
            fresh = cls(place)
            if listener is None or fresh._sockets:
                if len(cls._known) > 100:
                    # Addresses come from requests, and must not fill the memory.
                    cls._known.clear()
                listener = cls._known[place] = fresh
            listener._checked_at = time.monotonic()
        return listener

    def is_closed(self) -> bool:
        """Whether the server has closed one of them."""
        return any(_native.inode_of(descriptor) != inode for descriptor, inode in self._sockets)
