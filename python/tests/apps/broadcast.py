"""Streams behind plain ASGI (`app`), and behind Starlette with middleware in front of them (`behind`)."""

import asyncio
import json
import os
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount

from queries import replay
from sockets import user_timeouts
from ssecast import Event, Hub, SlowClient
from ssecast.asgi import EventSourceResponse


class Room:
    """A hub of a test's own, and what became of its streams."""

    def __init__(self, name: str) -> None:
        limit = 1 if name.startswith("small") else 1000
        self.hub = Hub(slow_client=SlowClient(bytes=256 * 1024), max_connections=limit)
        self.deliveries: list[str] = []
        self.reasons: list[str] = []
        self.cleaned: list[str] = []
        self.asked = 0
        self.door = asyncio.Event()

    async def topics(self, _: object) -> list[str]:
        """Waits until a test opens the door."""
        self.asked += 1
        await self.door.wait()
        return ["ticks"]

    async def pause(self, _: object) -> list[str]:
        """Takes its time."""
        self.asked += 1
        await asyncio.sleep(0.7)
        return ["ticks"]

    def look(self) -> dict[str, object]:
        return {
            "connections": self.hub.stats().connections,
            "deliveries": self.deliveries,
            "reasons": self.reasons,
            "cleaned": self.cleaned,
            "asked": self.asked,
            "user_timeouts": user_timeouts(),
        }

    def do(self, action: str, query: dict[str, str]) -> object:
        """What is not a stream."""
        if action == "publish":
            for number in range(int(query.get("count", "1"))):
                self.hub.publish("ticks", f"{number}" + "x" * int(query.get("pad", "0")))
        elif action == "end-topic":
            self.hub.end_topic("ticks")
        elif action == "close":
            self.hub.close(Event("the hub closes", event="bye"))
        elif action == "open":
            self.door.set()
        return self.look()

    def stream(self, query: dict[str, str]) -> tuple[Any, dict[str, Any]]:
        """What a stream is made of."""
        keywords: dict[str, Any] = {
            "delivery": query.get("delivery", "auto"),
            "on_connect": lambda session: self.deliveries.append(session.delivery),
            "on_close": self.reasons.append,
            "farewell": Event("the server ends", event="bye") if "farewell" in query else None,
        }
        if "source" in query:
            keywords["finish"] = "finish" in query
            return getattr(self, query["source"])(), keywords
        topics = self.topics if "door" in query else self.pause if "pause" in query else ["ticks"]
        return self.hub, {"topics": topics, "replay": replay(query), **keywords}

    # Sources of private streams.

    async def words(self) -> AsyncIterator[object]:
        yield "one"
        yield b"two"
        yield {"event": "number", "data": 3, "id": "three"}
        yield Event("four", event="event")
        yield {"json": [5]}

    def blocking(self) -> Iterator[str]:
        try:
            with self.hub.subscribe("ticks") as events:
                yield "ready"
                for event in events:
                    yield str(event.data)
        finally:
            self.cleaned.append("blocking")

    async def waiting(self) -> AsyncIterator[str]:
        try:
            async with self.hub.subscribe("ticks") as events:
                yield "ready"
                async for event in events:
                    yield str(event.data)
        finally:
            self.cleaned.append("waiting")

    async def stubborn(self) -> AsyncIterator[str]:
        """Does not end when it is asked to."""
        try:
            yield "ready"
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(3600)

    async def failing(self) -> AsyncIterator[str]:
        yield "before"
        raise ValueError("the source is broken")

    def failing_thread(self) -> Iterator[str]:
        yield "before"
        raise ValueError("the source is broken")

    def many(self) -> list[str]:
        return [str(number) for number in range(1000)]

    def subscription(self) -> AsyncIterator[object]:
        return self.hub.subscribe("ticks")

    async def endless(self) -> AsyncIterator[str]:
        try:
            while True:
                yield "x" * 10_000
        finally:
            self.cleaned.append("endless")


class Rooms(defaultdict[str, Room]):
    def __missing__(self, name: str) -> Room:
        room = self[name] = Room(name)
        return room


rooms = Rooms()


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await live(receive, send)
        return
    query = dict(parse_qsl(scope["query_string"].decode()))
    room, action = rooms[query["room"]], scope["path"].lstrip("/")
    if action == "stream":
        source, keywords = room.stream(query)
        await EventSourceResponse(source, **keywords)(scope, receive, send)
        return
    body = json.dumps(room.do(action, query)).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def live(receive: Any, send: Any) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


class Base(BaseHTTPMiddleware):
    async def dispatch(self, request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        response = await call_next(request)
        response.headers["x-base"] = "was here"
        return response


class Encode:
    """Marks every response as encoded, as one that compresses whatever it gets does."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def encode(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"content-encoding", b"identity")]
            await send(message)

        await self.app(scope, receive, encode)


class Hold:
    """Holds the head back until there is a body, as one that compresses does."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        head: list[Any] = []

        async def hold(message: Any) -> None:
            if message["type"] == "http.response.start":
                head.append(message)
                return
            while head:
                await send(head.pop())
            await send(message)

        await self.app(scope, receive, hold)


class Task:
    """Runs the application in a task of its own, as middleware for functions does."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await asyncio.create_task(self.app(scope, receive, send))


class Wrap:
    """Puts functions of its own in the place of the server's, as tracing does."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, lambda: receive(), lambda message: send(message))


STACK = {
    "cors": Middleware(CORSMiddleware, allow_origins=["*"]),
    "gzip": Middleware(GZipMiddleware),
    "base": Middleware(Base),
    "encode": Middleware(Encode),
    "hold": Middleware(Hold),
    "wrap": Middleware(Wrap),
    "task": Middleware(Task),
}
behind = Starlette(
    routes=[Mount("/", app)],
    middleware=[STACK[name] for name in os.environ.get("MIDDLEWARE", "").split(",") if name],
)
