"""An event on connecting, then an event of a type of its own with a comment each second, for any origin.

uvicorn time_fastapi:app
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from ssecast import Hub, Session
from ssecast.asgi import EventSourceResponse

hub = Hub(retry=10.0)


@asynccontextmanager
async def telling_the_time(_: FastAPI) -> AsyncIterator[None]:
    async def tell() -> None:
        while True:
            await asyncio.sleep(1)
            now = {"foo": int(time.time() * 1000), "name": "xutao"}
            hub.publish("time", now, event="onTimeChanged", comment="This is a Comment")

    task = asyncio.create_task(tell())
    yield
    task.cancel()


app = FastAPI(lifespan=telling_the_time)


@app.get("/stream")
async def stream() -> EventSourceResponse:
    headers = {"Access-Control-Allow-Origin": "*"}
    return EventSourceResponse(hub, topics=["time"], headers=headers, on_connect=greet)


def greet(session: Session) -> None:
    session.send(time.ctime(), event="connecttime")
