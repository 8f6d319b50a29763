"""hypercorn on asyncio."""

from __future__ import annotations

import asyncio
from typing import Any

from ssecast._streams.servers import is_exactly, local_of_task, owner

__all__ = ["connection_of"]


def connection_of(send: object) -> HypercornConnection | None:
    """That of a request's stream: the owner of ``send``, or of what the task got as ``send``."""
    for method in (send, local_of_task("_handle", "hypercorn.asyncio.task_group", "send")):
        stream: Any = owner(method)
        if is_exactly(stream, "hypercorn.protocol.http_stream", "HTTPStream"):
            protocol: Any = owner(stream.send)
            server: Any = owner(getattr(protocol, "send", None))
            if is_exactly(server, "hypercorn.asyncio.tcp_server", "TCPServer"):
                return HypercornConnection(stream, protocol, server)
    return None


class HypercornConnection:
    """A connection while a request is answered."""

    def __init__(self, stream: Any, protocol: Any, server: Any) -> None:
        self.transport: asyncio.Transport = server.writer.transport
        self.exclusive = is_exactly(protocol, "hypercorn.protocol.h11", "H11Protocol")
        self._stream = stream
        self._server = server

    def is_framed(self) -> bool | None:
        if not self.exclusive:
            return False
        if self._stream.state.name == "REQUEST":
            return None
        names = {bytes(name).lower() for name, _ in self._stream.response.get("headers", [])}
        return names.isdisjoint((b"content-encoding", b"content-length"))

    async def drain(self) -> None:
        await self._server.writer.drain()
