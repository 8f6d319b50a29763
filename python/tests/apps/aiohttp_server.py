"""The rooms of broadcast.py behind aiohttp's server, which listens at $PORT, with TLS if there is a $CERTIFICATE."""

import os
import ssl

from aiohttp import web

from broadcast import rooms
from ssecast.aiohttp import EventSourceResponse


async def handle(request: web.Request) -> web.StreamResponse:
    query = dict(request.query)
    room, action = rooms[query["room"]], request.path.lstrip("/")
    if action == "refuse":
        return EventSourceResponse(room.hub, topics=refuse)
    if action == "stream":
        source, options = room.stream(query)
        return EventSourceResponse(source, **options)
    return web.json_response(room.do(action, query))


async def refuse(request: web.Request) -> list[str]:
    """Topics that raise."""
    raise {"forbidden": web.HTTPForbidden, "found": Moved, "failed": ValueError}[request.query["how"]]


class Moved(web.HTTPFound):
    def __init__(self) -> None:
        super().__init__("/elsewhere")


app = web.Application()
app.router.add_get("/{action}", handle)

if __name__ == "__main__":
    context = None
    if certificate := os.environ.get("CERTIFICATE"):
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
    web.run_app(app, host="127.0.0.1", port=int(os.environ["PORT"]), ssl_context=context)
