from collections.abc import AsyncIterable

from fastapi import FastAPI, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent

from broadcast import Broadcast
from server import serve

clients = Broadcast()
app = FastAPI()


@app.get("/", response_class=EventSourceResponse)
async def stream(request: Request) -> AsyncIterable[ServerSentEvent]:
    async for event in clients.events(request.scope):
        yield event


serve(app, lambda data: clients.publish(ServerSentEvent(raw_data=data)), clients.count, clients.waiting)
