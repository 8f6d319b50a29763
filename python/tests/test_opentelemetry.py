"""Spans of OpenTelemetry's own instrumentation around streams."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from opentelemetry import trace as trace_api

from servers import PATIENCE, Server, serve_asgi, serve_wsgi
from streams import Stream

# Server, application, and the deliveries under which the span lasts as long as the stream. Elsewhere it ends when the
# server is done with the response: a worker whose socket was handed over is free at once, and a view of Flask returns
# before the stream begins.
APPS = {
    "fastapi": ("uvicorn-httptools", "traced:fastapi_app", ["auto", "send"]),
    "wsgi": ("gunicorn-gthread", "traced:wsgi_app", ["send"]),
    "flask": ("gunicorn-gthread", "traced:flask_app", []),
}


@pytest.fixture(scope="module", params=APPS)
def traced(request: pytest.FixtureRequest) -> Iterator[tuple[Server, list[str], bool]]:
    name, app, lasting = APPS[request.param]
    with (serve_asgi if request.param == "fastapi" else serve_wsgi)(name, app) as server:
        yield server, lasting, request.param == "flask"


def spans(server: Server, trace: str) -> list[dict[str, Any]]:
    """The spans of a trace that have ended."""
    return [span for span in server.get("/look")["spans"] if span["trace"] == trace]


def server_span(server: Server, trace: str) -> dict[str, Any] | None:
    """The span of the request itself, once it has ended."""
    ended = [span for span in spans(server, trace) if span["kind"] == "SERVER"]
    assert len(ended) <= 1
    return ended[0] if ended else None


def eventually(look: Callable[[], Any], what: str) -> Any:
    """Waits until this is true, and returns it."""
    until = time.monotonic() + PATIENCE
    while not (value := look()):
        assert time.monotonic() < until, f"never happened: {what}"
        time.sleep(0.01)
    return value


@pytest.mark.parametrize("delivery", ["auto", "send"])
def test_the_span_of_a_stream_ends_with_it_and_touches_no_other(
    traced: tuple[Server, list[str], bool], delivery: str
) -> None:
    server, lasting, flask = traced
    with Stream(server, f"/stream?delivery={delivery}") as stream:
        eventually(lambda: server.get("/look")["connections"] == 1, "a connection")
        published = [server.get("/publish") for _ in range(2)]
        assert stream.data(2) == [answer["trace"] for answer in published]
        traces = server.get("/look")["traces"]
        trace = traces["view"]
        # Flask leaves the context of a request before its response is iterated over.
        outside = trace_api.format_trace_id(trace_api.INVALID_TRACE_ID)
        assert traces == {"view": trace, "on_connect": outside if flask else trace}
        assert len({trace, *(answer["trace"] for answer in published)}) == 3, "each request has a trace of its own"
        if delivery in lasting:
            assert server_span(server, trace) is None, "it is open as long as the stream"
        else:
            eventually(lambda: server_span(server, trace), "the span of a response that the server is done with")
    eventually(lambda: server.get("/look")["connections"] == 0, "no connection")
    root = eventually(lambda: server_span(server, trace), "the stream's span")
    assert (root["parent"], root["status"]) == (None, "UNSET")
    for answer in published:
        assert answer["same"]
        request = eventually(partial(server_span, server, answer["trace"]), "the span of a publishing request")
        (publication,) = (span for span in spans(server, answer["trace"]) if span["name"] == "publication")
        assert (request["parent"], publication["parent"]) == (None, request["id"])
    # "Failed to detach context" among others.
    assert "ERROR" not in server.output
    assert "Traceback" not in server.output
