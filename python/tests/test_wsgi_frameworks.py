"""Streams as the responses of Flask's and Django's views."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from servers import SOON, Server, serve_asgi, serve_wsgi
from streams import Stream

# Server, application, view, and how its streams are delivered.
VIEWS = {
    "flask on gunicorn": ("gunicorn-sync", "threads:flask_app", "/stream", "socket"),
    "flask on waitress": ("waitress", "threads:flask_app", "/stream", "socket"),
    "flask on werkzeug": ("werkzeug", "threads:flask_app", "/stream", "socket"),
    "django on gunicorn": ("gunicorn-sync", "threads:django_app", "/stream", "socket"),
    "django on waitress": ("waitress", "threads:django_app", "/stream", "socket"),
    "django on uvicorn": ("uvicorn-httptools", "threads:django_asgi", "/stream", "send"),
    "async django on uvicorn": ("uvicorn-httptools", "threads:django_asgi", "/async-stream", "send"),
}


@pytest.fixture(scope="module", params=VIEWS)
def view(request: pytest.FixtureRequest) -> Iterator[tuple[Server, str, str]]:
    name, app, path, delivery = VIEWS[request.param]
    serve = serve_asgi if app.endswith("asgi") else serve_wsgi
    with serve(name, app, MAX_CONNECTIONS="10") as server:
        yield server, path, delivery


def test_every_client_of_a_view_gets_every_event_and_what_the_framework_adds(view: tuple[Server, str, str]) -> None:
    server, path, delivery = view
    before = server.get("/reasons")
    streams = [Stream(server, path) for _ in range(5)]
    server.eventually("/connections", 5)
    server.get("/publish?count=100&data=number+{}")
    for stream in streams:
        assert stream.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert stream.headers["x-extra"] == "1"
        # The framework's own, set after the view has returned its response.
        assert stream.headers["set-cookie"].startswith(("seen=", "session="))
        assert stream.data(100) == [f"number {number}" for number in range(100)]
        stream.close()
    server.eventually("/reasons", [*before, *["client"] * 5])
    # Each is noted before the first byte of its stream.
    assert server.get("/deliveries")[-5:] == [delivery] * 5


def test_a_client_of_a_view_comes_back_and_gets_what_it_missed(view: tuple[Server, str, str]) -> None:
    server, path, _ = view
    with Stream(server, path) as stream:
        server.eventually("/connections", 1)
        server.get("/publish?data=seen")
        last_event_id = stream.next().id
    server.get("/publish?count=2&data=missed+{}")
    with Stream(server, path, last_event_id=str(last_event_id)) as stream:
        assert stream.data(2) == ["missed 0", "missed 1"]
    server.eventually("/connections", 0)


def test_a_view_returns_an_iterator_as_a_private_stream(view: tuple[Server, str, str]) -> None:
    server, path, _ = view
    with Stream(server, f"{path}?source=numbers") as stream:
        assert [event.data for event in stream.rest()] == ["1", "2", "3", "4", '{"five":5}']
        assert stream.complete


def test_an_iterator_of_a_view_is_closed_when_its_client_leaves(view: tuple[Server, str, str]) -> None:
    server, path, _ = view
    before = server.get("/cleaned")
    with Stream(server, f"{path}?source=endless") as stream:
        assert stream.data(2) == ["more", "more"]
    server.eventually("/cleaned", [*before, "endless"])


def test_an_iterator_of_a_view_that_raises_is_logged_and_ends_its_stream(view: tuple[Server, str, str]) -> None:
    server, path, _ = view
    with Stream(server, f"{path}?source=failing") as stream:
        assert [event.data for event in stream.rest()] == ["first"]
    server.logged('raise ValueError("the source is broken")')
    server.eventually("/connections", 0)


def test_a_view_answers_head_without_a_stream(view: tuple[Server, str, str]) -> None:
    server, path, _ = view
    before = server.get("/deliveries")
    with Stream(server, path, method="HEAD", connection="close") as stream:
        assert stream.headers["content-type"] == "text/event-stream; charset=utf-8"
        # waitress ends a chunked body here too.
        assert stream.remainder() in (b"", b"0\r\n\r\n")
    assert server.get("/deliveries") == before


def test_a_view_refuses_a_client_too_many(view: tuple[Server, str, str]) -> None:
    server, path, delivery = view
    streams = []
    for number in range(10):
        streams.append(Stream(server, path))
        server.eventually("/connections", number + 1)
    with Stream(server, path) as refused:
        refused.rest()
        if (path, delivery) == ("/stream", "send"):
            # In a thread of ASGI's the stream is registered when the head is out.
            assert 2000 <= int(refused.body.removeprefix(b"retry: ")) <= 4000
        else:
            assert refused.status == 503
            assert 2 <= int(refused.headers["retry-after"]) <= 4
    for stream in streams:
        stream.close()
    server.eventually("/connections", 0)


def test_a_view_of_flask_may_leave_the_environ_out() -> None:
    with serve_wsgi("gunicorn-sync", "threads:flask_app") as server, Stream(server, "/short") as stream:
        assert stream.headers["x-after"] == "1"
        server.get("/publish?data=on")
        assert stream.data(1) == ["on"]
        server.eventually("/deliveries", ["socket"])


@pytest.mark.parametrize("path", ["/stream", "/async-stream"])
def test_django_on_uvicorn_ends_at_once_and_its_streams_after_a_farewell(path: str) -> None:
    with serve_asgi("uvicorn-httptools", "threads:django_asgi") as server:
        streams = [Stream(server, f"{path}?farewell=good+bye") for _ in range(5)]
        server.eventually("/connections", 5)
        assert server.terminate() < SOON
        for stream in streams:
            assert [event.data for event in stream.rest()] == ["good bye"]
            assert stream.complete
            stream.close()


def test_a_stream_that_django_compresses_stays_with_the_server() -> None:
    with (
        serve_wsgi("gunicorn-gthread", "threads:django_app", GZIP="1") as server,
        Stream(server, accept_encoding="gzip") as stream,
    ):
        assert stream.headers["content-encoding"] == "gzip"
        server.eventually("/deliveries", ["send"])
