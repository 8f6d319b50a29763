"""A response's stream under asyncio: from its head to its end."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterable, Awaitable, Callable, Coroutine
from typing import Any

from ssecast._delivery.receiver import GRACE
from ssecast._failure import contain
from ssecast._native import PeerTimeout
from ssecast._streams import source
from ssecast._streams.options import StreamOptions, settle
from ssecast._streams.servers import Connection
from ssecast._streams.shutdown import ServerShutdown
from ssecast._streams.writer import SendWriter, TransportWriter
from ssecast.session import Session

__all__ = ["ResponseStream"]

# Seconds between looks at a head that is on its way; about one second in all.
STEPS = (0, 0, 0.001, 0.002, 0.005, 0.01, 0.02, *(0.05,) * 20)

# An event loop holds its tasks weakly.
_cleanups: set[asyncio.Task[None]] = set()


class ResponseStream:
    """One request that is answered with a stream."""

    def __init__(
        self,
        options: StreamOptions,
        session: Session,
        gone: asyncio.Future[None],
        shutdown: ServerShutdown,
        connection: Connection | None,
        send: Callable[[bytes], Awaitable[None]],
    ) -> None:
        """``gone`` is done when the client has left; ``shutdown`` is the server's; ``send`` sends a part of the body
        through the server."""
        self.session = session
        self._options = options
        self._gone = gone
        self._shutdown = shutdown
        self._connection = connection
        self._send = send
        self._loop = asyncio.get_running_loop()
        self._writer: SendWriter | TransportWriter | None = None
        self._peer_timeout: PeerTimeout | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._begun = False

    async def run(self, head: Callable[[], Awaitable[None]], *, direct: bool) -> bool:
        """Has the head sent and the stream written, to its end. Returns whether the response is to be ended by the
        server; otherwise the connection is closed by now, or of no use.

        Only if it is ``direct`` may the connection be written to past the server.
        """
        session = self.session
        self._gone.add_done_callback(self._left)
        try:
            self._shutdown.when_begun(self._shut_down)
            if self._connection is not None and self._connection.transport.is_closing():
                session.left()
            try:
                await head()
            except OSError:
                # As ASGI has it: the client is gone.
                session.left()
            if session.reason is None:
                await self._start(direct)
            if session.reason is None:
                self._begin()
            await session.wait_closed()
        finally:
            self._gone.remove_done_callback(self._left)
            await self._clean_up()
        if self._gone.done():
            return False
        if session.reason != "error" and not session.cut:
            return True
        if self._connection is None or not self._connection.exclusive:
            if session.reason == "error" and not session.cut:
                # A server cuts a response off whose application fails, but for daphne, which forgets it. Complete, it
                # would look as if this was all.
                self._loop.call_later(GRACE, self._shutdown.cut_connection, True)
                raise RuntimeError("the stream failed, as was logged before")
            # A server that takes nothing more is left alone; any other ends the response, and the client comes back.
            return not session.cut
        await self._cut(self._connection.transport)
        return False

    async def _start(self, direct: bool) -> None:
        """Chooses the delivery once the head is out, and lets the stream begin."""
        session, connection, choice = self.session, self._connection, self._options.delivery
        if connection is None or not direct or choice == "send" or not await self._is_framed(connection):
            self._writer = SendWriter(session, self._send)
        elif choice == "auto" and await self._attach(connection.transport):
            return
        else:
            self._writer = TransportWriter(session, connection.transport, connection.drain)
        if connection is not None:
            self._limit_silence(connection.transport)
        session.start(self._writer)

    def _limit_silence(self, transport: asyncio.Transport) -> None:
        """Has the system end the connection when its client vanished: only it sees whether the client answers."""
        socket = transport.get_extra_info("socket")
        if socket is not None and not transport.is_closing():
            self._peer_timeout = PeerTimeout(self._options.hub, socket.fileno())

    def _restore_timeout(self) -> None:
        timeout, connection = self._peer_timeout, self._connection
        if timeout is None or connection is None:
            return
        # The descriptor of a closed connection may be another's by now. A shared connection may have other streams.
        if connection.exclusive and not connection.transport.is_closing():
            timeout.restore(connection.transport.get_extra_info("socket").fileno())

    async def _is_framed(self, connection: Connection) -> bool:
        """Waits until the head is written: a middleware may hold it back."""
        for step in STEPS:
            framed = connection.is_framed()
            if framed is not None or self.session.reason is not None:
                return framed is True
            await asyncio.sleep(step)
        return False

    async def _attach(self, transport: asyncio.Transport) -> bool:
        """Hands the socket over once the server has nothing more to write to it, if it is the whole connection."""
        # With TLS the transport has a socket too.
        if any(transport.get_extra_info(name) is not None for name in ("sslcontext", "ssl_object")):
            return False
        for step in STEPS:
            socket = transport.get_extra_info("socket")
            if self.session.reason is not None or transport.is_closing() or socket is None:
                return False
            if transport.get_write_buffer_size() == 0:
                return self.session.attach(socket.fileno(), chunked=True)
            await asyncio.sleep(step)
        return False

    def _begin(self) -> None:
        """Calls the application, and lets its iterator run."""
        options, self._begun = self._options, True
        if options.on_connect is not None:
            self._spawn(self._connected(options.on_connect))
        if isinstance(options.events, AsyncIterable):
            self._spawn(source.feed(self.session, options.events, options.end))
        elif options.events is not None:
            source.feed_from_thread(self.session, options.events, options.end)

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(self._loop.create_task(coroutine))

    async def _connected(self, on_connect: Callable[[Session], object]) -> None:
        try:
            await settle(on_connect(self.session))
        except asyncio.CancelledError as error:
            # It is cancelled when the stream has ended. Any other one is a failure.
            if self.session.reason is None:
                self.session.close("error")
                contain("on_connect was cancelled", error)
            raise
        except BaseException as error:
            self.session.close("error")
            contain("on_connect failed", error)

    def _left(self, _: asyncio.Future[None]) -> None:
        self.session.left()

    def _shut_down(self) -> None:
        """The server ends: sends the farewell, and gives the client up that does not take it in time."""
        self._loop.call_later(GRACE, self._give_up)
        self.session.end_with_farewell(self._options.farewell)

    def _give_up(self) -> None:
        late = self.session.reason is None
        self.session.left("shutdown")
        # A server waits for a connection that has something to send, however long its client takes nothing.
        if self._connection is None:
            self._shutdown.cut_connection(late)
        elif late or self._connection.transport.is_closing() or self._connection.transport.get_write_buffer_size():
            self._connection.transport.abort()

    async def _clean_up(self) -> None:
        """Leaves nothing behind, also if the server has cancelled the response."""
        self.session.left("server")
        self._restore_timeout()
        for task in self._tasks:
            task.cancel()
        if self._writer is not None:
            self._writer.cancel()
        # By a task of its own, which is not cancelled as this one may be, again and again.
        rest = self._loop.create_task(self._close())
        _cleanups.add(rest)
        rest.add_done_callback(_cleanups.discard)
        # A server that ends waits for its responses: no source, nor a callback, may hold it for long.
        late: asyncio.Future[None] = self._loop.create_future()
        self._shutdown.when_begun(lambda: self._loop.call_later(GRACE, late.cancel))
        await asyncio.wait([rest, late], return_when=asyncio.FIRST_COMPLETED)

    async def _close(self) -> None:
        options = self._options
        if self._tasks:
            await asyncio.wait(self._tasks)
        reason = await self.session.wait_closed()
        # A task that is cancelled before its first step does not even begin.
        if not self._begun or isinstance(options.events, AsyncIterable):
            await self._try(options.release, "the source of a stream's events failed")
        if options.on_close is not None:
            await self._try(functools.partial(options.on_close, reason), "on_close failed")

    async def _try(self, function: Callable[[], object], problem: str) -> None:
        """Calls a function of the application, when the stream is over."""
        try:
            await settle(function())
        except BaseException as error:
            contain(problem, error)

    async def _cut(self, transport: asyncio.Transport) -> None:
        """Closes the connection, so that the client sees that this was not all. What has gone out stays."""
        if self.session.cut:
            transport.abort()
        else:
            transport.close()
        # A server blames the application for a response that is not complete, unless the connection is gone.
        await asyncio.wait([self._gone], timeout=GRACE)
