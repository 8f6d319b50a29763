"""Event streams for aiohttp's server.

>>> from aiohttp import web
>>> from ssecast import Hub
>>> from ssecast.aiohttp import EventSourceResponse
>>> hub = Hub()
>>> async def stream(request: web.Request) -> web.StreamResponse:
...     return EventSourceResponse(hub, topics=["ticks"])
>>> app = web.Application()
>>> _ = app.router.add_get("/stream", stream)
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Unpack

from aiohttp import HttpVersion11, web
from aiohttp.abc import AbstractStreamWriter

from ssecast._options import lists
from ssecast._streams.head import FINISHED, FULL, OVER, finished_headers, stream_headers, unavailable
from ssecast._streams.options import Options, Source, StreamOptions, refuse_unknown
from ssecast._streams.response_stream import ResponseStream
from ssecast._streams.servers.aiohttp import connection_of
from ssecast._streams.shutdown import ServerShutdown
from ssecast.session import Delivery, Session

__all__ = ["EventSourceResponse"]

logger = logging.getLogger("ssecast")

PLAIN = {"Content-Type": "text/plain; charset=utf-8"}


class EventSourceResponse(web.StreamResponse):
    """An event stream: of a hub's topics, or of an iterator's events for this client alone. Return it from a handler.

    The options are those of :class:`ssecast.asgi.EventSourceResponse`, but ``background``; ``topics`` may be a function
    of the request, which may raise ``web.HTTPForbidden`` and its like: that is the answer then. A handler that has more
    to do calls ``prepare``, uses ``session``, and returns the response then.
    """

    @lists(Options)
    def __init__(self, source: Source, *, headers: Mapping[str, str] | None = None, **options: Unpack[Options]) -> None:
        super().__init__(headers=stream_headers(headers))
        refuse_unknown(options)
        self._options = StreamOptions(source, **options)
        self._refusal = b""
        self._stream: asyncio.Task[bool] | None = None
        self.session: Session | None = None
        """The stream, once the response is prepared; None if it was refused, or the client has left."""

    @property
    def delivery(self) -> Delivery | None:
        """How the bytes go out; None before the stream has begun."""
        return None if self.session is None else self.session.delivery

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Sends the head, and lets the stream begin."""
        if self.prepared:
            return await super().prepare(request)
        # The server may end while `topics` is waited for.
        shutdown = ServerShutdown(request.get_extra_info("sockname"), request.get_extra_info("peername"))
        try:
            await self._admit(request)
        finally:
            if self.session is None:
                shutdown.forget()
                await self._options.release()
        if self.session is None:
            return await super().prepare(request)
        return await self._begin(request, self.session, shutdown)

    async def _admit(self, request: web.BaseRequest) -> None:
        """Opens the session, or makes this the response that refuses it: aiohttp closes the connection, without an
        answer, if what a handler has returned raises."""
        try:
            topics = await self._options.topics(request)
            if request.transport is None or request.transport.is_closing():
                raise ConnectionResetError("the client has left")
            self._open(request, topics)
        except OVER:
            self._refuse(FINISHED, dict(finished_headers(list(self.headers.items()))), b"")
        except FULL:
            accept = ",".join(request.headers.getall("Accept", ()))
            status, headers, body = unavailable(self._options.hub, request.method, accept, list(self.headers.items()))
            self._refuse(status, dict(headers), body)
        except web.HTTPException as error:
            self._refuse(error.status, error.headers, error.body)
        except ConnectionError:
            raise
        except Exception:
            logger.exception("topics failed")
            self._refuse(500, PLAIN, b"Internal Server Error")

    def _refuse(self, status: int, headers: Mapping[str, str], body: object) -> None:
        self.set_status(status)
        self.headers.clear()
        self.headers.update({name: value for name, value in headers.items() if name.lower() != "content-length"})
        self._refusal = body if isinstance(body, bytes) else b""

    def _open(self, request: web.BaseRequest, topics: Sequence[str]) -> None:
        # aiohttp reads headers as UTF-8, and keeps what is not.
        header = request.headers.get("Last-Event-ID", "").encode("utf-8", "surrogateescape")
        last_event_id = self._options.last_event_id(header)
        if request.method == "HEAD":
            self._options.check(topics, last_event_id)
        else:
            self.session = Session(self._options.hub, topics, last_event_id, self._options.replay)

    async def _begin(
        self, request: web.BaseRequest, session: Session, shutdown: ServerShutdown
    ) -> AbstractStreamWriter | None:
        connection = connection_of(request, self)
        gone = asyncio.get_running_loop().create_future() if connection is None else connection.gone
        try:
            writer = await super().prepare(request)
        except BaseException:
            shutdown.forget()
            session.left("error")
            raise
        response_stream = ResponseStream(self._options, session, gone, shutdown, connection, self.write)
        direct = request.method == "GET" and request.version == HttpVersion11
        # A task of its own: a handler that fails after `prepare` ends the stream with its connection.
        self._stream = asyncio.create_task(response_stream.run(_head_is_sent, direct=direct))

        def forget(_: object) -> None:
            shutdown.forget()
            if connection is not None:
                connection.forget()

        self._stream.add_done_callback(forget)
        return writer

    async def write_eof(self, data: bytes = b"") -> None:
        """Waits until the stream has ended, and ends the response."""
        if self._stream is not None and not await self._stream:
            raise ConnectionResetError("the stream was cut off")
        await super().write_eof(data or self._refusal)


async def _head_is_sent() -> None:
    pass
