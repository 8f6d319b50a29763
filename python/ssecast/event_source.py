"""The reconnecting client, on httpx: ``pip install 'ssecast[client]'``.

>>> source = ssecast.EventSource("https://example.com/stream")  # doctest: +SKIP
>>> for event in source:  # doctest: +SKIP
...     print(event.event, event.data)
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from threading import Event as Flag
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal, Self, Unpack

from ssecast._client import Connector, EventSourceError, Headers, SourceOptions, load_httpx
from ssecast._native import Event
from ssecast._options import lists

if TYPE_CHECKING:
    import httpx

__all__ = ["AsyncEventSource", "EventSource", "EventSourceError"]


class _Source:
    """What does no I/O."""

    _connector: Connector
    _client: Any

    def _connect_by(self, kind: str, url: str, client: Any, headers: Any, options: SourceOptions) -> None:
        """Chooses the client, of httpx's class ``kind``, and what each request is made of."""
        httpx = load_httpx()
        if client is not None and not isinstance(client, getattr(httpx, kind)):
            raise TypeError(f"client must be an httpx.{kind}, not {type(client).__name__}")
        for name in options:
            if name not in SourceOptions.__annotations__:
                raise TypeError(f"{type(self).__name__} has no option {name!r}")
        own = client is None
        # A client opens nothing before its first request. A connection that was left early is not kept anyway.
        self._client = getattr(httpx, kind)(limits=httpx.Limits(max_keepalive_connections=0)) if own else client
        self._connector = Connector(url, client=self._client, own=own, headers=headers, **options)

    @property
    def state(self) -> Literal["connecting", "open", "closed"]:
        """``"connecting"``, ``"open"`` or ``"closed"``."""
        return self._connector.state

    @property
    def url(self) -> str:
        """Where each connection begins, whatever it was redirected to."""
        return self._connector.url

    @property
    def last_event_id(self) -> str:
        """What the next connection resumes from. It may be the id of an event that was not taken yet: where you keep it
        for another process, keep the ``last_event_id`` of the event.
        """
        return self._connector.last_event_id

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.url}, {self.state}>"


class EventSource(_Source, Iterator[Event]):
    """A stream of events that is made again when it is lost, and resumed where it was: ``for event in source``.

    It connects when the first event is asked for, and reads no further than it is asked; it has no thread. The
    iteration ends when the source is closed, or the server says with 204 that there is no more. An answer that is no
    event stream raises :class:`EventSourceError`, a :class:`ConnectionError`; one with a status of ``retry.statuses``
    does not. Everything else (a cut, an end, silence, an event that is too large) is followed by another connection,
    after a wait.

    ``client`` is an ``httpx.Client``, with its proxies, certificates, headers and authentication; by default it is one
    of the source's own. ``method``, ``auth``, ``params``, ``cookies``, ``content``, ``data``, ``files``, ``json``,
    ``timeout`` and ``extensions`` mean what they mean there; ``headers`` may also be a function, which is asked anew
    for every connection.

    ``on_open()`` is called when a connection stands and ``on_error(loss)`` when one is lost: with its cause and when
    the next one follows. Both are called within ``next``, and what they raise is raised there; ``next`` may be called
    again then.

    After ``idle`` seconds without a byte, comments included, a connection is given up; by default never. A time that
    ``timeout`` sets for reading is the same. Time in which the machine sleeps does not count; what has come while the
    process stood still is read first. An event of more than ``max_event_bytes`` costs the connection.
    ``last_event_id`` is what to resume from to begin with. Raises :class:`InvalidOptionError` and
    :class:`InvalidIdError`.

    One thread at a time may ask for events.
    """

    @lists(SourceOptions)
    def __init__(
        self,
        url: str,
        *,
        client: httpx.Client | None = None,
        headers: Headers | Callable[[], Headers] | None = None,
        **options: Unpack[SourceOptions],
    ) -> None:
        self._connect_by("Client", url, client, headers, options)
        self._chunks: Iterator[bytes] | None = None
        self._turn = Lock()
        self._woken = Flag()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Event:
        if not self._turn.acquire(blocking=False):
            raise RuntimeError("another call waits for this source's next event")
        try:
            connector = self._connector
            while not connector.closed:
                if connector.ready:
                    update = connector.ready.popleft()
                    if isinstance(update, Event):
                        return update
                    connector.report(update)
                elif connector.state == "closed":
                    connector.closed = True
                else:
                    self._advance()
            raise StopIteration
        finally:
            self._turn.release()
            if self._connector.closed:
                self._finish()

    def _advance(self) -> None:
        """Waits, connects or reads: one of them."""
        connector = self._connector
        try:
            if self._chunks is None:
                if connector.wait:
                    self._woken.wait(connector.wait)
                    connector.wait = 0.0
                    return
                self._connect()
            elif (chunk := next(self._chunks, None)) is None:
                connector.failed(None)
            elif connector.feed(chunk):
                return
        except (connector.httpx.RequestError, connector.httpx.InvalidURL) as error:
            if not connector.closed:
                connector.failed(error)
        except connector.httpx.StreamError:
            # It was closed meanwhile, with the caller's client perhaps.
            if not connector.closed:
                connector.lose("network", "the answer was closed")
        except BaseException:
            # Such as KeyboardInterrupt in the midst of reading: there is no going on with this connection.
            if not connector.closed and self._chunks is not None:
                connector.lose("network", "interrupted")
            self._tidy(False)
            raise
        if connector.state != "open":
            self._tidy(False)

    def _connect(self) -> None:
        connector = self._connector
        headers = connector.headers() if callable(connector.headers) else connector.headers
        request, options = connector.make(headers)
        response = self._client.send(request, **options)
        read = False
        try:
            read = connector.respond(response)
        finally:
            if not read:
                response.close()
        if read:
            self._chunks = response.iter_bytes()

    def _tidy(self, final: bool) -> None:
        self._chunks = None
        response = self._connector.release()
        if response is not None:
            response.close()
        if final and self._connector.own:
            self._client.close()

    def close(self) -> None:
        """Closes the source and its connection, for good: no event follows. Any thread may do so, and any handler; a
        thread that waits for an event then finds that there is none. Over HTTP/2, and while a connection is being made,
        it finds so when that is over.
        """
        self._connector.close()
        self._woken.set()
        self._finish()

    def _finish(self) -> None:
        """Tidies up, unless another call does so when it has its turn's end."""
        if self._turn.acquire(blocking=False):
            try:
                self._tidy(True)
            finally:
                self._turn.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncEventSource(_Source, AsyncIterator[Event]):
    """The same under asyncio or trio: ``async for event in source``, on an ``httpx.AsyncClient``.

    ``headers`` may be an async function as well. A wait for an event that is cancelled gives the connection up; the
    next one resumes. ``async with`` closes the source, and so does ``aclose``.
    """

    @lists(SourceOptions)
    def __init__(
        self,
        url: str,
        *,
        client: httpx.AsyncClient | None = None,
        headers: Headers | Callable[[], Headers | Awaitable[Headers]] | None = None,
        **options: Unpack[SourceOptions],
    ) -> None:
        self._connect_by("AsyncClient", url, client, headers, options)
        self._chunks: Any = None
        self._turn = False
        self._wake: Callable[[], object] | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        if self._turn:
            raise RuntimeError("another task waits for this source's next event")
        self._turn = True
        try:
            connector = self._connector
            while not connector.closed:
                if connector.ready:
                    update = connector.ready.popleft()
                    if isinstance(update, Event):
                        return update
                    connector.report(update)
                elif connector.state == "closed":
                    connector.closed = True
                else:
                    await self._advance()
            await self._tidy(True)
            raise StopAsyncIteration
        finally:
            self._turn = False

    async def _advance(self) -> None:
        """Waits, connects or reads: one of them, unless the source is closed meanwhile."""
        import anyio

        connector = self._connector
        try:
            with anyio.CancelScope() as scope:
                soon = _soon()
                self._wake = lambda: soon(scope.cancel)
                if connector.closed:
                    return
                if self._chunks is None:
                    if connector.wait:
                        await anyio.sleep(connector.wait)
                        connector.wait = 0.0
                        return
                    await self._connect()
                elif (chunk := await anext(self._chunks, None)) is None:
                    connector.failed(None)
                elif connector.feed(chunk):
                    return
        except (connector.httpx.RequestError, connector.httpx.InvalidURL) as error:
            if not connector.closed:
                connector.failed(error)
        except connector.httpx.StreamError:
            if not connector.closed:
                connector.lose("network", "the answer was closed")
        except BaseException:
            # Such as a cancellation in the midst of reading: there is no going on with this connection.
            if not connector.closed and self._chunks is not None:
                connector.lose("network", "cancelled")
            with anyio.CancelScope(shield=True):
                await self._tidy(False)
            raise
        finally:
            self._wake = None
        if connector.state != "open":
            await self._tidy(False)

    async def _connect(self) -> None:
        connector = self._connector
        headers: Any = connector.headers() if callable(connector.headers) else connector.headers
        if inspect.isawaitable(headers):
            headers = await headers
        request, options = connector.make(headers)
        response = await self._client.send(request, **options)
        read = False
        try:
            read = connector.respond(response)
        finally:
            if not read:
                await response.aclose()
        if read:
            self._chunks = response.aiter_bytes()

    async def _tidy(self, final: bool) -> None:
        chunks, self._chunks = self._chunks, None
        response = self._connector.release()
        if chunks is not None:
            await chunks.aclose()
        if response is not None:
            await response.aclose()
        if final and self._connector.own:
            await self._client.aclose()

    def close(self) -> None:
        """Closes the source for good: no event follows. Any task, handler or thread may call it. The task that waits
        for an event finds that there is none, and gives the connection back; if no task waits, ``aclose`` does so.
        """
        self._connector.close()
        wake = self._wake
        if wake is not None:
            wake()

    async def aclose(self) -> None:
        """Closes the source for good, and its connection."""
        self.close()
        if not self._turn:
            self._turn = True
            try:
                await self._tidy(True)
            finally:
                self._turn = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


def _soon() -> Callable[[Callable[[], object]], object]:
    """How another thread has something run by the loop of this one."""
    if "trio" in sys.modules:
        trio = sys.modules["trio"]

        try:
            soon: Callable[[Callable[[], object]], object] = trio.lowlevel.current_trio_token().run_sync_soon
            return soon
        except RuntimeError:
            pass
    loop = asyncio.get_running_loop()

    def call_soon(call: Callable[[], object]) -> None:
        # The loop may be closed.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(call)

    return call_soon
