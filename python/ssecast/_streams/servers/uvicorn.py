"""uvicorn, with httptools or h11."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from ssecast._streams.servers import is_exactly, local_of_task, owner

__all__ = ["connection_of"]

PROTOCOLS = {
    "uvicorn.protocols.http.httptools_impl": "HttpToolsProtocol",
    "uvicorn.protocols.http.h11_impl": "H11Protocol",
}


def connection_of(receive: object) -> UvicornConnection | None:
    """That of a request's cycle: the owner of ``receive``, or of the task, if a middleware has its own ``receive``."""
    for module, name in PROTOCOLS.items():
        for cycle in (owner(receive), local_of_task("RequestResponseCycle.run_asgi", module, "self")):
            if is_exactly(cycle, module, "RequestResponseCycle"):
                return _connection(cycle, module, name)
    return None


def _connection(cycle: Any, module: str, name: str) -> UvicornConnection | None:
    protocol = cycle.transport.get_protocol()
    if cycle.response_started or not is_exactly(protocol, module, name):
        return None
    return UvicornConnection(cycle, protocol)


class UvicornConnection:
    """A connection while its request is answered."""

    exclusive = True

    def __init__(self, cycle: Any, protocol: Any) -> None:
        self.transport: asyncio.Transport = cycle.transport
        self._cycle = cycle
        self._protocol = protocol
        self._head: bytes | None = None
        # uvicorn forgets the head's headers, and a middleware may have changed them; so they are read as they go by.
        cycle.transport = _HeadReader(self.transport, self._read)

    def _read(self, head: bytes) -> None:
        if self._cycle.response_started:
            self._head = head.lower()
            self._cycle.transport = self.transport

    def is_framed(self) -> bool | None:
        if self._head is None:
            return None
        return b"\r\ntransfer-encoding: chunked\r\n" in self._head and b"\r\ncontent-encoding:" not in self._head

    async def drain(self) -> None:
        await self._cycle.flow.drain()


class _HeadReader:
    """A transport's stand-in until a response's head is written."""

    def __init__(self, transport: asyncio.Transport, read: Callable[[bytes], None]) -> None:
        self._transport = transport
        self._read = read

    def write(self, data: bytes) -> None:
        self._transport.write(data)
        self._read(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
