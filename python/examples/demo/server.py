"""The demo: one FastAPI application and one hub. ``make demo-python`` starts it; PORT chooses the page's port."""

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

import uvicorn
from fastapi import Body, FastAPI, Request
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from slow_client import SlowClient

import ssecast
from ssecast import History, Hub, Session
from ssecast.asgi import EventSourceResponse

PAGE = Path(__file__).parents[3] / "examples/demo-page"

# Smaller than the defaults, so that a slow client is past them while you watch.
HISTORY_EVENTS, HISTORY_BYTES, HISTORY_SECONDS = 20_000, 32 << 20, 20
SLOW_BYTES, SLOW_SECONDS = 512 << 10, 30
RETRY = 1.5

# What the demo publishes, and what its clients hear of their connection. Its numbers are the proof, so a visitor may
# not write there.
OWN_TOPICS = ["ticks", "blocks", "stats"]
OWN_TYPES = ["tick", "block", "stats", "worker", "reset", "open", "error"]

hub = Hub(
    history=History(events=HISTORY_EVENTS, bytes=HISTORY_BYTES, seconds=HISTORY_SECONDS),
    slow_client=ssecast.SlowClient(bytes=SLOW_BYTES, seconds=SLOW_SECONDS),
    retry=RETRY,
)
sessions: dict[str, Session] = {}
# The connections that are not the cards', by what they are for.
open_streams = {"slow": 0, "counters": 0}
counts = {"ticks": 0, "blocks": 0, "stats": 0}
rate = 20
due = 0.0


@asynccontextmanager
async def publishing(_: FastAPI) -> AsyncIterator[None]:
    """What the clients read, as long as a page is open: ticks, large blocks for the slow client, and the counters."""
    tasks = [
        asyncio.create_task(every(seconds, work))
        for seconds, work in [(0.05, publish_ticks), (0.1, publish_block), (0.25, publish_stats)]
    ]
    yield
    slow.close()
    for task in tasks:
        task.cancel()


app = FastAPI(lifespan=publishing)


@app.get("/stream")
async def stream(client: str, topics: str) -> EventSourceResponse:
    async def connected(session: Session) -> None:
        sessions[client] = session
        if client in open_streams:
            open_streams[client] += 1
        try:
            await session.wait_closed()
        finally:
            if client in open_streams:
                open_streams[client] -= 1
            if sessions.get(client) is session:
                del sessions[client]

    anyone = {"Access-Control-Allow-Origin": "*"}
    return EventSourceResponse(hub, topics=topics.split(","), headers=anyone, on_connect=connected)


@app.post("/publish")
async def publish(
    topic: Annotated[str, Body()], data: Annotated[Any, Body()], event: Annotated[str | None, Body()] = None
) -> Any:
    if topic in OWN_TOPICS:
        own = f"The topic {topic} is the demo's own: its numbers are the proof. Take another, such as board."
        return JSONResponse({"field": "topic", "message": own}, 400)
    if event in OWN_TYPES:
        own = f"The event type {event} is the demo's own. Take another, such as notice."
        return JSONResponse({"field": "event", "message": own}, 400)
    published = hub.publish(topic, data, event=event)
    return {"id": published.id, "subscribers": published.subscribers}


@app.post("/clients/{client}/cut", status_code=204)
async def cut(client: str) -> None:
    if client in sessions:
        sessions[client].close()


@app.post("/rate", status_code=204)
async def change_rate(chosen: Annotated[int, Body(alias="rate", embed=True)]) -> None:
    global rate
    rate = min(max(chosen, 1), 500)


@app.post("/slow/stall")
async def stall() -> dict[str, Any]:
    return slow.stall()


@app.post("/slow/read")
async def read() -> dict[str, Any]:
    return slow.read()


@app.get("/settings")
async def settings() -> dict[str, Any]:
    return {
        "host": "FastAPI",
        "history": {"events": HISTORY_EVENTS, "bytes": HISTORY_BYTES, "ms": HISTORY_SECONDS * 1000},
        "slowClient": {"bytes": SLOW_BYTES, "ms": SLOW_SECONDS * 1000, "policy": "disconnect"},
        "retryMs": RETRY * 1000,
        "own": {"topics": OWN_TOPICS, "types": OWN_TYPES},
        "streamPorts": [listener.getsockname()[1] for listener in listeners[1:]],
    }


@app.exception_handler(ssecast.Error)
async def refused(_: Request, error: ssecast.Error) -> JSONResponse:
    """A publication that is refused says which field is wrong, and why."""
    return JSONResponse({"code": error.code, "field": error.field, "message": str(error)}, 400)


app.mount("/", StaticFiles(directory=PAGE, html=True))


async def every(seconds: float, work: Callable[[], None]) -> None:
    while True:
        await asyncio.sleep(seconds)
        # As long as a client besides the slow one watches.
        if sessions.keys() - {"slow"}:
            work()
        else:
            slow.close()


def publish_numbered(topic: str, event: str, **more: str) -> None:
    """Publishes the next event of a numbered series: the numbers let a client prove that it has every one."""
    counts[topic] += 1
    hub.publish(topic, {"n": counts[topic], "at": now(), **more}, event=event)


def publish_ticks() -> None:
    global due
    due += rate / 20
    while due >= 1:
        due -= 1
        publish_numbered("ticks", "tick")


def publish_block() -> None:
    slow.open()
    # Fills the buffers of the system fast; from then on the lag grows slowly enough to watch.
    kibibytes = 16 if hub.stats().lag_bytes > 0 else 96
    publish_numbered("blocks", "block", filling="x" * (kibibytes << 10))


def publish_stats() -> None:
    stats = hub.stats()
    counters = {
        "connections": stats.connections,
        "published": stats.published,
        "delivered": stats.delivered,
        "bytes": stats.bytes,
        "historyEvents": stats.history_events,
        "heldBytes": stats.held_bytes,
        "lagBytes": stats.lag_bytes,
        "disconnects": stats.disconnects,
        "resets": stats.resets,
        "open": open_streams,
        "counts": counts,
    }
    hub.publish("stats", {**counters, "at": now(), "rate": rate, "slow": slow.report()}, event="stats")
    counts["stats"] += 1


def now() -> int:
    return int(time.time() * 1000)


def listen(port: int) -> socket.socket:
    """Listens on the port, or on any free one if it is taken."""
    try:
        return socket.create_server(("127.0.0.1", port))
    except OSError:
        print(f"port {port} is taken; using a free one")
        return socket.create_server(("127.0.0.1", 0))


# A browser opens six HTTP/1.1 connections to one origin, and each port is an origin: more ports, more clients.
first = int(os.environ.get("PORT", "3000"))
listeners = [listen(first and first + more) for more in range(4)]
address = f"http://127.0.0.1:{listeners[0].getsockname()[1]}"
print(f"ssecast demo: {address}", flush=True)
slow = SlowClient(f"{address}/stream?client=slow&topics=blocks")

# uvicorn ends every stream, after what was published before, and then calls the handler that it had replaced.
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda *_: sys.exit())
uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=listeners)
