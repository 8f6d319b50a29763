"""A server that is asked to end while streams are open."""

from __future__ import annotations

import pytest
from rooms import Room

from servers import SOON, serve_asgi

# By server: whether it lets its streams have a farewell. Daphne cancels them.
SERVERS = {
    "uvicorn-httptools": True,
    "uvicorn-h11": True,
    "uvicorn-uvloop": True,
    "uvicorn-uvloop-h11": True,
    "hypercorn": True,
    "aiohttp": True,
    "gunicorn-uvicorn": True,
    "gunicorn-asgi": True,
    "daphne": False,
}


@pytest.mark.parametrize("name", SERVERS)
def test_a_server_ends_within_two_seconds_after_a_farewell(name: str) -> None:
    with serve_asgi(name, "broadcast:app") as server, Room(server) as room:
        polite = [room.stream(farewell=1, delivery=delivery) for delivery in ("auto", "transport", "send")]
        plain, private = room.stream(), room.stream(source="waiting")
        room.wait(connections=5)
        room.do("publish")
        seconds = server.terminate()
        for stream in polite:
            assert [event.data for event in stream.rest() if event.data] == ["0", "the server ends"][
                : 1 + SERVERS[name]
            ]
        assert [event.data for event in plain.rest() if event.data] == ["0"]
        assert [event.data for event in private.rest()] == ["ready", "0"]
        assert all(stream.complete for stream in (*polite, plain, private)) is SERVERS[name]
    assert seconds < SOON


@pytest.mark.parametrize("name", ["uvicorn-httptools", "uvicorn-uvloop", "hypercorn", "aiohttp"])
def test_a_client_that_reads_nothing_does_not_keep_a_server(name: str) -> None:
    with serve_asgi(name, "broadcast:app") as server, Room(server) as room:
        for delivery in ("auto", "transport", "send"):
            room.stream(delivery=delivery, source="endless")
        # As much as the system's buffers hold is under way, and the server answers others.
        room.wait(reasons=[], deliveries=["socket", "transport", "send"])
        assert server.terminate() < SOON


def test_granian_has_to_be_told_to_end_its_streams() -> None:
    """It gives applications no sign that it was asked to end, and waits for its connections."""
    with serve_asgi("granian", "broadcast:app", "--workers-kill-timeout=1") as server, Room(server) as room:
        stream = room.stream()
        room.wait(connections=1)
        room.do("publish")
        assert stream.data(1) == ["0"]
        seconds = server.terminate()
        assert stream.rest() == []
    assert seconds < SOON
