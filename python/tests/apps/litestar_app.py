"""The hub of broadcast.py behind Litestar."""

from typing import Any

import broadcast
from litestar import Litestar, Request, get

from ssecast.litestar import EventSourceResponse


@get("/stream")
async def stream(request: Request[Any, Any, Any]) -> EventSourceResponse:
    source, options = broadcast.options(dict(request.query_params))
    response = EventSourceResponse(source, headers={"x-stream": "yes"}, **options)
    response.set_cookie("name", "value")
    return response


@get("/publish")
async def publish(request: Request[Any, Any, Any]) -> None:
    broadcast.publish(dict(request.query_params))


@get("/{name:str}")
async def look(request: Request[Any, Any, Any], name: str) -> object:
    return broadcast.look(f"/{name}")


app = Litestar([stream, publish, look])
