"""What people write by hand: a queue for each client, which a generator reads."""

from collections.abc import Iterator
from queue import SimpleQueue
from typing import Any

from sync_worker import serve

clients: set[SimpleQueue[bytes]] = set()


def app(environ: Any, start_response: Any) -> Iterator[bytes]:
    start_response("200 OK", [("Content-Type", "text/event-stream")])
    return events()


def events() -> Iterator[bytes]:
    queue: SimpleQueue[bytes] = SimpleQueue()
    clients.add(queue)
    try:
        yield b": connected\n\n"
        while True:
            yield queue.get()
    finally:
        clients.discard(queue)


def publish(data: str) -> None:
    event = f"data: {data}\n\n".encode()
    for queue in list(clients):
        queue.put(event)


def waiting(size: int) -> float:
    return max((queue.qsize() * size for queue in list(clients)), default=0)


serve(app, publish, lambda: len(clients), waiting)
