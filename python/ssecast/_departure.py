"""The end of the process, while streams are open that no thread of the server waits for."""

from __future__ import annotations

import atexit
import signal
import sys
import threading
import time
import weakref
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ssecast.hub import Hub

__all__ = ["GRACE", "expect", "is_near"]

GRACE = 1.0
"""Seconds that clients have to take what is left for them."""

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
    """Whether the server has been asked to end, as far as a thread that it waits for can see."""
    if not threading.main_thread().is_alive():
        return True
    # Servers answer SIGTERM themselves, with a method of what knows whether they go on.
    server: Any = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    if _is(server, "gunicorn.workers.base", "Worker"):
        return not server.alive
    return _is(server, "uvicorn.server", "Server") and bool(server.should_exit)


def _is(value: object, module: str, name: str) -> bool:
    """Whether it is of this class, which there is only where its server is."""
    known = getattr(sys.modules.get(module), name, None)
    return isinstance(known, type) and isinstance(value, known)


def _depart() -> None:
    until = time.monotonic() + GRACE
    leaving = []
    for hub in list(_hubs):
        mailbox = hub.__dict__["_of_threads"]
        if mailbox.is_own():
            mailbox.depart()
            hub.close(grace=GRACE)
            leaving.append((hub, mailbox))
    for hub, mailbox in leaving:
        hub.wait_closed(max(0.0, until - time.monotonic()) + 0.1)
        # The interpreter must not end while the thread is about to go back to it.
        mailbox.stop()
        mailbox.join(0.2)
