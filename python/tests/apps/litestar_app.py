"""The rooms of broadcast.py behind Litestar."""

from typing import Any

from litestar import Litestar, Request, get

from broadcast import rooms
from ssecast.litestar import EventSourceResponse


@get("/stream")
async def stream(request: Request[Any, Any, Any]) -> EventSourceResponse:
    query = dict(request.query_params)
    source, options = rooms[query["room"]].stream(query)
    response = EventSourceResponse(source, headers={"x-stream": "yes"}, **options)
    response.set_cookie("name", "value")
    return response


@get("/{action:str}")
async def act(request: Request[Any, Any, Any], action: str) -> object:
    query = dict(request.query_params)
    return rooms[query["room"]].do(action, query)


app = Litestar([stream, act])
