"""A server in a thread of a program that ends it by itself, when it gets SIGUSR1: the server sees no signal."""

import asyncio
import importlib
import os
import signal
import sys
import threading

name, app = sys.argv[1:]
port = int(os.environ["PORT"])
module, attribute = {"broadcast": ("broadcast", "app"), "django": ("threads", "django_asgi")}[app]
application = getattr(importlib.import_module(module), attribute)
ends = threading.Event()
signal.signal(signal.SIGUSR1, lambda *_: ends.set())
if "IGNORE" in os.environ:
    signal.signal(signal.SIGTERM, lambda *_: None)

if name == "uvicorn":
    import uvicorn

    server = uvicorn.Server(uvicorn.Config(application, port=port))
    thread = threading.Thread(target=server.run)
else:
    import hypercorn.asyncio
    import hypercorn.config

    config = hypercorn.config.Config()
    config.bind = [f"127.0.0.1:{port}"]

    async def serve() -> None:
        async def trigger() -> None:
            await asyncio.to_thread(ends.wait)

        await hypercorn.asyncio.serve(application, config, shutdown_trigger=trigger)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))

thread.start()
while not ends.wait(0.05):
    pass
if name == "uvicorn":
    server.should_exit = True
thread.join()
