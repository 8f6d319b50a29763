"""The servers whose connections ssecast knows how to write to: one file for each.

ASGI gives an application no way to its connection. What is looked up here is the only way to the deliveries ``socket``
and ``transport``. If anything is not as expected the stream goes through ``send``, which every server has.

A server is recognised by the exact class, or the exact code, of what it has given to the application. Nothing of a
server is imported, and an unknown object is left alone.
"""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

__all__ = ["Connection", "connection_of"]


class Connection(Protocol):
    """A connection over which a response goes out, as its server has it."""

    transport: asyncio.Transport
    exclusive: bool
    """Whether nothing else goes out over the connection meanwhile."""

    def is_framed(self) -> bool | None:
        """Whether the response's body goes out as chunks, and as it is. None: its head has not been written yet."""

    async def drain(self) -> None:
        """Waits until the transport's buffer is below the server's own mark."""


def connection_of(receive: Any, send: Any) -> Connection | None:
    """The connection of an ASGI request, for the functions that the application was called with."""
    from ssecast._streams.servers import hypercorn, uvicorn

    try:
        receive, send = _unwrap(receive, send)
        return uvicorn.connection_of(receive) or hypercorn.connection_of(send)
    except (AttributeError, ValueError):
        # Another version of the server: the stream goes through `send`, as under an unknown one.
        return None


def is_exactly(value: object, module: str, name: str) -> bool:
    """Whether a value's class is this one and none that is derived from it."""
    return type(value).__module__ == module and type(value).__qualname__ == name


def owner(method: object) -> object:
    """The object that a method is bound to."""
    return getattr(method, "__self__", None)


def variable(function: Any, name: str) -> object:
    """What a variable of the functions around a function holds.

    Middleware hides the server's own functions so: without this, every stream behind Starlette's would go by ``send``.
    """
    index = function.__code__.co_freevars.index(name)
    return function.__closure__[index].cell_contents


def local_of_task(qualified_name: str, module: str, name: str) -> object:
    """A variable of the coroutine that the running task was made for, if it is this one.

    Middleware that passes on functions of its own leaves no other trace of the server.
    """
    task = asyncio.current_task()
    frame = getattr(task and task.get_coro(), "cr_frame", None)
    if frame is None or frame.f_code.co_qualname != qualified_name or frame.f_globals.get("__name__") != module:
        return None
    return frame.f_locals.get(name)


# Starlette's middleware for functions runs the application in another task, with functions of its own.
_MIDDLEWARE = (
    "starlette.middleware.base",
    "BaseHTTPMiddleware.__call__.<locals>.call_next.<locals>.receive_or_disconnect",
)
# What it got as `send` is mostly that of Starlette's outermost middleware.
_OUTERMOST = ("starlette.middleware.errors", "ServerErrorMiddleware.__call__.<locals>._send")


def _unwrap(receive: Any, send: Any) -> tuple[Any, Any]:
    while _name(receive) == _MIDDLEWARE:
        request: Any = owner(variable(receive, "wrapped_receive"))
        receive, send = request._receive, request._send
    return receive, variable(send, "send") if _name(send) == _OUTERMOST else send


def _name(function: Any) -> tuple[str | None, str | None]:
    return getattr(function, "__module__", None), getattr(function, "__qualname__", None)
