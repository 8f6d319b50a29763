"""How it is noticed that the server ends, the same for every server. Nothing of a server is looked into.

A server that ends on asyncio begins by closing the socket that it listens at, whatever made it end, and most are ended
by SIGTERM. Both are watched: the signal is counted beside the handler that the process has for it, and the listening
socket is the one at the address that the request came in by. Streams in threads see the signal, and the interpreter's
end.
"""

from __future__ import annotations

import asyncio
import atexit
import signal
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from ssecast import _native
from ssecast._failure import contain

if TYPE_CHECKING:
    from ssecast.hub import Hub

__all__ = ["GRACE", "LOOK", "Departure", "ServerEndsError", "expect", "interrupted_by_sigterm", "is_near"]

GRACE = 1.0
"""Seconds that clients have to take what is left for them."""

LOOK = 0.1
"""Seconds between looks."""


Address = Sequence[Any] | str | None
"""As ASGI and the system have it: a host and a port, or a path (and None); of IPv6 there may be more."""


class Departure:
    """The end of the server of one request under asyncio, from the request on. Belongs to the running event loop."""

    def __init__(self, address: Address, peer: Address) -> None:
        """``address`` is where the request came in; ``peer`` is where the client is, if it has the connection for this
        request alone."""
        self.begun = False
        self._address, self._peer = _two(address), _two(peer)
        self._callback: Callable[[], object] | None = None
        self.listener = _Listener.at(self._address)
        loop = asyncio.get_running_loop()
        self._watch = _watches.get(loop) or _Watch(loop)
        self._watch.departures.setdefault(self.listener, set()).add(self)

    @classmethod
    def of(cls, scope: Mapping[str, Any]) -> Departure:
        """That of a request of ASGI's."""
        shared = scope.get("http_version") not in ("1.0", "1.1")
        return cls(scope.get("server"), None if shared else scope.get("client"))

    def tell(self, callback: Callable[[], object]) -> None:
        """Has a function, the last that is given, called when the server begins to end, or now if it has."""
        self._callback = callback
        if self.begun:
            callback()

    def stop(self) -> None:
        """Forgets it."""
        self._callback = None
        self._watch.forget(self)

    def cut(self, late: bool) -> None:
        """Ends the client's connection, whoever has it, if its stream is ``late`` or the server surely ends."""
        if late or self.listener.is_closed():
            # Not for an address that is none of the internet's.
            with suppress(TypeError, ValueError, OverflowError):
                _native.shut_down(self._address[1], self._peer)

    def begin(self) -> None:
        """Called by the watch."""
        self.begun = True
        if self._callback is not None:
            try:
                self._callback()
            except BaseException as error:
                contain("a stream could not be ended", error)


def _two(address: Address) -> tuple[Any, Any]:
    """The host and the port, or the path and None, whichever way a server says it."""
    if isinstance(address, str):
        return address, None
    return tuple(address[:2]) if address and len(address) > 1 else (None, None)


class _Watch:
    """One timer for all streams of an event loop, while there are any."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.departures: dict[_Listener, set[Departure]] = {}
        self._terminations = _native.terminations()
        # Other threads' loops come and go meanwhile.
        for other in [reference() for reference in _watches.keyrefs()]:
            if other is not None and other.is_closed():
                _watches.pop(other, None)
        _watches[loop] = self
        loop.call_later(LOOK, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self.departures:
            _watches.pop(loop, None)
            return
        terminations = _native.terminations()
        terminated, self._terminations = terminations != self._terminations, terminations
        # Whatever comes up below, there is another look.
        loop.call_later(LOOK, self._look, loop)
        for listener in [listener for listener in self.departures if terminated or listener.is_closed()]:
            for departure in self.departures.pop(listener, ()):
                departure.begin()

    def forget(self, departure: Departure) -> None:
        """Lets go of a request that is over."""
        departures = self.departures.get(departure.listener)
        if departures is not None:
            departures.discard(departure)
            if not departures:
                del self.departures[departure.listener]


_watches: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Watch] = weakref.WeakKeyDictionary()


class _Listener:
    """The sockets at which the server listens for one address; none if the address is not this process' own."""

    _known: dict[object, _Listener] = {}  # noqa: RUF012 - one for the process

    def __init__(self, place: object) -> None:
        found = _native.listening_sockets() if place is not None else []
        self._sockets = [(descriptor, inode) for descriptor, inode, where in found if where == place]
        self._looked_at = time.monotonic()

    @classmethod
    def at(cls, address: tuple[Any, Any]) -> _Listener:
        """That of an address; found again when it was closed, as a server may follow another."""
        host, port = address
        place = host if port is None else port
        listener = cls._known.get(place)
        # A look at all descriptors is not for each request of a server that ends.
        if listener is None or (listener.is_closed() and listener._looked_at + LOOK < time.monotonic()):
            fresh = cls(place)
            if listener is None or fresh._sockets:
                if len(cls._known) > 100:
                    # Whoever makes up addresses must not fill the memory.
                    cls._known.clear()
                listener = cls._known[place] = fresh
            listener._looked_at = time.monotonic()
        return listener

    def is_closed(self) -> bool:
        """Whether the server has closed one of them."""
        return any(_native.inode_of(descriptor) != inode for descriptor, inode in self._sockets)


class ServerEndsError(BaseException):
    """Raised out of a source that the main thread waits in when SIGTERM comes, as KeyboardInterrupt is."""


@contextmanager
def interrupted_by_sigterm() -> Iterator[Callable[[Callable[[], Any]], Any]]:
    """Gives what calls a function that may wait for long. In the main thread SIGTERM ends the call by an error, behind
    the server's own handler: else a server whose worker is the main thread would be killed with all its streams."""
    handler = signal.getsignal(signal.SIGTERM)
    if threading.current_thread() is not threading.main_thread() or not callable(handler):
        yield lambda call: call()
        return
    handle: Callable[..., object] = handler
    waits = came = False

    def interrupt(*arguments: Any) -> None:
        nonlocal came
        came = True
        handle(*arguments)
        if waits:
            raise ServerEndsError

    def wait(call: Callable[[], Any]) -> Any:
        nonlocal waits
        waits = True
        try:
            # It may have come between two calls.
            if came:
                raise ServerEndsError
            return call()
        finally:
            waits = False

    signal.signal(signal.SIGTERM, interrupt)
    try:
        yield wait
    finally:
        if signal.getsignal(signal.SIGTERM) is interrupt:
            signal.signal(signal.SIGTERM, handler)


_hubs: weakref.WeakSet[Hub] = weakref.WeakSet()


def expect(hub: Hub) -> None:
    """Has the streams of a hub ended in good order when the process ends, as gunicorn's workers do when asked to.

    A server that SIGTERM ends at once, such as waitress, takes its streams along.
    """
    if not _hubs:
        atexit.unregister(_depart)
        atexit.register(_depart)
    _hubs.add(hub)


def is_near() -> bool:
    """Whether the process is about to end, as far as a thread that the server waits for can see without a signal: the
    main thread is over; or gunicorn's worker has had as many requests as it is to have."""
    if not threading.main_thread().is_alive():
        return True
    worker: Any = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    known = getattr(sys.modules.get("gunicorn.workers.base"), "Worker", None)
    return isinstance(known, type) and isinstance(worker, known) and not getattr(worker, "alive", True)


def _depart() -> None:
    until = time.monotonic() + GRACE
    leaving = []
    for hub in list(_hubs):
        mailbox = hub._own_thread_mailbox
        if mailbox is not None:
            mailbox.depart()
            hub.close(grace=GRACE)
            leaving.append((hub, mailbox))
    for hub, mailbox in leaving:
        hub.wait_closed(max(0.0, until - time.monotonic()) + 0.1)
        # The interpreter must not end while the thread is about to go back to it.
        mailbox.stop()
        mailbox.join(0.2)
