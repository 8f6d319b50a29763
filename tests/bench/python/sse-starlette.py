from sse_starlette import EventSourceResponse
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route

from broadcast import Broadcast
from server import serve

clients = Broadcast()


async def stream(request: Request) -> EventSourceResponse:
    return EventSourceResponse(clients.events(request.scope))


serve(
    Starlette(routes=[Route("/", stream)]),
    lambda data: clients.publish({"data": data}),
    clients.count,
    clients.waiting,
)
