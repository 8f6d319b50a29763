"""``ssecast-asgi.py auto``, or ``transport``, or ``send``: the delivery."""

import asyncio
import sys
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route

from backlog import LIMIT, Backlog
from server import serve
from ssecast import Hub, Session, SlowClient
from ssecast.asgi import EventSourceResponse

way: Any = sys.argv[1]
hub = Hub(slow_client=SlowClient(bytes=LIMIT))
backlog = Backlog(hub)
transports: set[asyncio.Transport] = set()


async def stream(request: Request) -> EventSourceResponse:
    transport = request.scope["transport"]

    def joined(session: Session) -> None:
        assert session.delivery == ("socket" if way == "auto" else way), f"delivery is {session.delivery}, not {way}"
        # Nothing waits in a transport that the engine writes past.
        if way != "auto":
            transports.add(transport)

    return EventSourceResponse(
        hub,
        topics=["bench"],
        delivery=way,
        on_connect=joined,
        on_close=lambda _: transports.discard(transport),
    )


def waiting(size: int) -> float:
    """What waits in the hub, and in the transports of those that it has handed everything over to."""
    in_transports = (transport.get_write_buffer_size() for transport in transports)
    return backlog.waiting(size) + max(in_transports, default=0)


serve(Starlette(routes=[Route("/", stream)]), backlog.publish, lambda: hub.stats().connections, waiting)
