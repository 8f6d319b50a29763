"""hypercorn's HTTP/1.1 on asyncio; HTTP/2 and HTTP/3 share a connection between streams."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable
from typing import Any

from ssecast._servers import is_exactly, local_of_task, owner

__all__ = ["connection_of"]


def connection_of(send: object) -> HypercornConnection | None:
    """That of a request's stream: the owner of ``send``, or of what the task got as ``send``."""
    for method in (send, local_of_task("_handle", "hypercorn.asyncio.task_group", "send")):
        stream: Any = owner(method)
        if is_exactly(stream, "hypercorn.protocol.http_stream", "HTTPStream"):
            return HypercornConnection(stream)
    return None


class HypercornConnection:
    """A connection while a request is answered."""

    def __init__(self, stream: Any) -> None:
        self.transport: asyncio.Transport | None = None
        self._stream = stream
        protocol: Any = owner(stream.send)
        if is_exactly(protocol, "hypercorn.protocol.h11", "H11Protocol"):
            server: Any = owner(protocol.send)
            if is_exactly(server, "hypercorn.asyncio.tcp_server", "TCPServer"):
                self._server = server
                self.transport = server.writer.transport

    def is_framed(self) -> bool | None:
        if self._stream.state.name == "REQUEST":
            return None
        names = {bytes(name).lower() for name, _ in self._stream.response.get("headers", [])}
        return names.isdisjoint((b"content-encoding", b"content-length"))

    async def drain(self) -> None:
        await self._server.writer.drain()

    def watch(self, shutdown: Callable[[], None]) -> Callable[[], None]:
        context = self._stream.context
        watch = _watches.get(context)
        if watch is None:
            watch = _watches[context] = _Watch(context)
        watch.callbacks.add(shutdown)

        def stop() -> None:
            watch.callbacks.discard(shutdown)
            if not watch.callbacks and _watches.get(context) is watch:
                del _watches[context]
                watch.task.cancel()

        return stop


class _Watch:
    """One task for all streams of a worker; it waits for the worker's end."""

    def __init__(self, context: Any) -> None:
        self.callbacks: set[Callable[[], None]] = set()
        self.task = asyncio.create_task(self._wait(context.terminated))

    async def _wait(self, terminated: Any) -> None:
        await terminated.wait()
        for callback in list(self.callbacks):
            callback()


_watches: weakref.WeakKeyDictionary[Any, _Watch] = weakref.WeakKeyDictionary()
