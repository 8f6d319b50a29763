"""Streams that the server's own threads write, where the connection can't be handed over."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from servers import PATIENCE, Server, serve_wsgi
from streams import Stream

# What makes the server keep its connections: the application says so, or they have TLS; or its threads are greenlets.
KEPT = [
    ("gunicorn-gevent", False),
    ("gevent", False),
    ("gevent-late", False),
    ("eventlet", False),
    ("eventlet-late", False),
    ("gunicorn-gthread", False),
    ("gunicorn-gthread", True),
    ("waitress", False),
    ("werkzeug-threaded", False),
    ("werkzeug-threaded", True),
]


@pytest.fixture(scope="module", params=KEPT, ids=lambda kept: f"{kept[0]}{'-tls' if kept[1] else ''}")
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    name, tls = request.param
    with serve_wsgi(name, "threads:plain", tls=tls, HEARTBEAT="0.1") as server:
        yield server


@pytest.fixture(autouse=True)
def nothing_is_left(server: Server) -> Iterator[None]:
    yield
    server.eventually("/connections", 0)
    # The reason of each is noted a moment later.
    server.eventually("/open", 0)


def path(server: Server, query: str = "") -> str:
    return f"/stream?{query}" if server.tls else f"/stream?delivery=send&{query}"


def test_a_client_gets_every_event_in_order(server: Server) -> None:
    before = server.get("/deliveries")
    with Stream(server, path(server)) as stream:
        server.get("/publish?count=300&data=number+{}")
        assert stream.data(300) == [f"number {number}" for number in range(300)]
        server.eventually("/deliveries", [*before, "send"])
        assert stream.headers["x-extra"] == "1"
    server.eventually("/connections", 0)


def test_a_client_that_comes_back_gets_what_it_missed(server: Server) -> None:
    with Stream(server, path(server)) as stream:
        server.get("/publish?data=seen")
        last_event_id = stream.next().id
    server.get("/publish?count=3&data=missed+{}")
    with Stream(server, path(server), last_event_id=str(last_event_id)) as stream:
        assert stream.data(3) == ["missed 0", "missed 1", "missed 2"]


def test_a_client_that_leaves_is_noticed_by_a_heartbeat(server: Server) -> None:
    before = server.get("/reasons")
    with Stream(server, path(server)):
        server.eventually("/connections", 1)
    server.eventually("/reasons", [*before, "client"])


def test_an_iterator_is_a_private_stream(server: Server) -> None:
    with Stream(server, path(server, "source=numbers")) as stream:
        assert [event.data for event in stream.rest()] == ["1", "2", "3", "4", '{"five":5}']
        assert stream.complete


def test_an_iterator_is_closed_when_its_client_leaves(server: Server) -> None:
    before = len(server.get("/cleaned"))
    with Stream(server, path(server, "source=endless")) as stream:
        assert stream.data(2) == ["more", "more"]
    server.eventually("/cleaned", ["endless"] * (before + 1))


def test_an_iterator_that_raises_ends_its_stream_and_is_logged(server: Server) -> None:
    with Stream(server, path(server, "source=failing")) as stream:
        assert [event.data for event in stream.rest()] == ["first"]
    server.logged('raise ValueError("the source is broken")')


def test_an_iterator_waits_for_a_client_that_is_slow(server: Server) -> None:
    with Stream(server, path(server, "source=large")) as stream:
        assert len(stream.rest()) == 100
        assert stream.complete


def test_head_is_answered_without_a_stream(server: Server) -> None:
    before = len(server.get("/deliveries"))
    with Stream(server, path(server), method="HEAD", connection="close") as stream:
        assert stream.status == 200
    assert len(server.get("/deliveries")) == before


def test_the_end_of_a_hub_is_waited_for_without_holding_others_up(server: Server) -> None:
    with Stream(server, "/ending"):
        server.eventually("/waits", ["begun"])
        # The request that waits ends with this one.
        server.get("/end")
        server.eventually("/waits", ["begun", "ended"])


def test_a_reader_in_the_same_process_holds_no_other_request_up(server: Server) -> None:
    with Stream(server, "/read") as stream:
        server.eventually("/connections", 1)
        server.get("/publish?data=read")
        assert stream.next().data == "read"
    # It finds out when it writes.
    until = time.monotonic() + PATIENCE
    while server.get("/connections"):
        assert time.monotonic() < until
        server.get("/publish?data=gone")
