"""A hub behind WSGI: a plain application, Flask and Django; and Django behind ASGI."""

import ctypes
import json
import logging
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import parse_qs

import django
import flask
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from flask.typing import ResponseReturnValue

import ssecast.django
import ssecast.wsgi
from queries import replay
from sockets import user_timeouts
from ssecast import Event, Hub, SlowClient

logging.basicConfig()
hub = Hub(
    max_connections=int(os.environ.get("MAX_CONNECTIONS", "10000")),
    heartbeat=float(os.environ.get("HEARTBEAT", "15")),
    slow_client=SlowClient(bytes=64 << 20),
)
# What became of the streams: how they were delivered, and why they ended; and which iterators were closed.
deliveries: list[str] = []
reasons: list[str] = []
cleaned: list[str] = []

if "DESCRIPTORS" in os.environ:
    limit = int(os.environ["DESCRIPTORS"])
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
if "TERM_EXITS" in os.environ:
    # As the documentation says, for servers that leave SIGTERM to the system.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())


def options(query: dict[str, str]) -> dict[str, Any]:
    given: dict[str, Any] = {
        "delivery": query.get("delivery", "auto"),
        "on_connect": lambda session: deliveries.append(session.delivery),
        "on_close": reasons.append,
        "headers": {"x-extra": "1", "x-process": str(os.getpid())},
    }
    if "farewell" in query:
        given["farewell"] = Event(query["farewell"], event="bye")
    if "source" in query:
        return {**given, "source": SOURCES[query["source"]](), "ping": 0.1, "finish": "finish" in query}
    given["replay"] = replay(query)
    return {**given, "source": hub, "topics": [query.get("topic", "ticks")]}


def numbers() -> Iterator[Any]:
    yield "1"
    yield b"2"
    yield {"data": "3", "event": "three"}
    yield Event("4", id="four")
    yield {"five": 5}


def endless() -> Iterator[str]:
    try:
        while True:
            yield "more"
            time.sleep(0.01)
    finally:
        cleaned.append("endless")


def waiting() -> Iterator[str]:
    yield "first"
    time.sleep(0.6)
    yield "second"


def stuck() -> Iterator[str]:
    yield "first"
    time.sleep(3600)


def failing() -> Iterator[str]:
    yield "first"
    raise ValueError("the source is broken")


def large() -> Iterator[str]:
    for number in range(100):
        yield f"{number} " + "x" * 50_000


# A hub that ends before the process does.
brief = Hub()
waits: list[str] = []


def ending() -> Iterator[bytes]:
    waits[:] = ["begun"]
    yield b": begun\n\n"
    brief.wait_closed()
    waits.append("ended")


SOURCES = {
    "numbers": numbers,
    "endless": endless,
    "waiting": waiting,
    "failing": failing,
    "large": large,
    "stuck": stuck,
}


def respond(place: str, query: dict[str, str]) -> Any:
    """What every other request is answered with, as JSON."""
    if place == "publish":
        for number in range(int(query.get("count", "1"))):
            hub.publish(
                query.get("topic", "ticks"), query.get("data", "{}").format(number) + "x" * int(query.get("pad", "0"))
            )
        return None
    if place == "end-topic":
        hub.end_topic(query["topic"])
        return None
    if place == "publish-process":
        hub.publish("ticks", str(os.getpid()))
    answers: dict[str, Callable[[], Any]] = {
        "connections": lambda: hub.stats().connections,
        "deliveries": lambda: deliveries,
        "open": lambda: len(deliveries) - len(reasons),
        "reasons": lambda: reasons,
        "cleaned": lambda: cleaned,
        "publish-process": os.getpid,
        "descriptors": lambda: len(os.listdir("/proc/self/fd")),
        "fork": fork,
        "waits": lambda: waits,
        "user-timeouts": user_timeouts,
        "end": brief.close,
    }
    return answers[place]()


def fork() -> int:
    """A child with a stream of its own, which ends as a program does."""
    child = os.fork()
    if child == 0:
        signal.alarm(5)
        response = ssecast.wsgi.EventSourceResponse(hub, topics=["ticks"])
        body = iter(response({"REQUEST_METHOD": "GET"}, lambda *_: None))
        # The hub's own greeting comes first.
        preamble = next(body)
        hub.publish("ticks", "of the child")
        ctypes.pythonapi.Py_Exit(7 if b"of the child" in preamble + next(body) else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def read() -> Iterator[bytes]:
    """What a view that reads the hub itself gives."""
    with hub.subscribe("ticks") as events:
        yield b": begun\n\n"
        for event in events:
            yield ssecast.encode(event)


def plain(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    query = {name: values[0] for name, values in parse_qs(environ.get("QUERY_STRING", "")).items()}
    place = environ["PATH_INFO"].lstrip("/")
    if place in ("read", "ending"):
        environ["eventlet.minimum_write_chunk_size"] = 0
        start_response("200 OK", [("Content-Type", "text/event-stream")])
        return read() if place == "read" else ending()
    if place == "stream":
        return ssecast.wsgi.EventSourceResponse(**options(query))(environ, start_response)
    if place == "dropped":
        # A response that is neither iterated over nor closed.
        ssecast.wsgi.EventSourceResponse(**options(query), environ=environ)
    body = json.dumps(None if place == "dropped" else respond(place, query)).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


def adding(name: str, value: str) -> Any:
    """The same behind a middleware that adds a header."""

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        return plain(environ, lambda status, headers: start_response(status, [*headers, (name, value)]))

    return app


def before_25(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """The same with what gunicorn gave to applications before its version 25."""
    del environ["wsgi.early_hints"]
    return plain(environ, start_response)


with_header = adding("Set-Cookie", "a=b")
encoded = adding("Content-Encoding", "identity")


flask_app = flask.Flask(__name__)


@flask_app.get("/stream")
def flask_stream() -> ResponseReturnValue:
    flask.session["seen"] = 1
    return ssecast.wsgi.EventSourceResponse(**options(flask.request.args), environ=flask.request.environ)


@flask_app.get("/short")
def flask_short() -> ResponseReturnValue:
    return ssecast.wsgi.EventSourceResponse(**options(flask.request.args))


@flask_app.get("/<place>")
def flask_rest(place: str) -> ResponseReturnValue:
    return flask.jsonify(respond(place, flask.request.args))


@flask_app.after_request
def after(response: flask.Response) -> flask.Response:
    response.headers["X-After"] = "1"
    return response


flask_app.secret_key = "secret"


def django_stream(request: HttpRequest) -> HttpResponse:
    response = ssecast.django.EventSourceResponse(request, **options(request.GET.dict()))
    response.set_cookie("seen", "1")
    return response


async def django_async_stream(request: HttpRequest) -> HttpResponse:
    return django_stream(request)


def django_rest(request: HttpRequest, place: str) -> HttpResponse:
    return JsonResponse(respond(place, request.GET.dict()), safe=False)


urlpatterns = [
    path("stream", django_stream),
    path("async-stream", django_async_stream),
    path("<str:place>", django_rest),
]
settings.configure(
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    MIDDLEWARE=[
        *(["django.middleware.gzip.GZipMiddleware"] if "GZIP" in os.environ else []),
        "django.middleware.common.CommonMiddleware",
        "django.middleware.http.ConditionalGetMiddleware",
    ],
)
django.setup()
django_app = get_wsgi_application()
django_asgi = get_asgi_application()
