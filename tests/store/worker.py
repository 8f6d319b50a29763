"""A worker in Python, as worker.c is one in C."""

import socket
import sys
import threading

import uvicorn
from fastapi import FastAPI

from ssecast import Hub
from ssecast.asgi import EventSourceResponse

hub, app = Hub(store=sys.argv[1]), FastAPI()


@app.get("/")
async def live():
    return EventSourceResponse(hub, topics=["news"])


@app.get("/all")
async def everything():
    return EventSourceResponse(hub, topics=["news"], replay="all")


def publish():
    for line in sys.stdin:
        if line == "!end\n":
            hub.end_topic("news")
            print("ended", flush=True)
        else:
            print(hub.publish("news", line.removesuffix("\n"), event="said").id, flush=True)
    server.should_exit = True


bound = socket.create_server(("127.0.0.1", 0))
server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
print(f"http://127.0.0.1:{bound.getsockname()[1]}/", flush=True)
threading.Thread(target=publish).start()
server.run(sockets=[bound])
