"""FastAPI (`fastapi_app`), Flask (`flask_app`) and WSGI (`wsgi_app`) under OpenTelemetry's own instrumentation."""

import logging
from typing import Any
from urllib.parse import parse_qs

import fastapi
import flask
from opentelemetry import trace
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.instrumentation.wsgi import OpenTelemetryMiddleware
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import ssecast.asgi
import ssecast.wsgi
from ssecast import Hub

logging.basicConfig(level=logging.WARNING)
exporter = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
trace.set_tracer_provider(provider)
# A server that keeps its connection finds by a write that its client has left.
hub = Hub(heartbeat=0.1)
# The trace that each of a stream's functions was called in.
traces: dict[str, str] = {}


def trace_id() -> str:
    return trace.format_trace_id(trace.get_current_span().get_span_context().trace_id)


def options(delivery: str) -> dict[str, Any]:
    traces.clear()
    traces["view"] = trace_id()
    return {
        "topics": ["ticks"],
        "delivery": delivery,
        "on_connect": lambda _: traces.__setitem__("on_connect", trace_id()),
    }


def publish() -> dict[str, Any]:
    """Publishes from a span of its own: says whether the request's span is still the current one around it."""
    outer = trace_id()
    with trace.get_tracer("tests").start_as_current_span("publication"):
        inner = trace_id()
        hub.publish("ticks", inner)
    return {"trace": outer, "same": outer == inner == trace_id()}


def look() -> dict[str, Any]:
    """The spans that have ended, and the traces of the last stream's functions."""
    spans = [
        {
            "name": span.name,
            "kind": span.kind.name,
            "trace": trace.format_trace_id(span.context.trace_id),
            "parent": trace.format_span_id(span.parent.span_id) if span.parent else None,
            "id": trace.format_span_id(span.context.span_id),
            "status": span.status.status_code.name,
        }
        for span in exporter.get_finished_spans()
        if span.context
    ]
    return {"spans": spans, "traces": traces, "connections": hub.stats().connections}


fastapi_app = fastapi.FastAPI()


@fastapi_app.get("/stream")
async def fastapi_stream(delivery: str) -> fastapi.Response:
    return ssecast.asgi.EventSourceResponse(hub, **options(delivery))


fastapi_app.get("/publish")(publish)
fastapi_app.get("/look")(look)
FastAPIInstrumentor.instrument_app(fastapi_app)

flask_app = flask.Flask(__name__)


@flask_app.get("/stream")
def flask_stream() -> ssecast.wsgi.EventSourceResponse:
    request = flask.request
    return ssecast.wsgi.EventSourceResponse(hub, **options(request.args["delivery"]), environ=request.environ)


flask_app.get("/publish")(publish)
flask_app.get("/look")(look)
# It has no types of its own.
flask_instrumentor: Any = FlaskInstrumentor()
flask_instrumentor.instrument_app(flask_app)

plain = flask.Flask("plain")
plain.get("/publish")(publish)
plain.get("/look")(look)


def stream_or_page(environ: dict[str, Any], start_response: Any) -> Any:
    if environ["PATH_INFO"] != "/stream":
        return plain(environ, start_response)
    (delivery,) = parse_qs(environ["QUERY_STRING"])["delivery"]
    return ssecast.wsgi.EventSourceResponse(hub, **options(delivery))(environ, start_response)


wsgi_app = OpenTelemetryMiddleware(stream_or_page)
