"""A hub behind plain ASGI, and the same behind Starlette with middleware in front of it."""

import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount

from ssecast import Event, Hub, SlowClient
from ssecast.asgi import EventSourceResponse

hub = Hub(slow_client=SlowClient(bytes=256 * 1024), max_connections=int(os.environ.get("MAX_CONNECTIONS", "10000")))
# What became of the streams: how they were delivered, and why they ended.
deliveries: list[str] = []
reasons: list[str] = []
cleaned: list[str] = []


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return
    query = {name: values[0] for name, values in parse_qs(scope["query_string"].decode()).items()}
    path = scope["path"]
    if path == "/stream":
        source, keywords = options(query)
        await EventSourceResponse(source, **keywords)(scope, receive, send)
    elif path == "/publish":
        publish(query)
        await answer(send, None)
    else:
        await answer(send, look(path))


def options(query: dict[str, str]) -> tuple[Any, dict[str, Any]]:
    """What a stream is made of, for a request's query."""
    keywords: dict[str, Any] = {
        "delivery": query.get("delivery", "auto"),
        "on_connect": lambda session: deliveries.append(session.delivery),
        "on_close": reasons.append,
        "farewell": Event(query["farewell"], event="bye") if "farewell" in query else None,
    }
    if "private" in query:
        return sources[query["private"]](), keywords
    return hub, {"topics": lambda request: ["ticks"], **keywords}


def publish(query: dict[str, str]) -> None:
    for number in range(int(query.get("count", "1"))):
        hub.publish("ticks", f"{number}" + "x" * int(query.get("pad", "0")))


def look(path: str) -> object:
    """What became of the streams."""
    found: dict[str, object] = {"/deliveries": deliveries, "/reasons": reasons, "/cleaned": cleaned}
    return found.get(path, hub.stats().connections)


async def answer(send: Any, value: object) -> None:
    body = json.dumps(value).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def words() -> AsyncIterator[object]:
    yield "one"
    yield b"two"
    yield {"event": "number", "data": 3, "id": "three"}
    yield Event("four", event="event")
    yield {"json": [5]}


def blocking() -> Iterator[str]:
    try:
        with hub.subscribe("ticks") as events:
            for event in events:
                yield str(event.data)
    finally:
        cleaned.append("blocking")


async def waiting() -> AsyncIterator[str]:
    try:
        async with hub.subscribe("ticks") as events:
            yield "ready"
            async for event in events:
                yield str(event.data)
    finally:
        cleaned.append("waiting")


async def failing() -> AsyncIterator[str]:
    yield "before"
    raise ValueError("the source is broken")


def many() -> list[str]:
    return [str(number) for number in range(1000)]


async def endless() -> AsyncIterator[str]:
    try:
        while True:
            yield "x" * 10_000
    finally:
        cleaned.append("endless")


sources: dict[str, Callable[[], Any]] = {
    source.__name__: source for source in (words, blocking, waiting, failing, many, endless)
}


class Base(BaseHTTPMiddleware):
    async def dispatch(self, request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        response = await call_next(request)
        response.headers["x-base"] = "was here"
        return response


class Compress:
    """Marks every response as encoded, as one that compresses whatever it gets does."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def encode(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"content-encoding", b"identity")]
            await send(message)

        await self.app(scope, receive, encode)


class Wrap:
    """Puts functions of its own in the place of the server's, as tracing does."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, lambda: receive(), lambda message: send(message))


STACK = {
    "cors": Middleware(CORSMiddleware, allow_origins=["*"]),
    "gzip": Middleware(GZipMiddleware),
    "compress": Middleware(Compress),
    "base": Middleware(Base),
    "wrap": Middleware(Wrap),
}
behind = Starlette(
    routes=[Mount("/", app)],
    middleware=[STACK[name] for name in os.environ.get("MIDDLEWARE", "").split(",") if name],
)
