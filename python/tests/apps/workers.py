"""A hub in a store, in the workers of a server, behind plain WSGI (`wsgi`) and ASGI (`asgi`).

It is made before they are forked, if the server loads its application then.
"""

import json
import os
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qs

from ssecast import History, Hub
from ssecast.asgi import EventSourceResponse as AsgiResponse
from ssecast.wsgi import EventSourceResponse as WsgiResponse

hub = Hub(store=os.environ["STORE"], history=History(events=100_000))
MADE_IN = os.getpid()


def said(id: str | None) -> bytes:
    return json.dumps({"id": id, "worker": os.getpid(), "made_in": MADE_IN}).encode()


def wsgi(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    if environ["PATH_INFO"] == "/stream":
        return WsgiResponse(hub, topics=["t"])(environ, start_response)
    body = said(hub.publish("t", parse_qs(environ["QUERY_STRING"])["n"][0]).id)
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


async def asgi(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        return None
    if scope["path"] == "/stream":
        return await AsgiResponse(hub, topics=["t"])(scope, receive, send)
    body = said((await hub.publish_async("t", parse_qs(scope["query_string"].decode())["n"][0])).id)
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": 200, "headers": [length]})
    await send({"type": "http.response.body", "body": body})
    return None
