"""The parser and its limits; what they have in common with other languages is in test_vectors.py."""

from __future__ import annotations

import asyncio
import gc
import sys
import tracemalloc
from collections.abc import AsyncIterator

import pytest

import ssecast
from ssecast import Event, Parser, aiter_events, encode, iter_events


def test_an_event_too_large_is_an_error_after_the_events_before_it() -> None:
    parser = Parser(max_event_bytes=14)
    assert parser.feed(b"id: 7\ndata: 1\n\ndata: too large\n\n") == [Event("1", event="message", id=7)]
    for _ in range(2):
        with pytest.raises(ssecast.EventTooLargeError, match="14 bytes"):
            parser.feed(b"data: 2\n\n")
    with pytest.raises(ssecast.EventTooLargeError):
        list(iter_events([b"data: 1\n\ndata: too large\n\n"], parser=Parser(max_event_bytes=14)))
    parser.reset()
    assert (parser.last_event_id, parser.max_event_bytes) == ("", 14)
    assert parser.feed(b"data: 2\n\n") == [Event("2", event="message")]


def test_finishing_raises_what_was_left_to_raise_and_begins_a_new_stream() -> None:
    parser = Parser(max_event_bytes=14)
    parser.feed(b"id: 7\ndata: 1\n\ndata: too large")
    with pytest.raises(ssecast.EventTooLargeError):
        parser.finish()
    parser.feed(b"data: cut")
    parser.finish()
    assert parser.last_event_id == "7"
    assert parser.feed(b"data: 2\n\n") == [Event("2", event="message")]


def test_an_unfinished_event_is_there_where_it_is_asked_for() -> None:
    chunks = [b"data: 1\n\nid: 7\nda", b"ta: 2"]
    expected = [Event("1", event="message"), Event("2", event="message", id="7")]
    assert list(iter_events(chunks)) == expected[:1]
    assert list(iter_events(chunks, unfinished=True)) == expected

    async def chunked() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    async def main(unfinished: bool) -> list[Event]:
        return [event async for event in aiter_events(chunked(), unfinished=unfinished)]

    assert asyncio.run(main(False)) == expected[:1]
    assert asyncio.run(main(True)) == expected

    parser = Parser(max_event_bytes=14)
    parser.feed(b"data: 1\n\ndata: too large")
    with pytest.raises(ssecast.EventTooLargeError):
        parser.flush()
    assert parser.feed(b"data: 2") == []
    assert parser.flush() == [Event("2", event="message")]
    assert parser.flush() == []
    with pytest.raises(ssecast.EventTooLargeError):
        list(iter_events([b"data: too", b" large"], parser=parser, unfinished=True))


def test_the_limit_may_be_off() -> None:
    parser = Parser(max_event_bytes=None)
    assert parser.max_event_bytes is None
    data = "x" * (17 << 20)
    (event,) = parser.feed(b"data: %b\n\n" % data.encode())
    assert event.data == data


@pytest.mark.parametrize(("default", "expected"), [("message", "message"), (None, None), ("delta", "delta")])
def test_events_without_a_type_have_the_one_that_was_asked_for(default: str | None, expected: str | None) -> None:
    events = Parser(default_event=default).feed(b"data: 1\n\nevent: tick\ndata: 2\n\nevent\ndata: 3\n\n")
    assert [event.event for event in events] == [expected, "tick", expected]


def test_the_reconnection_time_is_the_parsers() -> None:
    parser = Parser()
    assert parser.retry is None
    assert parser.feed(b"retry: 1500\n") == []
    assert parser.retry == 1500


def test_types_and_ids_that_repeat_are_the_same_strings() -> None:
    events = Parser().feed(b"id: 1\nevent: tick\ndata: 1\n\nevent: tick\ndata: 2\n\ndata: 3\n\ndata: 4\n\n")
    assert events[0].event is events[1].event
    assert events[2].event is events[3].event
    assert events[0].id is events[0].last_event_id is events[3].last_event_id


def test_a_stream_that_invents_types_costs_no_memory() -> None:
    parser = Parser()
    size = 0
    for turn in range(3):
        for number in range(2_000):
            parser.feed(b"event: %d-%d\ndata: 1\n\n" % (turn, number))
        if turn == 0:
            tracemalloc.start()
            size = tracemalloc.get_traced_memory()[0]
    assert tracemalloc.get_traced_memory()[0] - size < 20_000
    tracemalloc.stop()


def test_a_buffer_is_let_go_of_when_feed_returns() -> None:
    chunk = bytearray(b"data: 1\n\n")
    view = memoryview(chunk)
    (event,) = Parser().feed(view)
    view.release()
    chunk[6:7] = b"22"
    assert event.data == "1"
    references = sys.getrefcount(chunk)
    for _ in range(100):
        Parser().feed(chunk)
    assert sys.getrefcount(chunk) == references


def test_a_collection_in_the_middle_of_feed_may_feed_the_same_parser() -> None:
    parser = Parser()

    class Reentrant:
        def __init__(self) -> None:
            self.cycle = self

        def __del__(self) -> None:
            parser.feed(b"data: from the collector\n\n")

    threshold = gc.get_threshold()
    try:
        gc.set_threshold(1)
        for _ in range(200):
            Reentrant()
            assert parser.feed(b"data: 1\n\n" * 50)
    finally:
        gc.set_threshold(*threshold)


SCRIPTS = [
    "plain",
    "é" * 3,
    "né",
    "",
    "x",
    "é",
    "世",
    "🎉",
    "abc 世界",
    "🎉 abc",
    "\x00",
    "\U0010ffff",
    "é" * 70_000,
    "🎉" * 70_000,
]


@pytest.mark.parametrize("before", ["plain", "世界"])
@pytest.mark.parametrize("text", SCRIPTS, ids=ascii)
def test_text_of_any_script_arrives_after_text_of_any_other(before: str, text: str) -> None:
    (_, event, after) = Parser().feed(b"".join(encode(Event(data)) for data in (before, text, before)))
    assert (event.data, after.data) == (text, before)
    # Python has one form of each text only, the narrowest.
    assert sys.getsizeof(event.data) == sys.getsizeof(text.encode().decode())
