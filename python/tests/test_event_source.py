"""The reconnecting client against sockets of its own: closing, handlers, errors, and a hub that is cut off."""

import asyncio
import gc
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any

import pytest
import trio

import ssecast
from ssecast import AsyncEventSource, EventSource, Hub, InvalidIdError, InvalidOptionError, Retry

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"


@contextmanager
def answering(*answers: bytes) -> Iterator[tuple[str, list[bytes], threading.Event]]:
    """Gives one answer to each connection, and keeps it open until the client leaves: its URL, the requests, and
    whether the last client has left."""
    requests: list[bytes] = []
    left = threading.Event()
    server = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        for answer in answers:
            connection, _ = server.accept()
            with connection:
                request = b""
                while not request.endswith(b"\r\n\r\n"):
                    request += connection.recv(4096)
                requests.append(request)
                connection.sendall(answer)
                if answer is answers[-1]:
                    while connection.recv(4096):
                        pass
                    left.set()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/", requests, left
    finally:
        thread.join(20)
        server.close()
        assert not thread.is_alive()


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


@pytest.mark.parametrize("answer", [HEAD + b"data: 1\n\n", HEAD, b""], ids=["reading", "no event", "no answer"])
def test_another_thread_closes_the_source_and_wakes_who_waits(answer: bytes) -> None:
    before = set(threading.enumerate())
    with answering(answer) as (url, requests, left):
        source = EventSource(url)
        events: list[ssecast.Event] = []
        thread = threading.Thread(target=lambda: events.extend(source))
        thread.start()
        eventually(lambda: bool(requests) and (not answer or source.state == "open"))
        eventually(lambda: len(events) == answer.count(b"data"))
        source.close()
        thread.join(20)
        assert not thread.is_alive()
        assert left.wait(20)
        assert (len(events), source.state, list(source)) == (answer.count(b"data"), "closed", [])
    # Those of other tests may end meanwhile.
    assert set(threading.enumerate()) <= before


def test_another_thread_ends_the_wait_for_the_next_connection() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as unused:
        port = unused.getsockname()[1]
    lost = threading.Event()
    source = EventSource(f"http://127.0.0.1:{port}/", retry=Retry(first=600), on_error=lambda loss: lost.set())
    thread = threading.Thread(target=lambda: list(source))
    thread.start()
    assert lost.wait(20)
    source.close()
    thread.join(20)
    assert not thread.is_alive()


def test_a_task_and_a_thread_close_an_asynchronous_source() -> None:
    async def run(close: Callable[[AsyncEventSource], Any]) -> None:
        with answering(HEAD) as (url, _, left):
            source = AsyncEventSource(url)
            reading = asyncio.ensure_future(anext(source, None))
            while source.state != "open":
                await asyncio.sleep(0.002)
            close(source)
            assert await asyncio.wait_for(reading, 20) is None
            assert await asyncio.to_thread(left.wait, 20)

    def from_a_thread(source: AsyncEventSource) -> None:
        thread = threading.Thread(target=source.close)
        thread.start()
        thread.join()

    asyncio.run(run(AsyncEventSource.close))
    asyncio.run(run(from_a_thread))


def test_under_trio_a_source_resumes_is_cancelled_and_is_closed_by_a_thread() -> None:
    def answer(number: int) -> bytes:
        return HEAD + b"retry: 10\nid: %d\ndata: %d\n\n" % (number, number)

    async def run() -> None:
        with answering(answer(1), answer(2), answer(3)) as (url, requests, left):
            source = AsyncEventSource(url, retry=Retry(first=0.01))
            assert [(await anext(source)).data for _ in range(2)] == ["1", "2"]
            assert b"last-event-id: 1\r\n" in requests[1].lower()
            # The second connection ended with its answer. This wait is given up while the third is silent.
            assert (await anext(source)).data == "3"
            with trio.move_on_after(0.05) as wait:
                await anext(source)
            assert wait.cancelled_caught
            assert left.wait(20)
            source.close()
            assert [event async for event in source] == []

        with answering(HEAD) as (url, _, left):
            source = AsyncEventSource(url)
            thread = threading.Timer(0.05, source.close)
            thread.start()
            with trio.fail_after(20):
                assert [event async for event in source] == []
            thread.join()
            assert left.wait(20)

    trio.run(run)


def test_a_cancelled_wait_loses_no_event() -> None:
    async def run() -> None:
        with answering(HEAD + b"retry: 100\nid: 1\ndata: 1\n\n", HEAD + b"data: 2\n\n") as (url, requests, _):
            async with AsyncEventSource(url) as source:
                assert (await anext(source)).data == "1"
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(anext(source), 0.05)
                assert (await anext(source)).data == "2"
                assert b"Last-Event-ID: 1\r\n" in requests[1]

    asyncio.run(run())


def test_what_a_handler_raises_comes_out_and_stops_nothing() -> None:
    def fail(*_: object) -> None:
        raise LookupError

    with answering(HEAD + b"retry: 100\ndata: 1\n\n", HEAD + b"data: 2\n\n") as (url, _, _):
        with EventSource(url, on_open=fail, on_error=fail) as source:
            seen: list[str] = []
            while len(seen) < 5:
                try:
                    seen.append(str(next(source).data))
                except LookupError:
                    seen.append("raised")
        assert seen == ["raised", "1", "raised", "raised", "2"]


def test_closing_in_a_handler_is_final() -> None:
    with answering(HEAD + b"data: 1\n\n") as (url, _, left):
        source = EventSource(url, on_open=lambda: source.close())
        assert list(source) == []
        assert left.wait(20)


def test_headers_are_asked_for_anew_and_authentication_is_that_of_httpx() -> None:
    tokens = iter(["one", "two"])
    with answering(HEAD + b"retry: 100\ndata: 1\n\n", HEAD + b"data: 2\n\n") as (url, requests, _):
        with EventSource(url, headers=lambda: {"X-Token": next(tokens)}, auth=("a", "b"), params={"q": "1"}) as source:
            assert [next(source).data, next(source).data] == ["1", "2"]
        for request, token in zip(requests, ["one", "two"], strict=True):
            assert request.startswith(b"GET /?q=1 HTTP/1.1\r\n")
            assert f"X-Token: {token}\r\n".encode() in request
            assert b"Authorization: Basic YTpi\r\n" in request


def test_a_header_that_cannot_be_sent_is_not_tried_again() -> None:
    httpx = pytest.importorskip("httpx")
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        source = EventSource(f"http://127.0.0.1:{server.getsockname()[1]}/", headers={"X": "two\nlines"})
        with pytest.raises(httpx.LocalProtocolError):
            next(source)
        assert source.state == "closed"


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"method": "G T"}, "method"),
        ({"idle": 0}, "idle"),
        ({"max_event_bytes": 0}, "max_event_bytes"),
        ({"last_event_id": "a\nb"}, "last_event_id"),
    ],
)
@pytest.mark.parametrize("kind", [EventSource, AsyncEventSource])
def test_bad_options_are_named(kind: Any, options: dict[str, Any], named: str) -> None:
    with pytest.raises((InvalidOptionError, InvalidIdError)) as raised:
        kind("http://localhost/", **options)
    assert raised.value.field == named


@pytest.mark.parametrize("url", ["nonsense", "ftp://localhost/", "", "http://", "http://[::1"])
def test_a_bad_url_is_an_error_that_says_so(url: str) -> None:
    with pytest.raises(InvalidOptionError, match="url"):
        EventSource(url)


@pytest.mark.parametrize(
    "options", [{"growth": 0.5}, {"jitter": 2}, {"growth": float("nan")}, {"statuses": [200]}, {"first": -1}]
)
def test_a_retry_that_cannot_work_is_refused_when_it_is_made(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidOptionError) as raised:
        Retry(**options)
    assert raised.value.field == f"retry.{next(iter(options))}"


@pytest.mark.parametrize(
    "options", [{"retry": 5}, {"client": 1}, {"on_error": 1}, {"idle": "1"}, {"last_event_id": 7}, {"method": None}]
)
def test_a_value_of_the_wrong_type_is_named(options: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=next(iter(options))):
        EventSource("http://localhost/", **options)


def test_without_httpx_the_error_says_what_to_install() -> None:
    program = """
import sys
sys.modules["httpx"] = None
import ssecast
try:
    ssecast.EventSource("http://localhost/")
except ImportError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert "pip install 'ssecast[client]'" in done.stdout


class Cutter:
    """A TCP proxy in front of a port. It drops each connection after some bytes, until it has dropped enough."""

    def __init__(self, port: int, cuts: int) -> None:
        self.behind, self.cuts, self.random = port, cuts, random.Random(7)
        # A loop has weak references alone to its tasks, and a client that leaves takes the last strong one away.
        self.tasks: set[asyncio.Task[None] | None] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.tasks.add(asyncio.current_task())
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self.behind)
        up_writer.write(await reader.readuntil(b"\r\n\r\n"))
        left = self.random.randrange(400, 2000)
        try:
            while data := await up_reader.read(1 << 16):
                if self.cuts > 0 and len(data) >= left:
                    self.cuts -= 1
                    writer.write(data[:left])
                    await writer.drain()
                    return
                left -= len(data)
                writer.write(data)
                await writer.drain()
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            up_writer.close()
            writer.close()
            self.tasks.discard(asyncio.current_task())


CLIENTS, CUTS = 50, 1000


def publish_until(hub: Hub, over: Callable[[], bool]) -> int:
    """Publishes until the connections were cut often enough, and then one that says how many there were."""
    count, deadline = 0, time.monotonic() + 120
    while not over():
        assert time.monotonic() < deadline
        for _ in range(2):
            hub.publish("storm", f"{count}")
            count += 1
        time.sleep(0.005)
    hub.publish("storm", f"{count}", event="last")
    return count + 1


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_clients_that_are_cut_a_thousand_times_have_every_event_exactly_once(kind: str) -> None:
    history = ssecast.History(events=1_000_000, bytes=1 << 30, seconds=None)
    hub = Hub(history=history, retry=0.1)
    received: list[list[str]] = [[] for _ in range(CLIENTS)]
    listener = hub.listen(topics=["storm"])
    published = 0

    async def run() -> None:
        nonlocal published
        cutter = Cutter(listener.address[1], CUTS)
        server = await asyncio.start_server(cutter.serve, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"

        def read(into: list[str]) -> None:
            with EventSource(url, last_event_id=start, retry=Retry(first=0.1, jitter=0)) as source:
                for event in source:
                    into.append(str(event.data))
                    if event.event == "last":
                        return

        async def aread(into: list[str]) -> None:
            async with AsyncEventSource(url, last_event_id=start, retry=Retry(first=0.1, jitter=0)) as source:
                async for event in source:
                    into.append(str(event.data))
                    if event.event == "last":
                        return

        start = str(hub.publish("storm", "before").id)
        publishing = asyncio.ensure_future(asyncio.to_thread(publish_until, hub, lambda: cutter.cuts == 0))
        if kind == "async":
            await asyncio.gather(*(aread(into) for into in received))
        else:
            threads = [threading.Thread(target=read, args=(into,)) for into in received]
            for thread in threads:
                thread.start()
            while any(thread.is_alive() for thread in threads):
                await asyncio.sleep(0.01)
        published = await publishing
        assert cutter.cuts == 0
        server.close()

    try:
        asyncio.run(asyncio.wait_for(run(), 150))
    finally:
        listener.close()
        hub.close()
    expected = [str(number) for number in range(published)]
    assert all(into == expected for into in received)


SLEEPER = """
import sys, ssecast
source = ssecast.EventSource(sys.argv[1], idle=0.5, on_error=lambda loss: print("lost", loss.cause, flush=True))
for event in source:
    print(event.data, flush=True)
    if event.data == "last":
        break
"""


def test_what_has_come_while_the_process_stood_still_is_read_before_it_counts_as_silent() -> None:
    hub = Hub(heartbeat=0.2)
    with hub.listen(topics=["t"]) as listener:
        url = f"http://127.0.0.1:{listener.address[1]}/"
        command = [sys.executable, "-c", SLEEPER, url]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as client:
            assert client.stdout
            while hub.stats().connections == 0:
                time.sleep(0.01)
            hub.publish("t", "first")
            lines = [client.stdout.readline()]
            client.send_signal(signal.SIGSTOP)
            hub.publish("t", "meanwhile")
            # Longer than `idle`.
            time.sleep(1)
            client.send_signal(signal.SIGCONT)
            hub.publish("t", "last")
            lines += client.stdout.readlines()
    assert lines == ["first\n", "meanwhile\n", "last\n"]


def sockets() -> set[str]:
    """The sockets of this process."""
    found = set()
    for descriptor in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):
            found.add(os.readlink(f"/proc/self/fd/{descriptor}"))
    return {name for name in found if name.startswith("socket:")}


# They look while the source is there, so that nothing is closed with it.
def closed_within_its_loop(url: str) -> list[str | None]:
    before = sockets()
    source, seen = EventSource(url), []
    for event in source:
        seen.append(event.data)
        source.close()
    eventually(lambda: sockets() <= before)
    return seen


def closed_within_its_asynchronous_loop(url: str) -> list[str | None]:
    async def run() -> list[str | None]:
        before = sockets()
        source, seen = AsyncEventSource(url), []
        async for event in source:
            seen.append(event.data)
            source.close()
        await asyncio.to_thread(eventually, lambda: sockets() <= before)
        return seen

    return asyncio.run(run())


@pytest.mark.skipif(sys.platform != "linux", reason="where a process sees its descriptors in /proc")
@pytest.mark.parametrize("run", [closed_within_its_loop, closed_within_its_asynchronous_loop])
def test_a_source_that_is_closed_within_its_loop_gives_no_more_and_leaves_nothing(
    run: Callable[[str], list[str | None]],
) -> None:
    threads = set(threading.enumerate())
    # A collection would close what was left open.
    gc.disable()
    try:
        with answering(HEAD + b"data: 1\n\ndata: 2\n\n") as (url, _, left):
            assert run(url) == ["1"]
            assert left.wait(20)
        assert set(threading.enumerate()) <= threads
    finally:
        gc.enable()
