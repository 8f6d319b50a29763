"""The events of a private stream: what iterators give becomes what a session sends."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import threading
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from typing import Any

from ssecast._failure import contain
from ssecast.session import BaseSession, Session

__all__ = ["feed", "feed_from_thread", "of_values", "release"]

# How much may wait for the client before the iterator has to.
BACKLOG = 64 * 1024


async def feed(session: Session, source: AsyncIterable[Any], end: Callable[[Session], None]) -> None:
    """Sends what an iterator gives, at the client's pace, and then calls ``end``. If it raises, the stream ends
    with the reason ``error``, and the traceback is logged. Cancelled, it lets the iterator clean up."""
    try:
        iterator = aiter(source)
        try:
            async for value in iterator:
                if not send(session, value):
                    return
                if session.backlog > BACKLOG:
                    await session.drain()
        finally:
            await release(iterator)
    except asyncio.CancelledError as error:
        # It is cancelled when the stream has ended. Any other one is the source's end, and must be the stream's.
        if session.reason is None:
            _failed(session, error)
        raise
    except BaseException as error:
        _failed(session, error)
    else:
        end(session)


def feed_from_thread(session: Session, source: Iterable[Any], end: Callable[[Session], None]) -> None:
    """The same for what blocks while it waits: a thread of its own keeps neither the loop nor other streams waiting.
    If the client leaves, the thread ends with the next event."""
    loop, context = asyncio.get_running_loop(), contextvars.copy_context()
    # It may wait forever, and must not keep the process.
    threading.Thread(target=context.run, args=(_feed_here, session, source, end, loop), daemon=True).start()


def _feed_here(
    session: Session, source: Iterable[Any], end: Callable[[Session], None], loop: asyncio.AbstractEventLoop
) -> None:
    try:
        iterator = iter(source)
        try:
            for value in iterator:
                if not send(session, value):
                    return
                if session.backlog > BACKLOG:
                    asyncio.run_coroutine_threadsafe(session.drain(), loop).result()
        finally:
            # Only this thread may close it while it runs.
            close = getattr(iterator, "close", None)
            if close is not None:
                close()
    except BaseException as error:
        _failed(session, error)
    else:
        end(session)


async def of_values(values: Iterable[Any]) -> AsyncIterator[Any]:
    """An iterator of what is there already."""
    for value in values:
        yield value


def send(session: BaseSession, value: Any) -> bool:
    """Sends a value: an Event or a dict with ``data`` is a whole event, anything else is the data of one."""
    if isinstance(value, dict) and "data" in value:
        return session.send(**value)
    return session.send(value)


async def release(source: object) -> None:
    """Closes an iterator that is not needed any more, or never was: a generator, a subscription, a file."""
    if not isinstance(source, (AsyncIterator, Iterator)):
        return
    close = getattr(source, "aclose", None) or getattr(source, "close", None)
    if close is not None:
        closing = close()
        if inspect.isawaitable(closing):
            await closing


def _failed(session: Session, error: BaseException) -> None:
    session.close("error")
    contain("the source of a stream's events failed", error)
