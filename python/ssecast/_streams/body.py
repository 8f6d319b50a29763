"""The body of a WSGI response that is an event stream."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Generator, Iterable, Iterator
from http import HTTPStatus
from typing import Any

from ssecast._failure import contain
from ssecast._streams.handover import Head, close_connection, hand_over, limit_silence, require_descriptors
from ssecast._streams.head import FINISHED, FULL, OVER, Headers, finished_headers, unavailable
from ssecast._streams.options import StreamOptions, ThreadOptions
from ssecast._streams.source import BACKLOG, send
from ssecast._streams.thread_session import ThreadSession
from ssecast._streams.thread_shutdown import ServerEndsError, interrupted_by_sigterm
from ssecast.session import Delivery

__all__ = ["Answer", "Body", "answer", "close_events", "delivery_of", "finished", "last_event_id_of", "refuse"]

# The value of an iterator that has no more.
END = object()

Answer = tuple[str, list[tuple[str, str]], Iterable[bytes]]
"""Status, headers and body: a stream, or a refusal, or nothing to HEAD."""


def answer(
    options: ThreadOptions,
    environ: dict[str, Any],
    headers: list[tuple[str, str]],
    head: Callable[[], Head] | None = None,
) -> Answer:
    """Answers a request: registers its stream. ``head``, a method, tells what the framework has made of the head by
    the time that the body begins."""
    status = "200 OK"
    last_event_id = last_event_id_of(options, environ)
    try:
        # Whether the client may read them comes first.
        topics = options.given_topics(environ)
        if environ["REQUEST_METHOD"] == "HEAD":
            options.check(topics, last_event_id)
            close_events(options.values)
            return status, headers, []
        if options.delivery == "auto":
            require_descriptors()
        session = ThreadSession(options.hub, topics, last_event_id, options.replay, options.farewell, options.on_close)
    except OVER:
        close_events(options.values)
        return finished(headers)
    except FULL:
        close_events(options.values)
        return refuse(options, environ, headers)
    except BaseException:
        close_events(options.values)
        raise
    # eventlet's server would hold back what is less than 4 KiB.
    environ.setdefault("eventlet.minimum_write_chunk_size", 0)
    return status, headers, Body(session, environ, (status, headers), head, options)


def last_event_id_of(options: StreamOptions, environ: dict[str, Any]) -> str:
    """Where the client left."""
    # WSGI reads headers as Latin-1.
    return options.last_event_id(environ.get("HTTP_LAST_EVENT_ID", "").encode("latin-1", "replace"))


def finished(headers: Headers) -> Answer:
    """The answer to a client that gets no stream any more."""
    return f"{FINISHED} {HTTPStatus(FINISHED).phrase}", finished_headers(headers), []


def refuse(options: StreamOptions, environ: dict[str, Any], headers: Headers) -> Answer:
    """The answer to a client that can have no stream for the moment."""
    accept = environ.get("HTTP_ACCEPT", "")
    status, headers, body = unavailable(options.hub, environ["REQUEST_METHOD"], accept, headers)
    return f"{status} {HTTPStatus(status).phrase}", headers, [body]


class Body:
    """Registered already, the stream begins when the server asks for the first bytes. If the server allows it, the
    connection is handed over to the engine then, and the server gets no bytes at all; otherwise it gets the stream's.
    """

    def __init__(
        self,
        session: ThreadSession,
        environ: dict[str, Any],
        given: Head,
        head: Callable[[], Head] | None,
        options: ThreadOptions,
    ) -> None:
        self.session = session
        self.begun = False
        self._environ = environ
        self._given = given
        # Weak, so that a body which is dropped before its iteration goes at once.
        self._head = None if head is None else weakref.WeakMethod(head)
        self._options = options
        self._chunks: Generator[bytes, None, None] | None = None
        self._restore: Callable[[], None] | None = None

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._chunks is None:
            self._chunks = self._run()
        return next(self._chunks)

    def close(self) -> None:
        """Called by the server when it is done with the response."""
        if self._chunks is not None:
            self._chunks.close()
        restore, self._restore = self._restore, None
        if restore is not None:
            restore()
        # A connection that was handed over is not the server's any more, although the server may not know.
        if self.session.delivery != "socket":
            self.session.left()
            if self.session.reason == "shutdown":
                close_connection(self._environ)
        close_events(self._options.values)

    def __del__(self) -> None:
        # A server or a middleware may drop the body before it begins.
        self.close()

    def _run(self) -> Generator[bytes, None, None]:
        session, options = self.session, self._options
        head = self._head() if self._head is not None else None
        if options.delivery != "auto" or not hand_over(session, self._environ, head() if head else self._given):
            self._restore = limit_silence(options.hub, self._environ)
            session.start()
        self.begun = True
        if options.on_connect is not None:
            try:
                options.on_connect(session)
            except BaseException as error:
                session.close("error")
                contain("on_connect failed", error)
        if options.values is not None:
            yield from self._feed(options.values)
        if session.delivery != "socket":
            yield from session.batches()
            if session.reason == "error":
                # A server cuts a response off whose application fails. Complete, it would look as if this was all.
                raise RuntimeError("the stream failed, as was logged before")

    def _feed(self, events: Iterable[Any]) -> Iterator[bytes]:
        """Sends what an iterator gives, at the client's pace, and ends the stream."""
        session = self.session
        # An engine thread writes by itself; this one has to after every event.
        limit = BACKLOG if session.delivery == "socket" else 0
        try:
            iterator = iter(events)
        except BaseException as error:
            session.close("error")
            contain("the source of a stream's events failed", error)
            return
        with interrupted_by_sigterm() as wait:
            try:
                while self._next(iterator, wait):
                    yield from session.drain(limit)
            finally:
                close_events(iterator)

    def _next(self, events: Iterator[Any], wait: Callable[[Callable[[], Any]], Any]) -> bool:
        """Sends the next event; returns whether there may be more. Otherwise the stream is ending."""
        session = self.session
        try:
            event = wait(functools.partial(next, events, END))
            session.check_server()
            if event is not END:
                return send(session, event)
            self._options.end(session)
        except ServerEndsError:
            session.shut_down()
        except BaseException as error:
            # When the server closes the body, GeneratorExit is raised where the body yields, not here.
            session.close("error")
            contain("the source of a stream's events failed", error)
        return False


def delivery_of(body: object) -> Delivery | None:
    """How the bytes of a body go out, once they do."""
    return body.session.delivery if isinstance(body, Body) and body.begun else None


def close_events(events: object) -> None:
    """Closes an iterator that is not needed any more, whether or not it has begun."""
    if isinstance(events, Iterator) and hasattr(events, "close"):
        try:
            events.close()
        except BaseException as error:
            contain("the source of a stream's events failed", error)
