"""Iterating over the events of chunks, with and without an event loop."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator, Iterator

import pytest

import ssecast
from ssecast import Parser, aiter_events, iter_events


def test_closing_the_events_closes_the_chunks_first() -> None:
    log: list[str] = []

    async def chunks() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"data: 1\n\ndata: 2\n\n"
        finally:
            # It may take a turn of the loop to let go of a connection.
            await asyncio.sleep(0)
            log.append("source closed")

    async def main(leave: str) -> None:
        events = aiter_events(chunks())
        await anext(events)
        if leave == "aclose":
            await events.aclose()  # type: ignore[attr-defined]
        else:
            with pytest.raises(ValueError, match="the reader's"):
                await events.athrow(ValueError("the reader's"))  # type: ignore[attr-defined]
        log.append("events closed")

    for leave in ["aclose", "athrow"]:
        log.clear()
        asyncio.run(main(leave))
        assert log == ["source closed", "events closed"]


def test_chunks_that_cannot_be_closed_are_read_all_the_same() -> None:
    class Chunks:
        def __init__(self) -> None:
            self.left = [b"data: 1\n\n"]

        def __aiter__(self) -> Chunks:
            return self

        async def __anext__(self) -> bytes:
            if not self.left:
                raise StopAsyncIteration
            return self.left.pop()

    async def main() -> list[str | None]:
        return [event.data async for event in aiter_events(Chunks())]

    assert asyncio.run(main()) == ["1"]


def test_iterating_gives_events_as_they_come_and_drops_what_is_incomplete() -> None:
    seen = []

    def source() -> Iterator[bytes | bytearray]:
        yield b"data: 1\n\nda"
        seen.append("asked for more")
        yield bytearray(b"ta: 2\n\ndata: cut")

    events = iter_events(source())
    assert (next(events).data, seen) == ("1", [])
    assert [event.data for event in events] == ["2"]


def test_iterating_ends_for_good_with_the_stream_or_an_error() -> None:
    chunks = iter([b"data: 1\n\n", b"data: too large\n\n", b"data: 2\n\n"])
    events = iter_events(chunks, parser=Parser(max_event_bytes=14))
    assert next(events).data == "1"
    with pytest.raises(ssecast.EventTooLargeError):
        next(events)
    assert list(events) == []
    assert next(chunks) == b"data: 2\n\n"

    def broken() -> Iterator[bytes]:
        yield b"data: 1\n\ndata: 2\n\n"
        raise ConnectionError

    events = iter_events(broken())
    assert [next(events).data, next(events).data] == ["1", "2"]
    with pytest.raises(ConnectionError):
        next(events)
    assert list(events) == []


@pytest.mark.parametrize("chunks", [None, 7])
def test_what_gives_no_chunks_is_refused_at_once(chunks: object) -> None:
    with pytest.raises(TypeError):
        iter_events(chunks)  # type: ignore[arg-type]


def test_chunks_may_not_ask_for_the_events_that_wait_for_them() -> None:
    def source() -> Iterator[bytes]:
        with pytest.raises(RuntimeError):
            next(events)
        yield b"data: 1\n\n"

    events = iter_events(source())
    assert [event.data for event in events] == ["1"]


def test_chunks_are_let_go_of_with_their_events() -> None:
    class Source:
        def __init__(self) -> None:
            self.events = iter_events(self.chunks())

        def chunks(self) -> Iterator[bytes]:
            yield b"data: 1\n\ndata: 2\n\n"
            yield f"data: {self}\n\n".encode()

    # The first is in a cycle with its events, which only the collector sees.
    gc.collect()
    source = Source()
    gone = weakref.ref(source)
    assert next(source.events).data == "1"
    del source
    gc.collect()
    assert gone() is None

    def chunks() -> Iterator[bytes]:
        try:
            yield b"data: 1\n\ndata: 2\n\n"
        finally:
            closed.append(True)

    closed: list[bool] = []
    events = iter_events(chunks())
    next(events)
    del events
    assert closed == [True]


def test_iterating_asynchronously_does_the_same() -> None:
    async def source() -> AsyncIterator[bytes]:
        yield b"data: 1\n\nid: 7\nda"
        await asyncio.sleep(0)
        yield b"ta: 2\n\nid: 8\ndata: cut"

    async def main() -> tuple[list[str | None], str]:
        parser = Parser()
        return [event.data async for event in aiter_events(source(), parser=parser)], parser.last_event_id

    assert asyncio.run(main()) == (["1", "2"], "7")
