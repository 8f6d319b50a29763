"""What people write by hand, at its best: the event is encoded once, and the same bytes go to each response."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from broadcast import Broadcast
from server import serve

clients = Broadcast()


async def stream(request: Request) -> StreamingResponse:
    return StreamingResponse(clients.events(request.scope), media_type="text/event-stream")


serve(
    Starlette(routes=[Route("/", stream)]),
    lambda data: clients.publish(f"data: {data}\n\n".encode()),
    clients.count,
    clients.waiting,
)
