"""Event streams for Starlette, FastAPI, and any other ASGI application.

>>> from ssecast import Hub
>>> from ssecast.asgi import EventSourceResponse
>>> hub = Hub()
>>> async def stream():  # an endpoint of FastAPI
...     return EventSourceResponse(hub, topics=["ticks"])
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any, Unpack

from ssecast._options import lists
from ssecast._streams.head import FINISHED, FULL, OVER, Headers, finished_headers, stream_headers, unavailable
from ssecast._streams.options import Options, Source, StreamOptions, refuse_unknown
from ssecast._streams.response_stream import ResponseStream
from ssecast._streams.servers import connection_of
from ssecast._streams.shutdown import ServerShutdown
from ssecast.errors import InvalidOptionError
from ssecast.session import Delivery, Session

if TYPE_CHECKING:
    from starlette.responses import Response
else:
    try:
        # FastAPI and Starlette know a response by its class.
        from starlette.responses import Response
    except ImportError:
        Response = object

__all__ = ["EventSourceResponse"]

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class EventSourceResponse(Response):
    """An event stream: of a hub's topics, or of an iterator's events for this client alone.

    Return it from an endpoint of Starlette or FastAPI, or call it as an ASGI application. Sends the head, and nothing
    else, in answer to HEAD. A hub that takes no more connections answers 503 with ``Retry-After``, or, to an
    EventSource, a stream that is nothing but a reconnection time. To a client that has all of topics that have ended
    the answer is 204. A client that has left by then is not registered.

    - ``source``: a :class:`Hub`; or an iterator, sync or async, whose values are strings, bytes, :class:`Event`, dicts
      with ``data`` and perhaps ``event``, ``id``, ``retry`` and ``comment``, or any other data for JSON. An async
      iterator is closed as soon as the client leaves. A sync one runs in a thread of its own. One that raises ends its
      stream with the reason ``error``: that is logged, and the connection is closed.
    - ``topics``: which of the hub's topics the client gets: a list, or a function of the ASGI scope.
    - ``replay``: what a client without a last event ID begins with: so many of the topics' last events, or ``"all"``
      that are kept. Default 0: it begins live.
    - ``ping``, ``send_timeout``: of an iterator's stream, in seconds: how much silence before a heartbeat (default 15;
      0 for none), and how long a client may take nothing (default 30). A hub has options of its own for both.
    - ``max_event_bytes``: of an iterator's stream: the most bytes of one event. Default 16 MiB, as a parser's.
    - ``finish``: whether a client whose iterator has no more stays away. An ``EventSource`` comes back after every
      other end, and would get the answer again.
    - ``status_code``: 200, and nothing else; it is there as FastAPI looks for it in a ``response_class``.
    - ``headers``: more headers.
    - ``last_event_id``: where to continue, if not where the client says in its header.
    - ``delivery``: ``"auto"``; or ``"transport"`` or ``"send"`` to keep the engine's threads out of it.
    - ``farewell``: an event that the client gets at last when the server shuts down.
    - ``on_connect``: called with the :class:`Session` when the stream has begun. If it is async it is cancelled when
      the stream ends.
    - ``on_close``: called with the reason when the stream has ended: ``client``, ``server``, ``shutdown``, ``lagged``
      or ``error``.
    - ``background``: a Starlette background task, which runs when the response is over.

    >>> async def tokens():
    ...     yield {"event": "token", "data": "Hello"}
    >>> response = EventSourceResponse(tokens(), ping=5)
    """

    charset = "utf-8"
    # FastAPI documents an endpoint whose `response_class` this is.
    media_type = "text/event-stream"

    @lists(Options)
    def __init__(
        self,
        source: Source,
        *,
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        background: Callable[[], Awaitable[None]] | None = None,
        **options: Unpack[Options],
    ) -> None:
        if status_code != 200:
            raise InvalidOptionError("status_code", f"must be 200, or clients see no stream, not {status_code}")
        refuse_unknown(options)
        self._options = StreamOptions(source, **options)
        # What Starlette's own responses have: middleware and `set_cookie` use them.
        self.status_code = 200
        self.body = b""
        self.background: Any = background
        self.raw_headers = _encoded(stream_headers(headers))
        self._session: Session | None = None

    @property
    def delivery(self) -> Delivery | None:
        """How the bytes go out; None before the stream has begun."""
        return None if self._session is None else self._session.delivery

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            problem = "no event loop of asyncio runs here; under trio, have the server, or the test client, use asyncio"
            await self._options.release()
            raise RuntimeError(f"ssecast needs asyncio: {problem}") from None
        try:
            await self._serve(scope, receive, send)
        finally:
            if self._session is None:
                await self._options.release()
        if self.background is not None:
            await self.background()

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        shutdown = ServerShutdown.of(scope)
        gone = asyncio.create_task(_wait_for_disconnect(receive))
        try:
            topics = await self._options.topics(scope)
            # A client that has left is known by now.
            await asyncio.sleep(0)
            if not gone.done():
                await self._open(topics, gone, shutdown, scope, receive, send)
        finally:
            shutdown.forget()
            gone.cancel()

    async def _open(
        self,
        topics: Sequence[str],
        gone: asyncio.Task[None],
        shutdown: ServerShutdown,
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        options = self._options
        connection = connection_of(receive, send)
        header = next((bytes(value) for name, value in scope["headers"] if name == b"last-event-id"), None)
        last_event_id = options.last_event_id(header)
        try:
            if scope["method"] == "HEAD":
                options.check(topics, last_event_id)
                await _answer(send, 200, self.raw_headers, b"")
                return
            session = self._session = Session(options.hub, topics, last_event_id, options.replay)
        except OVER:
            given = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in self.raw_headers]
            await _answer(send, FINISHED, _encoded(finished_headers(given)), b"")
            return
        except FULL:
            accept = ",".join(value.decode("latin-1") for name, value in scope["headers"] if name == b"accept")
            status, headers, body = unavailable(options.hub, scope["method"], accept, [])
            await _answer(send, status, _encoded(headers) or self.raw_headers, body)
            return

        async def send_head() -> None:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            # A middleware may hold the head back until it has seen some of the body.
            await send_body(b"")

        async def send_body(body: bytes) -> None:
            await send({"type": "http.response.body", "body": body, "more_body": True})

        direct = scope["method"] == "GET" and scope.get("http_version") == "1.1"
        if await ResponseStream(options, session, gone, shutdown, connection, send_body).run(send_head, direct=direct):
            await send({"type": "http.response.body", "body": b"", "more_body": False})


def _encoded(headers: Headers) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]


async def _answer(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def _wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
