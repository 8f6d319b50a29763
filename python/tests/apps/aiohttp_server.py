"""The hub of broadcast.py behind aiohttp's server, which listens at $PORT, with TLS if there is a $CERTIFICATE."""

import os
import ssl

import broadcast
from aiohttp import web

from ssecast.aiohttp import EventSourceResponse


async def stream(request: web.Request) -> web.StreamResponse:
    source, options = broadcast.options(dict(request.query))
    return EventSourceResponse(source, **options)


async def publish(request: web.Request) -> web.Response:
    broadcast.publish(dict(request.query))
    return web.json_response(None)


async def look(request: web.Request) -> web.Response:
    return web.json_response(broadcast.look(request.path))


app = web.Application()
app.add_routes([web.get("/stream", stream), web.get("/publish", publish), web.get("/{name}", look)])

if __name__ == "__main__":
    context = None
    if certificate := os.environ.get("CERTIFICATE"):
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
    web.run_app(app, host="127.0.0.1", port=int(os.environ["PORT"]), ssl_context=context)
