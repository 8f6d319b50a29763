"""A stream that is finished, and the client that comes back nevertheless, as an EventSource does."""

from __future__ import annotations

import asyncio

import pytest
from rooms import Room

from servers import Server, serve_asgi, serve_wsgi
from ssecast import Hub
from ssecast.asgi import EventSourceResponse
from streams import Stream

ASGI = [
    ("uvicorn-httptools", "broadcast:app", "words"),
    ("gunicorn-asgi", "broadcast:app", "words"),
    ("daphne", "broadcast:app", "words"),
    ("aiohttp", "broadcast:app", "words"),
    ("uvicorn-h11", "litestar_app:app", "words"),
]


@pytest.mark.parametrize(("server", "app", "source"), ASGI)
def test_a_client_of_a_finished_stream_stays_away_under_asgi(server: str, app: str, source: str) -> None:
    with serve_asgi(server, app) as process, Room(process) as room:
        for delivery in ("auto", "send"):
            stream = room.stream(source=source, finish=1, delivery=delivery)
            assert len(stream.rest()) == 5
            assert stream.complete
            last_event_id = stream.body.decode().rpartition("id: ")[2].strip()
            # The last block is no event, and has an id of its own.
            assert stream.body.endswith(f"\n\nid: {last_event_id}\n\n".encode())
            deliveries = room.do("look")["deliveries"]
            for back in (
                room.stream(last_event_id=last_event_id, source=source, finish=1),
                room.stream(last_event_id=last_event_id),
            ):
                assert back.status == 204
                assert not back.headers.get("content-type", "").startswith("text/event-stream")
                back.close()
            assert room.do("look")["deliveries"] == deliveries
            room.wait(connections=0)
        # One that is over but not finished gives another stream.
        unfinished = room.stream(source=source)
        unfinished.rest()
        again_id = next(event.id for event in reversed(room.stream(source=source).rest()) if event.id)
        assert room.stream(source=source, last_event_id=again_id).status == 200


WSGI = [
    ("gunicorn-sync", "threads:plain"),
    ("gunicorn-gthread", "threads:flask_app"),
    ("waitress", "threads:django_app"),
    ("gevent", "threads:plain"),
]


@pytest.mark.parametrize(("server", "app"), WSGI)
def test_a_client_of_a_finished_stream_stays_away_under_wsgi(server: str, app: str) -> None:
    with serve_wsgi(server, app) as process:
        for delivery in ("auto", "send"):
            check(process, "/stream", delivery)


@pytest.mark.parametrize("path", ["/stream", "/async-stream"])
def test_a_client_of_a_finished_stream_stays_away_under_django_on_asgi(path: str) -> None:
    with serve_asgi("uvicorn-httptools", "threads:django_asgi") as process:
        check(process, path, "auto")


def check(process: Server, path: str, delivery: str) -> None:
    with Stream(process, f"{path}?source=numbers&finish=1&delivery={delivery}") as stream:
        assert [event.data for event in stream.rest()] == ["1", "2", "3", "4", '{"five":5}']
        last_event_id = stream.body.decode().rpartition("id: ")[2].strip()
    for query in ("source=numbers&finish=1", ""):
        with Stream(process, f"{path}?{query}", last_event_id=last_event_id) as back:
            assert (back.status, back.headers["x-extra"]) == (204, "1")
    process.eventually("/connections", 0)


def test_a_session_is_finished_by_itself() -> None:
    async def main() -> str:
        body = b""

        async def receive() -> dict[str, str]:
            await asyncio.Event().wait()
            raise AssertionError

        async def send(message: dict[str, object]) -> None:
            nonlocal body
            body += bytes(message.get("body", b""))  # type: ignore[call-overload]

        response = EventSourceResponse(Hub(), topics=["t"], on_connect=lambda session: session.finish())
        scope = {"type": "http", "method": "GET", "http_version": "1.1", "headers": []}
        await response(scope, receive, send)  # type: ignore[arg-type]
        return body.decode().rpartition("id: ")[2].strip()

    assert asyncio.run(main()) == "ssecast-finished"
    with pytest.raises(TypeError, match="finish is for an iterator"):
        EventSourceResponse(Hub(), topics=["t"], finish=True)
