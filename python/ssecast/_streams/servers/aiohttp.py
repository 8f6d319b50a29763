"""aiohttp's server."""

from __future__ import annotations

import asyncio
import weakref
from typing import Any

from aiohttp import web
from aiohttp.http_writer import StreamWriter
from aiohttp.web_protocol import RequestHandler

__all__ = ["AiohttpConnection", "connection_of"]


def connection_of(request: web.BaseRequest, response: web.StreamResponse) -> AiohttpConnection | None:
    """The connection of a request, unless its class is derived from aiohttp's."""
    protocol, writer = request.protocol, request._payload_writer
    if type(protocol) is not RequestHandler or type(writer) is not StreamWriter or request.transport is None:
        return None
    if type(protocol._manager) is not web.Server:
        return None
    return AiohttpConnection(request.transport, protocol, writer, response)


class AiohttpConnection:
    """A connection while its request is answered."""

    exclusive = True

    def __init__(
        self,
        transport: asyncio.Transport,
        protocol: RequestHandler,
        writer: StreamWriter,
        response: web.StreamResponse,
    ) -> None:
        self.transport = transport
        self._protocol = protocol
        self._writer = writer
        self._response = response
        self._manager: web.Server = protocol._manager  # type: ignore[assignment]
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when the client has left."""
        watch = _watches.get(self._manager) or _Watch(self._manager)
        watch.open[protocol] = self.gone

    def is_framed(self) -> bool | None:
        if not self._response.prepared:
            return None
        return self._writer.chunked and self._writer._compress is None

    async def drain(self) -> None:
        await self._protocol._drain_helper()

    def forget(self) -> None:
        """Says that the response is over."""
        watch = _watches[self._manager]
        del watch.open[self._protocol]
        if not watch.open:
            watch.stop()


class _Watch:
    """The connections of a server that have streams. A handler is not told that its client leaves, but the server is:
    by this method, which is the instance's own while it has streams."""

    def __init__(self, manager: Any) -> None:
        self.open: dict[RequestHandler, asyncio.Future[None]] = {}
        self._manager = manager
        connection_lost = manager.connection_lost

        def lost(handler: RequestHandler, error: BaseException | None = None) -> None:
            connection_lost(handler, error)
            if handler in self.open and not self.open[handler].done():
                self.open[handler].set_result(None)

        manager.connection_lost = lost
        _watches[manager] = self

    def stop(self) -> None:
        del self._manager.connection_lost
        del _watches[self._manager]


_watches: weakref.WeakKeyDictionary[web.Server, _Watch] = weakref.WeakKeyDictionary()
