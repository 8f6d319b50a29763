"""The body of a response that is an event stream, for a framework that writes the response itself, under asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

from ssecast._native import is_finished
from ssecast._streams.body import close_events, finished, last_event_id_of, refuse
from ssecast._streams.head import FINISHED_BLOCK, FULL, OVER, unavailable
from ssecast._streams.options import StreamOptions
from ssecast._streams.response_stream import ResponseStream
from ssecast._streams.shutdown import ServerShutdown
from ssecast.errors import ClosedError
from ssecast.session import Session

__all__ = ["AsyncBody", "answer_async"]


def answer_async(
    options: StreamOptions, environ: dict[str, Any], scope: Mapping[str, Any], headers: list[tuple[str, str]]
) -> tuple[str, list[tuple[str, str]], Any]:
    """Answers a request. Its stream is registered now or, where no event loop runs, when the body begins."""
    last_event_id = last_event_id_of(options, environ)
    if is_finished(last_event_id):
        close_events(options.events)
        return finished(headers)
    body = AsyncBody(options, environ, scope)
    try:
        if environ["REQUEST_METHOD"] == "HEAD":
            options.check(options.given_topics(environ), last_event_id)
            body.close()
            return "200 OK", headers, []
        if options.hub.closed:
            raise ClosedError("hub", "is closed")
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            # A view that is not asynchronous runs in a thread.
            pass
        else:
            body.register()
    except OVER:
        close_events(options.events)
        return finished(headers)
    except FULL:
        close_events(options.events)
        return refuse(options, environ, headers)
    return "200 OK", headers, body


class AsyncBody:
    """Iterated over once, by the framework."""

    def __init__(self, options: StreamOptions, environ: dict[str, Any], scope: Mapping[str, Any]) -> None:
        self._options = options
        self._environ = environ
        self._scope = scope
        self._session: Session | None = None
        self._begun = False

    def register(self) -> Session:
        """Registers the stream with the hub."""
        options = self._options
        topics = options.given_topics(self._environ)
        self._session = Session(options.hub, topics, last_event_id_of(options, self._environ), options.replay)
        return self._session

    def close(self) -> None:
        """Called by the framework when it is done with the response."""
        if not self._begun:
            if self._session is not None:
                self._session.left()
            close_events(self._options.events)

    def __del__(self) -> None:
        self.close()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self._begun = True
        try:
            session = self._session or self.register()
        except OVER:
            yield FINISHED_BLOCK
            return
        except FULL:
            # The head is out: the client comes back, a little later.
            yield unavailable(self._options.hub, "GET", "text/event-stream", [])[2]
            return
        loop = asyncio.get_running_loop()
        gone: asyncio.Future[None] = loop.create_future()
        chunks: asyncio.Queue[bytes | None] = asyncio.Queue()
        taken = asyncio.Event()

        async def send(chunk: bytes) -> None:
            taken.clear()
            chunks.put_nowait(chunk)
            await taken.wait()

        async def send_head() -> None:
            """The framework has done so."""

        shutdown = ServerShutdown.of(self._scope)
        stream = ResponseStream(self._options, session, gone, shutdown, None, send)
        running = loop.create_task(stream.run(send_head, direct=False))
        running.add_done_callback(lambda _: chunks.put_nowait(None))
        try:
            while (chunk := await chunks.get()) is not None:
                yield chunk
                # It is asked for more.
                taken.set()
        finally:
            if not gone.done():
                gone.set_result(None)
            await asyncio.wait([running])
            shutdown.forget()
        # What failed must not look complete.
        running.result()
