"""What ../servers/server.mjs is for Node: serves event streams on a port of its own and publishes when it is told to,
on standard input; answers are lines of JSON. Every server of the bench that runs under uvicorn does it in this way."""

import asyncio
import gc
import json
import socket
import sys
from collections.abc import Awaitable, Callable
from time import monotonic_ns
from typing import Any

import uvicorn

__all__ = ["AHEAD", "answer", "listen", "marked", "report", "serve"]

# A server may be so many events ahead of its slowest client; then it waits.
AHEAD = 16

# Seconds that the task sleeps whose lateness is the event loop's delay.
SAMPLE = 0.01


def serve(
    app: Callable[..., Awaitable[None]],
    publish: Callable[[str], object],
    count: Callable[[], int],
    waiting: Callable[[int], float],
) -> None:
    """Runs an ASGI application, with uvicorn at its fastest. ``count`` is the clients that the next event will reach;
    ``waiting`` is how many bytes wait for the slowest client, when events have so many.

    A request's scope has the connection's ``transport``, which is where a peer's bytes wait.
    """

    async def with_transport(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            scope["transport"] = receive.__self__.transport
        await app(scope, receive, send)

    config = uvicorn.Config(with_transport, http="httptools", loop="uvloop", log_level="warning", access_log=False)
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(_main(uvicorn.Server(config), publish, count, waiting))


async def _main(server: Any, publish: Any, count: Any, waiting: Any) -> None:
    listener = listen()
    task = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:
        await asyncio.sleep(0.001)
    answer(port=listener.getsockname()[1])
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := (await lines.readline()).decode():
        match line.split():
            case ["publish", size, rate, milliseconds]:
                answer(**await _publish_for(publish, waiting, int(size), float(rate), float(milliseconds)))
            case ["count"]:
                answer(count=count())
            case ["gc"]:
                gc.collect()
                answer()
    # The parent process is gone, or done.
    task.cancel()


async def _publish_for(publish: Any, waiting: Any, size: int, rate: float, milliseconds: float) -> dict[str, Any]:
    calls: list[int] = []
    blocked: list[int] = []
    delays: list[int] = []
    watch = asyncio.create_task(_watch(delays))
    start = monotonic_ns()
    published = 0
    while (elapsed := (monotonic_ns() - start) / 1e9) < milliseconds / 1000:
        due = published / rate - elapsed if rate else 0
        if due > 0:
            await asyncio.sleep(due)
        elif not rate and waiting(size) > AHEAD * size:
            await asyncio.sleep(0.001)
            continue
        await _turn(publish, marked(published, size), calls, blocked)
        published += 1
    watch.cancel()
    return report(published, calls, blocked, delays)


async def _turn(publish: Any, data: str, calls: list[int], blocked: list[int]) -> None:
    """Publishes in a turn of its own. What publishing woke runs in the next one: the loop is blocked until that is
    over."""
    loop = asyncio.get_running_loop()
    done = loop.create_future()

    def begin() -> None:
        start = monotonic_ns()
        publish(data)
        calls.append(monotonic_ns() - start)
        loop.call_soon(end, start)

    def end(start: int) -> None:
        blocked.append(monotonic_ns() - start)
        done.set_result(None)

    loop.call_soon(begin)
    await done


async def _watch(delays: list[int]) -> None:
    """Sleeps, and looks at how much longer it was than it should be."""
    while True:
        start = monotonic_ns()
        await asyncio.sleep(SAMPLE)
        delays.append(max(0, monotonic_ns() - start - int(SAMPLE * 1e9)))


def listen() -> socket.socket:
    """A socket that listens on a free port."""
    return socket.create_server(("127.0.0.1", 0), backlog=511)


def answer(**values: Any) -> None:
    print(json.dumps(values), flush=True)


def marked(sequence: int, size: int) -> str:
    """Data of a given size, with the marker that the load client looks for: see ../load/src/marker.rs."""
    return f"@{sequence:010} {monotonic_ns():019}".ljust(size, "x")


def report(published: int, calls: list[int], blocked: list[int], delays: list[int]) -> dict[str, Any]:
    """What the rig is told of a run. A server without an event loop has no delays."""
    return {
        "published": published,
        "callMeanNs": sum(calls) / len(calls),
        "blockedMeanNs": sum(blocked) / len(blocked),
        "blockedP99Ns": _p99(blocked),
        **({"delayP99Ns": _p99(delays)} if delays else {}),
    }


def _p99(values: list[int]) -> int:
    return sorted(values)[len(values) * 99 // 100]
