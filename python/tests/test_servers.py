"""What every server on asyncio does with streams, whichever way the bytes go out."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from rooms import Room

from servers import Server, serve_asgi
from streams import Stream, curl

# By server: how streams go out if nothing is asked for.
SERVERS = {
    "uvicorn-httptools": "socket",
    "uvicorn-h11": "socket",
    "uvicorn-uvloop": "socket",
    "hypercorn": "socket",
    "aiohttp": "socket",
    "granian": "send",
    "daphne": "send",
}
# What is asked for, where there is a choice.
WAYS = [
    (name, asked)
    for name, best in SERVERS.items()
    for asked in (("auto",) if best == "send" else ("auto", "transport", "send"))
]
EVERY_SERVER = pytest.mark.parametrize("name", SERVERS)
EVERY_WAY = pytest.mark.parametrize(("name", "delivery"), WAYS)
# Daphne's `send` takes any amount, and keeps it: the application does not learn that a client is slow.
EVERY_WAY_WITH_BACKPRESSURE = pytest.mark.parametrize(("name", "delivery"), [way for way in WAYS if way[0] != "daphne"])


@pytest.fixture(scope="module")
def servers() -> Iterator[Callable[[str], Server]]:
    """Starts each server when it is first asked for."""
    with ExitStack() as stack:
        yield functools.cache(lambda name: stack.enter_context(serve_asgi(name, "broadcast:app")))


@pytest.fixture
def server(servers: Callable[[str], Server], name: str) -> Server:
    return servers(name)


@pytest.fixture
def room(server: Server) -> Iterator[Room]:
    with Room(server) as room:
        yield room


def delivery_of(name: str, asked: str) -> str:
    best = SERVERS[name]
    return "send" if asked == "send" or best == "send" else best if asked == "auto" else asked


@EVERY_SERVER
def test_curl_writes_events_as_they_come(room: Room, server: Server) -> None:
    with curl(server, room.path("stream")) as events:
        room.wait(connections=1)
        for number in range(3):
            room.do("publish", pad=number)
            assert next(events).data == "0" + "x" * number
    room.wait(connections=0)


@EVERY_WAY
def test_every_client_gets_every_event_in_order(room: Room, name: str, delivery: str) -> None:
    streams = [room.stream(delivery=delivery) for _ in range(3)]
    room.wait(connections=3)
    for _ in range(3):
        room.do("publish", count=100, pad=100)
    expected = [f"{number}" + "x" * 100 for number in range(100)] * 3
    for stream in streams:
        assert stream.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert stream.headers["cache-control"] == "no-cache, no-transform"
        assert stream.data(300) == expected
        stream.close()
    room.wait(connections=0, reasons=["client"] * 3, deliveries=[delivery_of(name, delivery)] * 3)


@EVERY_WAY
def test_a_client_that_comes_back_gets_what_it_missed(room: Room, delivery: str) -> None:
    with room.stream(delivery=delivery) as stream:
        room.do("publish", count=5)
        last = [stream.next() for _ in range(2)][-1]
    room.wait(connections=0)
    room.do("publish")
    with room.stream(delivery=delivery, last_event_id=last.id) as stream:
        room.wait(connections=1)
        room.do("publish", pad=1)
        assert stream.data(5) == ["2", "3", "4", "0", "0x"]


@EVERY_WAY_WITH_BACKPRESSURE
def test_a_client_that_reads_nothing_is_given_up_and_delays_no_other(room: Room, delivery: str) -> None:
    with room.stream(delivery=delivery) as stalled, room.stream(delivery=delivery) as reader:
        room.wait(connections=2)
        # Until the system's buffers are full, and then the hub's limit is reached.
        for _ in range(400):
            room.do("publish", pad=100_000)
            assert len(reader.next().data or "") == 100_001
            if room.do("look")["reasons"]:
                break
        room.wait(connections=1, reasons=["lagged"])
        stalled.rest()
        assert not stalled.complete


@EVERY_WAY
def test_a_stream_that_ends_leaves_its_connection_to_the_next_request(room: Room, delivery: str) -> None:
    with room.stream(delivery=delivery, source="words") as stream:
        for again in (True, True, False):
            events = stream.rest()
            assert [(event.event, event.data, event.id) for event in events] == [
                ("message", "one", None),
                ("message", "two", None),
                ("number", "3", "three"),
                ("event", "four", None),
                ("message", '{"json":[5]}', None),
            ]
            assert stream.complete
            if again:
                stream.request(room.path("stream", delivery=delivery, source="words"))
                stream.read_head()
    room.wait(reasons=["server"] * 3)


@EVERY_SERVER
def test_requests_that_come_before_the_answer_are_answered_in_turn(room: Room) -> None:
    with room.stream(source="many") as stream:
        stream.request(room.path("stream", source="words"))
        stream.request(room.path("look"))
        assert [event.data for event in stream.rest()] == [str(number) for number in range(1000)]
        stream.read_head()
        assert len(stream.rest()) == 5
        stream.read_head()
        stream.rest()
        assert json.loads(stream.body)["reasons"] == ["server", "server"]


@EVERY_SERVER
def test_a_request_for_the_head_opens_no_stream(room: Room) -> None:
    with room.stream(method="HEAD", source="subscription") as stream:
        assert (stream.status, stream.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
        stream.request(room.path("look"))
        stream.read_head()
        stream.rest()
        look = json.loads(stream.body)
    # The subscription, which HEAD has no use for, is gone too.
    assert (look["connections"], look["deliveries"], look["reasons"]) == (0, [], [])


@EVERY_WAY
def test_a_source_that_fails_cuts_its_stream_and_is_logged(room: Room, delivery: str) -> None:
    for source in ("failing", "failing_thread"):
        with room.stream(delivery=delivery, source=source) as stream:
            assert [event.data for event in stream.rest()] == ["before"]
            # It is cut, so that the client sees that this was not all.
            assert not stream.complete
    room.wait(reasons=["error", "error"])
    room.server.logged("ValueError: the source is broken")


@EVERY_WAY
def test_a_source_is_closed_when_the_client_leaves_even_while_it_waits(room: Room, delivery: str) -> None:
    with room.stream(delivery=delivery, source="waiting") as stream:
        assert stream.data(1) == ["ready"]
        room.do("publish")
        assert stream.data(1) == ["0"]
    room.wait(cleaned=["waiting"], connections=0, reasons=["client"])


@EVERY_WAY_WITH_BACKPRESSURE
def test_a_source_waits_for_its_client(room: Room, delivery: str) -> None:
    with room.stream(delivery=delivery, source="endless") as stream:
        assert stream.data(1) == ["x" * 10_000]
        # The server has the time to answer others.
        room.wait(reasons=[], cleaned=[])
        assert stream.data(500) == ["x" * 10_000] * 500
    room.wait(cleaned=["endless"], reasons=["client"])


@EVERY_SERVER
def test_a_source_that_blocks_has_a_thread_of_its_own(room: Room) -> None:
    streams = [room.stream(source="blocking") for _ in range(50)]
    for stream in streams:
        assert stream.data(1) == ["ready"]
    room.do("publish")
    for stream in streams:
        assert stream.data(1) == ["0"]
        stream.close()
    room.wait(reasons=["client"] * 50)
    # A thread sees with the next event that its client is gone.
    room.do("publish")
    room.wait(cleaned=["blocking"] * 50, connections=0)


@EVERY_SERVER
def test_a_client_that_leaves_before_the_stream_begins_is_never_registered(room: Room) -> None:
    connection = room.server.connect()
    connection.sendall(f"GET {room.path('stream', door=1)} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    room.wait(asked=1)
    connection.close()
    # So that the server has seen it: it reads what came first first.
    room.do("look")
    room.do("open")
    with room.stream(door=1) as stream:
        room.do("publish")
        assert stream.data(1) == ["0"]
        look = room.do("look")
    assert (look["connections"], len(look["deliveries"]), look["asked"]) == (1, 1, 2)


@EVERY_SERVER
def test_a_hub_that_is_full_sends_clients_away_for_a_while_and_keeps_those_it_has(server: Server) -> None:
    with Room(server, small=True) as room:
        stream = room.stream()
        room.wait(connections=1)
        refused = room.stream()
        assert refused.status == 503
        assert 2 <= int(refused.headers["retry-after"]) <= 4
        refused.rest()
        assert refused.body == b"Service Unavailable"
        # A browser's EventSource would give up for ever.
        with Stream(server, room.path("stream"), accept="text/event-stream") as browser:
            assert (browser.status, browser.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
            assert browser.rest() == []
            assert browser.complete
            assert int(browser.body.removeprefix(b"retry: ")) >= 1000
        room.do("publish")
        assert stream.data(1) == ["0"]


@EVERY_WAY
def test_a_hub_that_closes_ends_its_streams_after_a_farewell(room: Room, delivery: str) -> None:
    streams = [room.stream(delivery=delivery) for _ in range(2)]
    room.wait(connections=2)
    room.do("publish")
    room.do("close")
    for stream in streams:
        assert [(event.event, event.data) for event in stream.rest() if event.data] == [
            ("message", "0"),
            ("bye", "the hub closes"),
        ]
        assert stream.complete
    room.wait(reasons=["shutdown"] * 2)
    assert room.stream().status == 503


@EVERY_SERVER
def test_three_hundred_clients_get_every_event(room: Room) -> None:
    streams = [room.stream() for _ in range(300)]
    room.wait(connections=300)
    room.do("publish", count=50)
    for stream in streams:
        assert stream.data(50) == [str(number) for number in range(50)]
    for stream in streams:
        stream.close()
    room.wait(connections=0)


@EVERY_SERVER
def test_a_client_of_http_1_0_gets_its_stream(server: Server, room: Room) -> None:
    with Stream(server, room.path("stream", source="words"), version="1.0") as stream:
        assert len(stream.rest()) == 5
    room.wait(deliveries=["send"])
