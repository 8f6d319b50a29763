"""A server that is asked to end while streams are open."""

from __future__ import annotations

import signal
import time

import pytest
from rooms import Room

from servers import PATIENCE, SOON, serve, serve_asgi
from streams import Stream

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
    "granian": True,
    "daphne": False,
}


@pytest.mark.parametrize("name", SERVERS)
def test_a_server_ends_within_two_seconds_after_a_farewell(name: str) -> None:
    with serve_asgi(name, "broadcast:app") as server, Room(server) as room:
        polite = [room.stream(farewell=1, delivery=delivery) for delivery in ("auto", "transport", "send")]
        plain, private = room.stream(), room.stream(source="waiting")
        room.wait(connections=5)
        room.do("publish")
        # Its source reads the event in a turn of its own.
        assert private.data(2) == ["ready", "0"]
        seconds = server.terminate()
        for stream in polite:
            assert [event.data for event in stream.rest() if event.data] == ["0", "the server ends"][
                : 1 + SERVERS[name]
            ]
        assert [event.data for event in plain.rest() if event.data] == ["0"]
        assert private.rest() == []
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


@pytest.mark.parametrize(
    ("name", "stack"),
    [
        *(
            (name, "wrap,task")
            for name in ("uvicorn-httptools", "uvicorn-uvloop-h11", "hypercorn", "gunicorn-asgi", "granian")
        ),
        ("uvicorn-httptools", "task,base,wrap"),
    ],
)
def test_a_server_that_is_not_recognised_ends_after_a_farewell(name: str, stack: str) -> None:
    with serve_asgi(name, "broadcast:behind", MIDDLEWARE=stack) as server, Room(server) as room:
        streams = [room.stream(farewell=1), room.stream(farewell=1, source="waiting")]
        room.wait(connections=2, deliveries=["send", "send"])
        seconds = server.terminate()
        for stream in streams:
            assert [event.data for event in stream.rest() if event.data][-1] == "the server ends"
            assert stream.complete
    assert seconds < SOON


@pytest.mark.parametrize("name", ["uvicorn-httptools", "hypercorn"])
def test_a_client_that_reads_nothing_does_not_keep_a_server_that_is_not_recognised(name: str) -> None:
    with serve_asgi(name, "broadcast:behind", MIDDLEWARE="wrap,task") as server, Room(server) as room:
        room.stream(source="endless")
        room.wait(reasons=[], deliveries=["send"])
        assert server.terminate() < SOON


@pytest.mark.parametrize(
    ("name", "app"),
    [("uvicorn", "broadcast"), ("uvicorn", "django"), ("hypercorn", "broadcast"), ("hypercorn", "django")],
)
def test_a_server_that_its_own_program_ends_without_a_signal_bids_farewell(name: str, app: str) -> None:
    with serve(["embedded.py", name, app]) as server:
        path = "/async-stream?farewell=the+server+ends" if app == "django" else "/stream?room=r&farewell=1"
        streams = [Stream(server, path) for _ in range(3)]
        for stream in streams:
            while b"retry: " not in stream.body:
                stream._read()
        server.process.send_signal(signal.SIGUSR1)
        begin = time.monotonic()
        for stream in streams:
            assert [event.data for event in stream.rest()] == ["the server ends"]
            assert stream.complete
            stream.close()
        server.process.wait(PATIENCE)
        assert time.monotonic() - begin < SOON


@pytest.mark.parametrize("name", ["uvicorn-httptools", "hypercorn", "aiohttp"])
def test_a_source_that_does_not_end_keeps_neither_the_server_nor_the_others(name: str) -> None:
    with serve_asgi(name, "broadcast:app") as server, Room(server) as room:
        left, stubborn, other = room.stream(source="stubborn"), room.stream(source="stubborn"), room.stream(farewell=1)
        for stream in (left, stubborn):
            assert stream.data(1) == ["ready"]
        # Its source is still at it when the server ends.
        left.close()
        room.wait(connections=1)
        seconds = server.terminate()
        assert [event.data for event in other.rest()] == ["the server ends"]
        assert stubborn.rest() == []
    assert seconds < SOON


def test_a_server_that_has_had_enough_requests_bids_farewell() -> None:
    with serve_asgi("uvicorn-httptools", "broadcast:app", "--limit-max-requests=3") as server, Room(server) as room:
        streams = [room.stream(farewell=1) for _ in range(2)]
        for _ in range(3):
            # It counts what is complete.
            room.do("look")
        for stream in streams:
            assert [event.data for event in stream.rest()] == ["the server ends"]
        server.process.wait(PATIENCE)


@pytest.mark.parametrize("name", ["uvicorn-httptools", "hypercorn", "aiohttp"])
def test_a_stream_that_is_still_asked_about_when_the_server_ends_gets_its_farewell(name: str) -> None:
    with serve_asgi(name, "broadcast:app") as server, Room(server) as room:
        connection = server.connect()
        connection.sendall(f"GET {room.path('stream', pause=1, farewell=1)} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        room.wait(asked=1)
        assert server.terminate() < SOON
        received = b""
        while part := connection.recv(65536):
            received += part
        assert b"data: the server ends\n" in received
        assert received.endswith(b"0\r\n\r\n")
        connection.close()


@pytest.mark.parametrize("name", ["uvicorn-httptools", "hypercorn", "aiohttp"])
def test_each_client_is_told_a_reconnection_time_of_its_own(name: str) -> None:
    with serve_asgi(name, "broadcast:app") as server, Room(server) as room:
        streams = [room.stream(delivery=delivery) for delivery in ("auto", "transport", "send") for _ in range(7)]
        room.wait(connections=21)
        server.terminate()
        for stream in streams:
            stream.rest()
        times = [int(stream.body.rpartition(b"retry: ")[2]) for stream in streams]
        assert all(2000 <= number < 4000 for number in times)
        assert len(set(times)) > 10


def test_a_program_that_goes_on_after_the_signal_goes_on_serving() -> None:
    with serve(["embedded.py", "uvicorn", "broadcast"], IGNORE="1") as server, Room(server) as room:
        first = room.stream(farewell=1)
        room.wait(connections=1)
        server.process.send_signal(signal.SIGTERM)
        assert [event.data for event in first.rest()] == ["the server ends"]
        second = room.stream()
        room.wait(connections=1)
        room.do("publish")
        assert second.data(1) == ["0"]
