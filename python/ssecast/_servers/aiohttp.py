"""aiohttp's server."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable
from typing import Any

from aiohttp import web
from aiohttp.http_writer import StreamWriter
from aiohttp.web_protocol import RequestHandler

__all__ = ["AiohttpConnection", "connection_of"]


def connection_of(request: web.BaseRequest, response: web.StreamResponse) -> AiohttpConnection | None:
    """The connection of a request, unless it is somebody's own kind of one."""
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

    def is_framed(self) -> bool | None:
        if not self._response.prepared:
            return None
        return self._writer.chunked and self._writer._compress is None

    async def drain(self) -> None:
        await self._protocol._drain_helper()

    def watch(self, shutdown: Callable[[], None]) -> Callable[[], None]:
        watch = _watches.get(self._manager)
        if watch is None:
            watch = _watches[self._manager] = _Watch(self._manager)
        watch.open[self._protocol] = shutdown, self.gone

        def stop() -> None:
            del watch.open[self._protocol]
            if not watch.open:
                watch.stop()

        return stop


class _Watch:
    """What a server does to the connections that have streams. A handler is not told, but the server is: by these
    methods, which are the instance's own while it has streams."""

    def __init__(self, manager: Any) -> None:
        self.open: dict[RequestHandler, tuple[Callable[[], None], asyncio.Future[None]]] = {}
        self._manager = manager
        pre_shutdown, connection_lost = manager.pre_shutdown, manager.connection_lost

        def shut_down() -> None:
            pre_shutdown()
            for shutdown, _ in list(self.open.values()):
                shutdown()

        def lost(handler: RequestHandler, error: BaseException | None = None) -> None:
            connection_lost(handler, error)
            if handler in self.open and not self.open[handler][1].done():
                self.open[handler][1].set_result(None)

        manager.pre_shutdown, manager.connection_lost = shut_down, lost

    def stop(self) -> None:
        del self._manager.pre_shutdown, self._manager.connection_lost
        del _watches[self._manager]


_watches: weakref.WeakKeyDictionary[web.Server, _Watch] = weakref.WeakKeyDictionary()
