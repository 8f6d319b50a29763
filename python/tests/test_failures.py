"""Code of the application that ends in another way than by returning or by an Exception."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from ssecast import Event, Hub, Session
from ssecast.asgi import EventSourceResponse
from ssecast.wsgi import EventSourceResponse as ThreadResponse

SCOPE = {"type": "http", "method": "GET", "http_version": "1.1", "headers": []}


class TimeoutOfGreenlets(BaseException):
    """As gevent and eventlet have it."""


WAYS = [ValueError, StopIteration, SystemExit, GeneratorExit, asyncio.CancelledError, TimeoutOfGreenlets]
EVERY_WAY = pytest.mark.parametrize("way", WAYS)


class Values:
    """An iterator of both kinds that gives one value, and then raises."""

    def __init__(self, way: type[BaseException]) -> None:
        self._way, self._given, self.closed = way, False, 0

    def __iter__(self) -> Values:
        return self

    def __aiter__(self) -> Values:
        return self

    def __next__(self) -> str:
        if self._given:
            raise self._way("on purpose")
        self._given = True
        return "one"

    async def __anext__(self) -> str:
        return next(self)

    def close(self) -> None:
        self.closed += 1


class OfThreads(Values):
    __aiter__ = None  # type: ignore[assignment]


def serve(response: EventSourceResponse) -> list[Any]:
    """What a server gets of a response that ends by itself."""
    messages = []

    async def receive() -> Any:
        await asyncio.Event().wait()

    async def send(message: Any) -> None:
        messages.append(message)

    async def main() -> None:
        async with asyncio.timeout(30):
            try:
                await response(SCOPE, receive, send)
            except RuntimeError as error:
                messages.append(error)
        # What was cancelled ends in its own turn.
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())
    return messages


@EVERY_WAY
@pytest.mark.parametrize("kind", [Values, OfThreads])
def test_a_source_that_ends_in_any_way_ends_its_stream_under_asyncio(
    kind: type[Values], way: type[BaseException]
) -> None:
    source, reasons = kind(way), list[str]()
    messages = serve(EventSourceResponse(source, on_close=reasons.append))
    # For an iterator of threads StopIteration is no failure.
    complete = (kind, way) == (OfThreads, StopIteration)
    assert reasons == ["server" if complete else "error"]
    assert b"data: one\n\n" in b"".join(message["body"] for message in messages[1:-1])
    assert isinstance(messages[-1], RuntimeError) is not complete
    assert source.closed


@EVERY_WAY
@pytest.mark.parametrize("awaited", [False, True])
def test_a_callback_that_ends_in_any_way_ends_its_stream_under_asyncio(way: type[BaseException], awaited: bool) -> None:
    reasons = []

    def fail(_: object) -> Any:
        async def later() -> None:
            raise way("on purpose")

        if awaited:
            return later()
        raise way("on purpose")

    def close(reason: str) -> Any:
        reasons.append(reason)
        return fail(reason)

    hub = Hub()
    messages = serve(EventSourceResponse(hub, topics=["t"], on_connect=fail, on_close=close))
    assert isinstance(messages[-1], RuntimeError)
    assert reasons == ["error"]
    assert hub.stats().connections == 0


def test_a_task_of_a_source_that_others_cancel_ends_its_stream() -> None:
    async def source() -> AsyncIterator[str]:
        yield "one"
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.Event().wait()

    reasons: list[str] = []
    serve(EventSourceResponse(source(), on_close=reasons.append))
    assert reasons == ["error"]


def open_stream(source: Any, **options: Any) -> Iterator[bytes]:
    """The body of a stream on a server with threads, whose connection stays with the server."""
    return iter(ThreadResponse(source, **options)({"REQUEST_METHOD": "GET"}, lambda *_: None))


def within(seconds: float, call: Callable[[], object]) -> list[BaseException | None]:
    """How a call in a thread of its own has ended; empty if it has not."""
    ends: list[BaseException | None] = []

    def run() -> None:
        try:
            call()
        except BaseException as error:
            ends.append(error)
        else:
            ends.append(None)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    return ends


@EVERY_WAY
def test_a_source_that_ends_in_any_way_ends_its_stream_in_threads(way: type[BaseException]) -> None:
    source, reasons, chunks = OfThreads(way), list[str](), list[bytes]()
    ends = within(30, lambda: chunks.extend(open_stream(source, on_close=reasons.append)))
    complete = way is StopIteration
    # What a server with threads bears, and its thread survives.
    assert [type(end) for end in ends] == [type(None) if complete else RuntimeError]
    assert reasons == ["server" if complete else "error"]
    assert source.closed


@EVERY_WAY
@pytest.mark.parametrize("callback", ["on_connect", "on_close"])
def test_a_callback_that_ends_in_any_way_leaves_the_thread_of_all_streams_alive(
    callback: str, way: type[BaseException]
) -> None:
    def fail(_: object) -> None:
        raise way("on purpose")

    hub = Hub()
    body = open_stream(hub, topics=["t"], **{callback: fail})
    next(body)
    hub.publish("t", "1")
    body.session.close()  # type: ignore[attr-defined]
    assert len(within(30, lambda: list(body))) == 1
    # The thread serves another one.
    other = open_stream(hub, topics=["t"])
    assert within(30, lambda: next(other)) == [None]
    other.close()  # type: ignore[attr-defined]
    assert hub.stats().connections == 0


def test_an_interrupt_of_the_main_thread_goes_on() -> None:
    hub, reasons = Hub(), list[str]()
    body = open_stream(OfThreads(KeyboardInterrupt), on_close=reasons.append)
    with pytest.raises(KeyboardInterrupt):
        list(body)
    body.close()  # type: ignore[attr-defined]
    assert hub.stats().connections == 0
    assert reasons in (["error"], ["client"])


def test_a_farewell_that_the_hub_does_not_take_keeps_no_stream_open() -> None:
    hub, farewell = Hub(max_event_bytes=100), Event("x" * 200)

    async def main() -> None:
        session = Session(hub, ["t"])
        session.end_with_farewell(farewell)
        # It gets nothing before it is started, so it can but be closing.
        assert not session.send("too late")
        session.left()

    asyncio.run(main())
    body = open_stream(hub, topics=["t"], farewell=farewell)
    next(body)
    body.session.shut_down()  # type: ignore[attr-defined]
    assert within(30, lambda: list(body)) == [None]


class Cursor:
    """What is closed by a coroutine, under the name that files have for it."""

    closed = False

    def __aiter__(self) -> Cursor:
        return self

    async def __anext__(self) -> str:
        if self.closed:
            raise StopAsyncIteration
        await asyncio.sleep(0)
        return "x"

    async def close(self) -> None:
        await asyncio.sleep(0)
        self.closed = True


def test_a_source_whose_close_is_a_coroutine_is_closed() -> None:
    cursor = Cursor()
    hub = Hub()

    async def main() -> None:
        gone = asyncio.Event()

        async def receive() -> Any:
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            if b"data" in message.get("body", b""):
                gone.set()

        await EventSourceResponse(cursor)(SCOPE, receive, send)

    asyncio.run(main())
    assert cursor.closed
    assert hub.stats().connections == 0
