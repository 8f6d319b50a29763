"""How a stream that a thread of the server iterates over learns that the server ends."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["ServerEndsError", "interrupted_by_sigterm", "is_server_ending"]


class ServerEndsError(BaseException):
    """Raised out of a source that the main thread waits in when SIGTERM comes, as KeyboardInterrupt is."""


@contextmanager
def interrupted_by_sigterm() -> Iterator[Callable[[Callable[[], Any]], Any]]:
    """Gives a function that calls another one, which may wait for long. In the main thread SIGTERM ends that call with
    an error, after the server's own handler has run. Otherwise a server whose worker is the main thread would be
    killed, with all its streams.
    """
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
            # The signal may have come between two calls.
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


def is_server_ending() -> bool:
    """Whether the server is about to end without a signal, as far as a thread that it waits for can see: the main
    thread has ended, or gunicorn's worker has had as many requests as it may have.
    """
    if not threading.main_thread().is_alive():
        return True
    worker: Any = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    known = getattr(sys.modules.get("gunicorn.workers.base"), "Worker", None)
    return isinstance(known, type) and isinstance(worker, known) and not getattr(worker, "alive", True)
