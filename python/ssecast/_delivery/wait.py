"""How threads wait: as Python does at that moment, so that gevent and eventlet let other work go on meanwhile. They
replace parts of Python's modules, perhaps after this is imported, and don't reach waits that are the engine's own."""

from __future__ import annotations

import select
import time
from types import BuiltinFunctionType

__all__ = ["are_replaced", "for_bytes"]


def for_bytes(descriptor: int, seconds: float | None = None) -> None:
    """Waits until a descriptor can be read, or so many seconds."""
    # eventlet takes `poll` away.
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        poll.poll(None if seconds is None else seconds * 1000)
    else:
        select.select([descriptor], [], [], seconds)


def are_replaced() -> bool:
    """Whether gevent or eventlet has replaced Python's waits: a wait of the engine's own would stop all greenlets."""
    return not isinstance(time.sleep, BuiltinFunctionType)
