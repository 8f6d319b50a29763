"""Streams of Litestar."""

from __future__ import annotations

from rooms import Room

from servers import SOON, serve_asgi


def test_a_handler_returns_a_stream_with_headers_and_cookies() -> None:
    with serve_asgi("uvicorn-httptools", "litestar_app:app") as server, Room(server) as room:
        stream = room.stream(farewell=1)
        room.wait(connections=1)
        assert stream.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert (stream.headers["x-stream"], stream.headers["set-cookie"].split(";")[0]) == ("yes", "name=value")
        words = room.stream(source="words")
        assert len(words.rest()) == 5
        assert words.complete
        words.close()
        room.do("publish")
        assert stream.data(1) == ["0"]
        assert room.do("look")["deliveries"] == ["socket", "socket"]
        assert server.terminate() < SOON
        assert [event.event for event in stream.rest()] == ["bye"]
