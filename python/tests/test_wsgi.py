"""Streams of a WSGI application, on every server that gives its connections away."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from servers import PATIENCE, WSGI, Server, serve_wsgi
from streams import Stream, curl


@pytest.fixture(scope="module", params=WSGI)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with serve_wsgi(request.param, "threads:plain", MAX_CONNECTIONS="20") as server:
        yield server


@pytest.fixture(autouse=True)
def nothing_is_left(server: Server) -> Iterator[None]:
    server.eventually("/connections", 0)
    yield
    server.eventually("/connections", 0)


def assert_ends(server: Server, before: int, reason: str) -> None:
    """Waits until a stream has ended for this reason. Those of the tests before, whose clients left, may still end."""
    until = time.monotonic() + PATIENCE
    while reason not in server.get("/reasons")[before:]:
        assert time.monotonic() < until, server.output
        time.sleep(0.02)


def test_every_client_gets_every_event_in_order_and_the_worker_is_free(server: Server) -> None:
    before = server.get("/deliveries")
    streams = [Stream(server) for _ in range(10)]
    server.get("/publish?count=300&data=number+{}")
    expected = [f"number {number}" for number in range(300)]
    for stream in streams:
        assert stream.data(300) == expected
        stream.close()
    server.eventually("/deliveries", [*before, *["socket"] * 10])


def test_curl_writes_events_as_they_come(server: Server) -> None:
    with curl(server) as events:
        server.eventually("/connections", 1)
        for number in range(3):
            server.get(f"/publish?count=1&data={number}")
            assert next(events).data == str(number)


def test_the_head_says_what_a_stream_is(server: Server) -> None:
    with Stream(server) as stream:
        assert stream.status == 200
        assert stream.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert stream.headers["cache-control"] == "no-cache, no-transform"
        assert stream.headers["x-accel-buffering"] == "no"
        assert stream.headers["x-extra"] == "1"
        assert stream.headers["connection"] == "close"
        assert stream.headers["transfer-encoding"] == "chunked"
        assert "date" in stream.headers


def test_a_client_that_comes_back_gets_what_it_missed(server: Server) -> None:
    with Stream(server) as stream:
        server.get("/publish?count=2&data=seen+{}")
        stream.next()
        last_event_id = stream.next().id
    server.get("/publish?count=3&data=missed+{}")
    with Stream(server, last_event_id=str(last_event_id)) as stream:
        assert stream.data(3) == ["missed 0", "missed 1", "missed 2"]


def test_a_client_that_leaves_is_noticed_though_nothing_is_sent(server: Server) -> None:
    before = len(server.get("/reasons"))
    with Stream(server):
        server.eventually("/connections", 1)
    server.eventually("/connections", 0)
    assert_ends(server, before, "client")


def test_a_client_that_only_stops_writing_reads_on(server: Server) -> None:
    with Stream(server) as stream:
        stream.socket.shutdown(1)
        server.get("/publish?data=on")
        assert stream.data(1) == ["on"]
    # What has stopped writing already is found to have left when there is something to write to it.
    until = time.monotonic() + PATIENCE
    while server.get("/connections"):
        assert time.monotonic() < until
        server.get("/publish?data=gone")


def test_head_is_answered_without_a_stream(server: Server) -> None:
    before = len(server.get("/deliveries"))
    with Stream(server, method="HEAD", connection="close") as stream:
        assert stream.headers["content-type"] == "text/event-stream; charset=utf-8"
        # waitress ends a chunked body here too.
        assert stream.remainder() in (b"", b"0\r\n\r\n")
    assert len(server.get("/deliveries")) == before


def test_a_client_too_many_is_told_to_come_back_later(server: Server) -> None:
    streams = [Stream(server) for _ in range(20)]
    with Stream(server) as refused:
        assert refused.status == 503
        assert 2 <= int(refused.headers["retry-after"]) <= 4
        refused.rest()
        assert refused.body == b"Service Unavailable"
    for stream in streams:
        stream.close()


def test_a_response_that_is_not_iterated_releases_its_stream(server: Server) -> None:
    server.get("/dropped")
    server.eventually("/connections", 0)


def test_an_iterator_is_a_private_stream_and_not_a_byte_follows_its_end(server: Server) -> None:
    before = len(server.get("/reasons"))
    with Stream(server, "/stream?source=numbers") as stream:
        events = stream.rest()
        assert [event.data for event in events] == ["1", "2", "3", "4", '{"five":5}']
        assert (events[2].event, events[3].id) == ("three", "four")
        assert stream.complete
        assert stream._bytes == b""
        # waitress ends a chunked body here too.
        assert stream.remainder() in (b"", b"0\r\n\r\n")
    assert_ends(server, before, "server")


def test_pings_go_out_while_an_iterator_waits(server: Server) -> None:
    with Stream(server, "/stream?source=waiting") as stream:
        assert stream.next().data == "first"
        while b":\n" not in stream.body:
            stream._read()
        assert b"second" not in stream.body
        assert stream.data(1) == ["second"]
        stream.rest()


def test_an_iterator_is_closed_when_its_client_leaves(server: Server) -> None:
    before = len(server.get("/cleaned"))
    with Stream(server, "/stream?source=endless") as stream:
        assert stream.data(2) == ["more", "more"]
    server.eventually("/cleaned", ["endless"] * (before + 1))


def test_an_iterator_that_raises_ends_its_stream_alone(server: Server) -> None:
    before = len(server.get("/reasons"))
    with Stream(server) as other, Stream(server, "/stream?source=failing") as stream:
        assert [event.data for event in stream.rest()] == ["first"]
        assert_ends(server, before, "error")
        server.get("/publish?data=on")
        assert other.data(1) == ["on"]
    server.logged('raise ValueError("the source is broken")')


def test_an_iterator_waits_for_a_client_that_is_slow(server: Server) -> None:
    with Stream(server, "/stream?source=large") as stream:
        # Five megabytes, of which no more waits in the engine than a little.
        time.sleep(0.3)
        assert [event.data and len(event.data) > 50_000 for event in stream.rest()] == [True] * 100
        assert stream.complete


def test_http_1_0_has_no_chunks(server: Server) -> None:
    with Stream(server, "/stream?source=numbers", version="1.0") as stream:
        assert "transfer-encoding" not in stream.headers
        assert len(stream.rest()) == 5


class Talker(Stream):
    """A client that sends more than the server reads."""

    def request(self, path: str, *, method: str = "GET", version: str = "1.1", **headers: str) -> None:
        super().request(path, method="POST", content_length="100000")
        self.socket.sendall(b"x" * 100_000 + b"GET /connections HTTP/1.1\r\nHost: localhost\r\n\r\n")


def test_a_body_that_is_not_read_and_what_comes_after_it_change_nothing(server: Server) -> None:
    with Talker(server, "/stream?source=waiting") as stream:
        assert [event.data for event in stream.rest()] == ["first", "second"]
        assert stream.complete
        assert stream.remainder() == b""


def test_no_descriptor_is_left_behind(server: Server) -> None:
    before = server.get("/descriptors")
    for turn in range(25):
        streams = [
            Stream(server, "/stream" if (turn + number) % 4 else "/stream?source=numbers") for number in range(20)
        ]
        for stream in streams:
            stream.close()
        server.eventually("/connections", 0)
    # 500 streams.
    until = time.monotonic() + PATIENCE
    while (after := server.get("/descriptors")) > before + 2:
        assert time.monotonic() < until, (before, after)
        time.sleep(0.05)
