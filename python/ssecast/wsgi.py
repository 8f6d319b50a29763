"""Event streams for WSGI: Flask and any other framework or plain application, under any server.

>>> from ssecast import Hub
>>> from ssecast.wsgi import EventSourceResponse
>>> hub = Hub()
>>> def app(environ, start_response):
...     return EventSourceResponse(hub, topics=["ticks"])(environ, start_response)

In Flask: ``return EventSourceResponse(hub, topics=["ticks"], environ=request.environ)``.

Under gunicorn (20 and later; ``sync`` and ``gthread``), waitress and werkzeug, without TLS, the connection is handed
over to the engine and the worker is free at once, so that one worker serves thousands of streams; ``delivery`` is
``socket``. Under everything else a stream holds a thread of the server, and ``delivery`` is ``send``.

A stream ends with its server. gunicorn lets it have a farewell event first. waitress and werkzeug leave SIGTERM to the
system, which ends the process at once: ``signal.signal(signal.SIGTERM, lambda *_: sys.exit())`` lets farewells out.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Unpack

from ssecast._options import lists
from ssecast._streams.body import Answer, answer, delivery_of
from ssecast._streams.handover import Head
from ssecast._streams.head import stream_headers
from ssecast._streams.options import Options, ThreadOptions, refuse_unknown
from ssecast._streams.thread_session import ThreadSession
from ssecast.hub import Hub
from ssecast.session import Delivery

__all__ = ["EventSourceResponse", "ThreadSession"]

Environ = dict[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], object]


class EventSourceResponse:
    """An event stream as a WSGI response: an application by itself, or, with ``environ``, what a Flask view returns.

    ``source`` is a hub, or, for a private stream, an iterator of events: strings, bytes, :class:`Event`, dicts with
    ``data``, or any other data for JSON. The server's thread iterates; when the client has left, the iterator is closed
    at its next event. One that raises ends its stream, and the traceback is logged.

    - ``topics``: those of the hub that the client gets, or a function of the environ that returns them.
    - ``environ``: the request's; in a view of Flask it is found if it is left out. With it the stream is registered
      when the response is made, not when it is called.
    - ``replay``: what a client without a last event ID begins with: so many of the topics' last events, or ``"all"``
      that are kept. Default 0: it begins live.
    - ``ping``, ``send_timeout``: seconds, of private streams; a hub has its own. 0 is no ping. Default 15 and 30.
    - ``max_event_bytes``: of private streams: the most bytes of one event. Default 16 MiB, as a parser's.
    - ``finish``: of private streams: whether a client whose iterator has no more stays away. An ``EventSource`` comes
      back after every other end, and would get the answer again.
    - ``headers``: more headers. What makes the response a stream stays.
    - ``last_event_id``: where the client left, if not in the header ``Last-Event-ID``.
    - ``delivery``: ``"send"`` leaves the connection with the server.
    - ``farewell``: the event that is sent before the stream ends with the server.
    - ``on_connect``: called with the :class:`ThreadSession` when the stream begins, in the server's thread.
    - ``on_close``: called with the reason when it has ended, in a thread that serves all streams: it returns soon.

    A hub that refuses the client makes the response a 503 with ``Retry-After``, or, for an EventSource, a stream that
    is nothing but a reconnection time. One that has all of topics that have ended gets a 204. HEAD is answered without
    a stream.
    """

    def __new__(cls, source: Hub | Iterable[Any], *, environ: Environ | None = None, **_: Any) -> EventSourceResponse:
        # Flask takes a response of werkzeug's as it is; any other application it would run to its first bytes.
        given = environ is not None or _flask_environ() is not None
        if cls is EventSourceResponse and given and "werkzeug.wrappers" in sys.modules:
            return object.__new__(_werkzeug_response())
        return object.__new__(cls)

    @lists(Options)
    def __init__(
        self,
        source: Hub | Iterable[Any],
        *,
        environ: Environ | None = None,
        headers: Mapping[str, str] | None = None,
        **options: Unpack[Options],
    ) -> None:
        refuse_unknown(options)
        self._options = ThreadOptions(source, **options)
        self._headers = stream_headers(headers)
        self._answer: Answer | None = None
        if environ is not None:
            self._answer = answer(self._options, environ, self._headers)

    @property
    def delivery(self) -> Delivery | None:
        """How the bytes go out, once the stream has begun."""
        return delivery_of(self._answer and self._answer[2])

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        status, headers, body = self._answer = self._answer or answer(self._options, environ, self._headers)
        start_response(status, headers)
        return body


# What `inspect.signature` of the class looks at first.
EventSourceResponse.__new__.__signature__ = inspect.signature(EventSourceResponse.__init__)  # type: ignore[attr-defined]


def _flask_environ() -> Environ | None:
    """That of the request that Flask is answering, for a view that did not say it."""
    flask = sys.modules.get("flask")
    return flask.request.environ if flask is not None and flask.has_request_context() else None


@functools.cache
def _werkzeug_response() -> type[EventSourceResponse]:
    """The same as a response of werkzeug's, made when werkzeug is there."""
    from werkzeug.wrappers import Response

    class WerkzeugResponse(EventSourceResponse, Response):
        def __init__(
            self, source: Hub | Iterable[Any], *, environ: Any = None, headers: Any = None, **options: Any
        ) -> None:
            EventSourceResponse.__init__(self, source, headers=headers, **options)
            self._environ: Environ = _flask_environ() if environ is None else environ  # type: ignore[assignment]
            self._answer = answer(self._options, self._environ, self._headers, self._head)
            status, given, body = self._answer
            Response.__init__(self, body, status=status, headers=given)

        def _head(self) -> Head:
            """What was done to the response since."""
            return self.status, self.get_wsgi_headers(self._environ).to_wsgi_list()

        def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
            return Response.__call__(self, environ, start_response)

    return WerkzeugResponse
