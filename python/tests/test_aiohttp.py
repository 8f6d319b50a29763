"""What is aiohttp's own: `topics` that raise one of its responses."""

from __future__ import annotations

import pytest
from rooms import Room

from servers import serve_asgi
from streams import Stream


@pytest.mark.parametrize(
    ("how", "status", "body"),
    [("forbidden", 403, b"403: Forbidden"), ("found", 302, b"302: Found"), ("failed", 500, b"Internal Server Error")],
)
def test_topics_that_raise_answer_the_request(how: str, status: int, body: bytes) -> None:
    with serve_asgi("aiohttp", "broadcast:app") as server, Room(server) as room:
        with Stream(server, room.path("refuse", how=how)) as stream:
            stream.rest()
            assert (stream.status, stream.body) == (status, body)
            assert stream.headers["content-type"] == "text/plain; charset=utf-8"
            assert stream.headers.get("location") == ("/elsewhere" if how == "found" else None)
            # The connection serves the next request.
            stream.request(room.path("look"))
            stream.read_head()
            assert stream.status == 200
        if how == "failed":
            server.logged("topics failed")
        assert ("topics failed" in server.output) == (how == "failed")
