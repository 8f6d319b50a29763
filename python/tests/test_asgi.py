"""The ASGI response by itself: what it refuses, and what it leaves behind."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import subprocess
import sys
import time
import types
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.responses import Response

from ssecast import Event, Hub, InvalidOptionError, Parser
from ssecast.asgi import EventSourceResponse

SCOPE = {"type": "http", "method": "GET", "http_version": "1.1", "headers": []}


class Client:
    """What a server gives an application; it leaves when it has seen what it waits for."""

    def __init__(self, until: Callable[[bytes], bool] = lambda body: False) -> None:
        self.messages: list[Any] = []
        self.body = b""
        self.gone = asyncio.Event()
        self._until = until

    async def receive(self) -> Any:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        self.messages.append(message)
        self.body += message.get("body", b"")
        if self._until(self.body):
            self.gone.set()


@pytest.mark.parametrize(
    ("source", "options", "problem"),
    [
        (Hub(), {}, "topics is missing"),
        (Hub(), {"topics": "ticks"}, "topics must be a sequence of strings"),
        (Hub(), {"topics": ["ticks"], "ping": 5}, "heartbeat"),
        (Hub(), {"topics": ["ticks"], "send_timeout": 5}, "slow_client"),
        (Hub(), {"topics": ["ticks"], "max_event_bytes": 5}, "max_event_bytes"),
        ([], {"max_event_bytes": "5"}, "max_event_bytes must be a number, not str"),
        ([], {"ping": "5"}, "ping must be a number, not str"),
        ([], {"send_timeout": True}, "send_timeout must be a number, not bool"),
        (Hub(), {"topics": ["ticks"], "farewell": "bye"}, "farewell must be an Event"),
        (Hub(), {"topics": ["ticks"], "headers": ["x"]}, "headers must be a mapping"),
        (Hub(), {"topics": ["ticks"], "topic": 1}, "no option 'topic'; it has"),
        (Hub(), {"topics": ["ticks", 1]}, r"topics\[1\] is of the type int"),
        (Hub(), {"topics": 5}, "topics must be a sequence of strings, not int"),
        (Hub(), {"topics": ["ticks"], "on_close": 5}, "on_close must be a function"),
        (Hub(), {"topics": ["ticks"], "last_event_id": 5}, "last_event_id must be a string"),
        (Hub, {"topics": ["ticks"]}, r"not the class Hub; make one: Hub\(\)"),
        (len, {}, "call it"),
        (None, {}, "source must be a Hub or an iterator of events, not NoneType"),
        ([], {"topics": ["ticks"]}, "topics are a hub's"),
        ("text", {}, "source must be a Hub or an iterator of events, not str; wrap it in a list"),
        (5, {}, "source must be a Hub or an iterator"),
    ],
)
def test_a_wrong_argument_is_named(source: Any, options: dict[str, Any], problem: str) -> None:
    with pytest.raises(TypeError, match=problem):
        EventSourceResponse(source, **options)


@pytest.mark.parametrize("options", [{"ping": -1}, {"send_timeout": float("nan")}, {"max_event_bytes": 0}])
def test_a_number_out_of_its_range_is_named(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidOptionError) as raised:
        EventSourceResponse([], **options)
    assert raised.value.field == next(iter(options))


def test_an_unknown_delivery_is_refused() -> None:
    with pytest.raises(ValueError, match="delivery must be"):
        EventSourceResponse([], delivery="socket")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wanted", "sent"),
    [
        ("private, no-store", "private, no-store, no-transform"),
        ("no-store, no-transform", "no-store, no-transform"),
        ("public, max-age=60", "public, max-age=60, no-cache, no-transform"),
    ],
)
def test_a_stricter_cache_control_stays(wanted: str, sent: str) -> None:
    response = EventSourceResponse([], headers={"Cache-Control": wanted})
    assert response.headers["cache-control"] == sent


def test_it_is_a_response_of_starlette_that_takes_headers_and_cookies() -> None:
    response = EventSourceResponse([], headers={"X-More": "1", "Content-Type": "text/plain"})
    response.headers["x-even-more"] = "2"
    response.set_cookie("name", "value")
    assert isinstance(response, Response)
    assert (response.headers["content-type"], response.headers["x-more"]) == ("text/event-stream; charset=utf-8", "1")
    assert "content-length" not in response.headers
    assert (b"x-even-more", b"2") in response.raw_headers


def test_without_starlette_it_is_an_application_of_its_own() -> None:
    program = """
import asyncio, sys
sys.modules["starlette"] = None
from ssecast.asgi import EventSourceResponse
sent = []
async def receive(): await asyncio.Event().wait()
async def send(message): sent.append(message)
scope = {"type": "http", "method": "GET", "http_version": "1.1", "headers": []}
asyncio.run(EventSourceResponse(["one"])(scope, receive, send))
assert sent[0]["status"] == 200 and b"".join(message.get("body", b"") for message in sent) == b"data: one\\n\\n", sent
assert not {"starlette", "uvicorn", "aiohttp", "litestar"} & {name for name, module in sys.modules.items() if module}
"""
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize("seconds", [0, 0.05])
def test_cancellation_leaves_nothing_behind(seconds: float) -> None:
    hub, events = Hub(), []

    async def source() -> AsyncIterator[str]:
        try:
            yield "one"
            await asyncio.Event().wait()
        finally:
            events.append("cleaned")

    async def main() -> None:
        for response in (
            EventSourceResponse(hub, topics=["ticks"], on_close=events.append),
            EventSourceResponse(source(), on_connect=lambda _: asyncio.Event().wait(), on_close=events.append),
        ):
            client = Client()
            task = asyncio.create_task(response(SCOPE, client.receive, client.send))
            await asyncio.sleep(seconds)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())
    assert hub.stats().connections == 0
    assert events == (["server", "cleaned", "server"] if seconds else [])


def test_a_response_that_is_never_sent_releases_its_subscription() -> None:
    hub = Hub()

    async def main() -> None:
        async def source(subscription: AsyncIterator[Event]) -> AsyncIterator[Event]:
            async for event in subscription:
                yield event

        response = EventSourceResponse(source(hub.subscribe("ticks")))
        assert hub.stats().connections == 1
        del response
        gc.collect()
        assert hub.stats().connections == 0

    asyncio.run(main())


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_source_without_a_reader_is_closed_at_once_and_there_is_no_answer(method: str) -> None:
    hub = Hub()

    async def main() -> None:
        client = Client()
        client.gone.set()
        subscription = hub.subscribe("ticks")
        await EventSourceResponse(subscription)({**SCOPE, "method": method}, client.receive, client.send)
        assert hub.stats().connections == 0
        assert client.messages == []

    asyncio.run(main())


def test_a_background_task_runs_when_the_stream_is_over() -> None:
    order = []

    async def after() -> None:
        order.append("background")

    async def main() -> None:
        client = Client()
        response = EventSourceResponse(["one"], on_close=order.append, background=after)
        assert response.delivery is None
        await response(SCOPE, client.receive, client.send)
        assert response.delivery == "send"
        assert client.messages[-1] == {"type": "http.response.body", "body": b"", "more_body": False}

    asyncio.run(main())
    assert order == ["server", "background"]


def test_a_session_may_send_from_on_connect_for_as_long_as_the_stream_is_open() -> None:
    async def main() -> bytes:
        hub = Hub(retry=None)
        client = Client(lambda body: b"data: last" in body)

        async def talk(session: Any) -> None:
            session.send("first", event="hello")
            await session.drain()
            session.send(Event("last", comment="well"))
            await asyncio.Event().wait()

        await EventSourceResponse(hub, topics=[], on_connect=talk)(SCOPE, client.receive, client.send)
        assert hub.stats().connections == 0
        return client.body

    assert b"event: hello\ndata: first\n\n: well\ndata: last\n\n" in asyncio.run(main())


def test_event_loops_in_several_threads_have_their_own_streams_of_one_hub() -> None:
    hub = Hub()

    def serve(_: int) -> bytes:
        async def main() -> bytes:
            client = Client(lambda body: b"data: 99\n" in body)
            await EventSourceResponse(hub, topics=["ticks"])(SCOPE, client.receive, client.send)
            return client.body

        return asyncio.run(main())

    with ThreadPoolExecutor(4) as threads:
        streams = [threads.submit(serve, number) for number in range(4)]
        while hub.stats().connections < 4:
            time.sleep(0.001)
        for number in range(100):
            hub.publish("ticks", str(number))
        bodies = {stream.result(30).split(b"\n\n", 1)[1] for stream in streams}
    # All of them got the same, but for the place where each joined.
    assert len(bodies) == 1
    assert bodies.pop().count(b"data: ") == 100


def test_it_is_what_an_endpoint_of_fastapi_returns() -> None:
    app = FastAPI()

    @app.get("/stream")
    async def stream() -> EventSourceResponse:
        return EventSourceResponse(iter(["one", {"data": 2, "event": "number"}]))

    async def main() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
            return await client.get("/stream")

    response = asyncio.run(main())
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert response.text == "data: one\n\nevent: number\ndata: 2\n\n"


def test_fastapi_documents_an_endpoint_whose_response_class_it_is() -> None:
    app, hub = FastAPI(), Hub()

    @app.get("/stream", response_class=EventSourceResponse)
    async def stream() -> Any:
        return EventSourceResponse(hub, topics=["ticks"])

    @app.get("/typed", status_code=201)
    async def typed() -> EventSourceResponse:
        return EventSourceResponse(hub, topics=["ticks"])

    async def main() -> list[httpx.Response]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
            return [await client.get("/openapi.json"), await client.get("/docs")]

    documents = asyncio.run(main())
    assert [document.status_code for document in documents] == [200, 200]
    (stated,) = documents[0].json()["paths"]["/stream"]["get"]["responses"].items()
    assert (stated[0], list(stated[1]["content"])) == ("200", ["text/event-stream"])
    with pytest.raises(ValueError, match="status_code must be 200"):
        EventSourceResponse(hub, topics=["ticks"], status_code=201)


@pytest.mark.parametrize(
    ("options", "reason"),
    [({}, "server"), ({"max_event_bytes": 32 << 20}, "server"), ({"max_event_bytes": 1 << 20}, "error")],
)
def test_an_event_of_a_private_stream_is_as_large_as_a_parser_takes(options: dict[str, Any], reason: str) -> None:
    size = options.get("max_event_bytes", 16 << 20) - 100 if reason == "server" else 2 << 20
    reasons: list[str] = []
    client = Client()

    async def source() -> AsyncIterator[str]:
        yield "x" * size

    response = EventSourceResponse(source(), on_close=reasons.append, **options)
    with contextlib.nullcontext() if reason == "server" else pytest.raises(RuntimeError, match="the stream failed"):
        asyncio.run(response(SCOPE, client.receive, client.send))
    assert reasons == [reason]
    events = Parser(max_event_bytes=size + 100).feed(client.body)
    assert [len(event.data or "") for event in events] == [size] * (reason == "server")


def eager(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Any], **options: Any) -> asyncio.Future[Any]:
    """Tasks that begin when they are made: Python's own from 3.12 on, and what matters of them before."""
    if sys.version_info >= (3, 12):
        return asyncio.eager_task_factory(loop, coroutine, **options)

    @types.coroutine
    def rest(waits: Any) -> Iterator[Any]:
        while True:
            try:
                sent = yield waits
            except BaseException as error:
                step = functools.partial(coroutine.throw, error)
            else:
                step = functools.partial(coroutine.send, sent)
            try:
                waits = step()
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return]

    async def go_on(waits: Any) -> Any:
        return await rest(waits)

    future = loop.create_future()
    try:
        waits = coroutine.send(None)
    except StopIteration as end:
        future.set_result(end.value)
        return future
    return asyncio.Task(go_on(waits), loop=loop)


@pytest.mark.parametrize("pause", [False, True])
def test_tasks_that_begin_at_once_lose_nothing(pause: bool) -> None:
    class Slow(Client):
        async def send(self, message: Any) -> None:
            if pause:
                await asyncio.sleep(0)
            await super().send(message)

    async def main() -> None:
        asyncio.get_running_loop().set_task_factory(eager)  # type: ignore[arg-type]
        hub, client = Hub(), Slow(lambda body: b"data: 19\n" in body)
        stream = asyncio.create_task(EventSourceResponse(hub, topics=["ticks"])(SCOPE, client.receive, client.send))
        while not hub.stats().connections:
            await asyncio.sleep(0)
        for number in range(20):
            hub.publish("ticks", number)
            await asyncio.sleep(0.001)
        await asyncio.wait_for(stream, 30)
        assert client.body.count(b"data: ") == 20

        private = Slow()
        await EventSourceResponse(source())(SCOPE, private.receive, private.send)
        assert private.body.count(b"data: ") == 20

    async def source() -> AsyncIterator[int]:
        for number in range(20):
            yield number

    asyncio.run(main())


def test_without_an_event_loop_of_asyncio_the_error_says_so() -> None:
    async def channel(*_: object) -> Any:
        """Never called."""

    # Whatever else drives the coroutine. Trio itself can't be installed beside eventlet, which would import it.
    running = EventSourceResponse(["one"])(SCOPE, channel, channel)
    with pytest.raises(RuntimeError, match="ssecast needs asyncio"):
        running.send(None)


def test_a_callback_that_fails_is_logged_and_ends_its_stream(caplog: pytest.LogCaptureFixture) -> None:
    reasons = []

    async def main() -> None:
        client = Client()

        async def fail(_: object) -> None:
            raise ValueError("on purpose")

        def close(reason: str) -> None:
            reasons.append(reason)
            raise ValueError("on purpose, too")

        response = EventSourceResponse(Hub(), topics=[], on_connect=fail, on_close=close)
        # So that the server cuts the response off.
        with pytest.raises(RuntimeError, match="the stream failed"):
            await response(SCOPE, client.receive, client.send)
        assert client.messages[-1]["more_body"]

    asyncio.run(main())
    assert reasons == ["error"]
    assert [record.message for record in caplog.records] == ["on_connect failed", "on_close failed"]
