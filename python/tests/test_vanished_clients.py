"""A client whose network vanished is ended by the system, within the hub's limit, however its stream goes out."""

from __future__ import annotations

import pytest
from rooms import Room

from servers import serve_asgi, serve_wsgi
from streams import Stream

# The hub's `slow_client.seconds`, and the five seconds by which the engine lets the hub be first; in milliseconds.
LIMIT = 35_000


@pytest.mark.parametrize(
    ("name", "tls"),
    [("uvicorn-httptools", False), ("uvicorn-uvloop", True), ("hypercorn", False), ("aiohttp", False)],
)
def test_the_system_has_the_limit_of_every_connection_while_its_stream_is_open(name: str, tls: bool) -> None:
    with serve_asgi(name, "broadcast:app", tls=tls) as server, Room(server) as room:
        streams = [room.stream(delivery=delivery) for delivery in ("auto", "transport", "send")]
        room.wait(connections=3, user_timeouts=[LIMIT] * 3)
        room.do("close")
        for stream in streams:
            stream.rest()
            assert stream.complete
        # The server goes on with the connections.
        room.wait(user_timeouts=[])
        assert [stream.socket.fileno() >= 0 for stream in streams] == [True] * 3


@pytest.mark.parametrize("name", ["gunicorn-gthread", "gunicorn-gevent", "waitress", "werkzeug-threaded"])
def test_the_system_has_the_limit_of_a_connection_that_a_thread_writes_to(name: str) -> None:
    with serve_wsgi(name, "threads:plain", HEARTBEAT="0.1") as server:
        with Stream(server, "/stream?delivery=send") as stream:
            server.get("/publish")
            stream.next()
            server.eventually("/user-timeouts", [LIMIT])
        server.eventually("/user-timeouts", [])
