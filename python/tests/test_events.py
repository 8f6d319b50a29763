"""Events, the encoder and the parser in Python; what they have in common with other languages is in test_vectors.py."""

from __future__ import annotations

import array
import asyncio
import copy
import copyreg
import dataclasses
import datetime
import decimal
import enum
import gc
import json
import pickle
import sys
import tracemalloc
import uuid
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pydantic
import pydantic.v1
import pytest

import ssecast
from ssecast import Event, Hub, Parser, _native, aiter_events, encode, iter_events


def test_events_are_equal_when_their_fields_are() -> None:
    event = Event("1", event="tick", id=7, retry=5, comment="c")
    assert event == Event(b"1", event="tick", id="7", retry=5.0, comment="c")  # type: ignore[arg-type]
    assert hash(event) == hash(Event("1", event="tick", id="7", retry=5, comment="c"))
    for other in (
        Event("2", event="tick", id=7, retry=5, comment="c"),
        Event("1", event="tock", id=7, retry=5, comment="c"),
        Event("1", event="tick", id=8, retry=5, comment="c"),
        Event("1", event="tick", id=7, retry=6, comment="c"),
        Event("1", event="tick", id=7, retry=5, comment="d"),
    ):
        assert event != other
    assert event != "1"
    # Where an event stands in a stream is not what it is.
    assert Parser(last_event_id="9").feed(b"data: 1\n\n") == [Event("1", event="message")]


def test_the_representation_of_an_event_makes_it_again() -> None:
    for event in (Event(), Event('"\n', event="é"), Event({"a": None}, id=1, retry=0, comment="it's")):
        assert eval(repr(event)) == event
    assert repr(Event("1", event="tick", id=7, retry=5, comment="c")) == (
        "Event('1', event='tick', id='7', comment='c', retry=5)"
    )


def test_an_event_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Event("1").data = "2"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("as it is", "as it is"),
        (b"by\xc3\xa9tes", "byétes"),
        (bytearray(b"array"), "array"),
        (memoryview(b"xyxy")[::2], "xx"),
        ({"now": 1, "é": [True, None, 1.5]}, '{"now":1,"é":[true,null,1.5]}'),
        (0, "0"),
        ([], "[]"),
        (None, None),
    ],
)
def test_data_becomes_text(data: object, text: str | None) -> None:
    assert Event(data).data == text


class Model:
    """A model of pydantic's second version, as far as it is looked at."""

    def __init__(self, value: Callable[[], object]) -> None:
        self._value = value

    def model_dump(self, mode: str) -> object:
        assert mode == "json"
        return self._value()


@dataclasses.dataclass
class Point:
    x: object
    y: object = None


def test_data_of_other_libraries_and_classes_becomes_json() -> None:
    class Two(pydantic.BaseModel):
        at: datetime.datetime
        name: str = "x"

    class One(pydantic.v1.BaseModel):
        at: datetime.datetime
        name: str = "x"

    at = datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)
    for model in (Two(at=at), One(at=at)):
        data = Event({"a": [model]}).json()
        assert data["a"][0]["name"] == "x"
        assert datetime.datetime.fromisoformat(data["a"][0]["at"]) == at
    assert Event(Point(Point(1), uuid.UUID(int=1))).json() == {"x": {"x": 1, "y": None}, "y": str(uuid.UUID(int=1))}


@pytest.mark.parametrize(
    ("data", "json"),
    [
        ({"token": "\ud83d"}, '{"token":"\\ud83d"}'),
        (["\udfff", "é"], '["\\udfff","é"]'),
        ({"\ud800\ud800": 1}, '{"\\ud800\\ud800":1}'),
        # Two halves that are next to each other are the character that they are of.
        (["\ud83d\ude00", "\ude00\ud83d"], '["😀","\\ude00\\ud83d"]'),
    ],
)
def test_half_a_character_is_escaped_in_json_as_javascript_does_it(data: object, json: str) -> None:
    assert Event(data).data == json


def raise_(error: BaseException) -> object:
    raise error


class Colour(enum.Enum):
    RED = 1


class MuteError(Exception):
    def __str__(self) -> str:
        raise ValueError("no text")


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (object(), "JSON has no object; write a dict, a list, a str or a number"),
        (decimal.Decimal("1.5"), r"JSON has no Decimal; write str\(value\), or float\(value\)"),
        (datetime.timedelta(1), r"JSON has no timedelta; write value.total_seconds\(\)"),
        (Colour.RED, "JSON has no Colour; write value.value"),
        (Path("/a"), r"JSON has no \w*Path; write str\(value\)"),
        ({"a": b"1"}, r"JSON has no bytes; write value.decode\(\), or base64"),
        ((n for n in [1]), "JSON has no generator; publish each of its values, or collect them in a list"),
        (asyncio.Event(), "JSON has no Event; write a dict"),
        ({1, 2}, r"JSON has no set; write list\(value\)"),
        (Event("1"), "JSON has no Event; pass its fields: event.data, event=event.event, id=event.id"),
        (len, "JSON has no builtin_function_or_method; call it first"),
        (Point, "JSON has no classes, such as Point"),
        (array.array("i", [1]), r"JSON has no array; write value.tolist\(\)"),
        ({(1, 2): 3}, "keys must be"),
        (float("nan"), "not JSON compliant.*; write None, or a str"),
        (Model(lambda: raise_(RuntimeError("the database is gone"))), "the database is gone"),
        (Model(lambda: raise_(MuteError())), "MuteError"),
        (Model(lambda: Model(object)), "JSON has no object"),
    ],
)
def test_data_that_cannot_be_serialised_is_an_error_of_its_field(data: object, problem: str) -> None:
    for use in (Event, lambda data: Hub().publish("t", data), lambda data: Hub().publish("t", [data])):
        with pytest.raises(ssecast.InvalidDataError, match=problem) as raised:
            use(data)
        assert raised.value.field == "data"
        assert isinstance(raised.value.__cause__, Exception)


def test_a_coroutine_in_the_place_of_data_is_to_be_awaited() -> None:
    async def data() -> str:
        return "1"

    # A warning that it was never awaited would fail the test.
    with pytest.raises(ssecast.InvalidDataError, match="JSON has no coroutine; await it first"):
        Hub().publish("t", data())


def test_what_is_no_failure_of_the_data_goes_through() -> None:
    for error in (KeyboardInterrupt, SystemExit, asyncio.CancelledError):
        with pytest.raises(error):
            Event(Model(lambda error=error: raise_(error())))  # type: ignore[misc]


def test_numbers_are_what_they_are_whatever_their_classes_say() -> None:
    class Number(int):
        def __str__(self) -> str:
            raise ValueError

        __repr__ = __index__ = __int__ = __float__ = __str__  # type: ignore[assignment]

    event = Event("1", id=Number(7), retry=Number(5))
    assert (event.id, event.retry) == ("7", 5)
    with pytest.raises(ssecast.InvalidOptionError, match="events must be a whole number, zero or more, not -1"):
        ssecast.History(events=Number(-1))
    with pytest.raises(ssecast.InvalidOptionError, match=r"seconds must be .* zero or more, not -1\.0"):
        ssecast.History(seconds=Number(-1))
    # More digits than Python writes.
    with pytest.raises(ssecast.InvalidIdError, match="too many digits"):
        Event("1", id=10**5000)
    with pytest.raises(ssecast.InvalidOptionError, match="digits"):
        ssecast.History(events=10**5000)


def test_json_reads_the_data() -> None:
    value = {"now": 1, "é": [True, None]}
    (event,) = Parser().feed(encode(Event(value)))
    assert event.json() == value
    with pytest.raises(json.JSONDecodeError):
        Event("[DONE]").json()
    with pytest.raises(ssecast.InvalidDataError, match="data is not there"):
        Event().json()


def test_an_event_knows_the_last_event_id_of_its_stream() -> None:
    events = Parser(last_event_id="0").feed(b"data: a\n\nid: 1\ndata: b\n\ndata: c\n\nid\ndata: d\n\n")
    assert [(event.id, event.last_event_id) for event in events] == [(None, "0"), ("1", "1"), (None, "1"), ("", "")]
    assert (Event("x", id=7).last_event_id, Event("x").last_event_id) == ("7", "")


@pytest.mark.parametrize(
    ("wrong", "argument"),
    [
        (lambda: Event("1", event=1), "event"),  # type: ignore[arg-type]
        (lambda: Event("1", id=1.5), "id"),  # type: ignore[arg-type]
        (lambda: Event("1", id=True), "id"),
        (lambda: Event("1", retry="1"), "retry"),  # type: ignore[arg-type]
        (lambda: Event("1", retry=True), "retry"),
        (lambda: Event("1", comment=b"c"), "comment"),  # type: ignore[arg-type]
        (lambda: encode("1"), "event"),  # type: ignore[arg-type]
        (lambda: Parser(max_event_bytes="1"), "max_event_bytes"),  # type: ignore[arg-type]
        (lambda: Parser(max_event_bytes=1.0), "max_event_bytes"),  # type: ignore[arg-type]
        (lambda: Parser(default_event=7), "default_event"),  # type: ignore[arg-type]
        (lambda: Parser(last_event_id=7), "last_event_id"),  # type: ignore[arg-type]
        (lambda: Parser().feed("data: 1\n\n"), "chunk"),  # type: ignore[arg-type]
        (lambda: Parser().feed(None), "chunk"),  # type: ignore[arg-type]
        (lambda: Parser().feed(array.array("i", [1])), "chunk"),  # type: ignore[arg-type]
    ],
)
def test_a_wrong_type_is_named(wrong: Callable[[], object], argument: str) -> None:
    with pytest.raises(TypeError, match=rf"^{argument} must be "):
        wrong()


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"event": "a\rb"}, ssecast.InvalidEventError),
        ({"event": "\ud800"}, ssecast.InvalidEventError),
        ({"id": "a\0b"}, ssecast.InvalidIdError),
        ({"id": "\udfff"}, ssecast.InvalidIdError),
        ({"retry": -1}, ssecast.InvalidRetryError),
        ({"retry": 1.5}, ssecast.InvalidRetryError),
        ({"retry": float("nan")}, ssecast.InvalidRetryError),
        ({"retry": 10**400}, ssecast.InvalidRetryError),
        ({"data": "\ud800"}, ssecast.InvalidDataError),
        ({"data": b"\xff"}, ssecast.InvalidDataError),
        ({"data": float("inf")}, ssecast.InvalidDataError),
        ({"data": object()}, ssecast.InvalidDataError),
        ({"comment": "\ud800"}, ssecast.InvalidDataError),
    ],
)
def test_an_invalid_value_is_an_error_of_its_field(fields: dict[str, object], error: type[ssecast.Error]) -> None:
    with pytest.raises(error) as raised:
        encode(Event(**fields))  # type: ignore[arg-type]
    assert raised.value.field == next(iter(fields))


def test_data_that_refers_to_itself_is_an_error_with_its_cause() -> None:
    data: list[object] = []
    data.append(data)
    with pytest.raises(ssecast.InvalidDataError) as raised:
        Event(data)
    assert isinstance(raised.value.__cause__, ValueError)


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


def test_the_collector_looks_after_no_event() -> None:
    events = [*Parser().feed(b"data: 1\n\n"), next(iter_events([b"data: 1\n\n"])), Event({"now": 1}, retry=1)]
    assert [gc.is_tracked(event) for event in events] == [False] * 3


def test_an_event_is_made_whole_or_not_at_all() -> None:
    for make in (object.__new__, lambda kind: type("Kind", (kind,), {})):
        with pytest.raises(TypeError):
            make(Event)
    with pytest.raises(TypeError, match="Event"):
        Event("1", name="tick")  # type: ignore[call-arg]
    event = Event("1")
    for field in ("data", "event", "id", "retry", "comment", "last_event_id", "other"):
        with pytest.raises(AttributeError):
            setattr(event, field, "2")
    assert (event.data, event.event, event.id, event.retry, event.comment) == ("1", None, None, None, None)


def classes() -> list[type]:
    return [value for value in vars(_native).values() if isinstance(value, type)]


@pytest.mark.parametrize("kind", classes())
def test_no_class_of_the_extension_can_be_changed(kind: Any) -> None:
    """One that can would make objects whose fields were never written, which end the process."""
    for change in (
        lambda: setattr(kind, "__new__", staticmethod(lambda cls: object.__new__(cls))),
        lambda: type.__setattr__(kind, "__init__", None),
        lambda: delattr(kind, "__doc__"),
        lambda: setattr(kind, "__class__", type("Meta", (type,), {})),
        lambda: setattr(kind, "__bases__", (Point,)),
        lambda: object.__new__(kind),
        lambda: copyreg._reconstructor(kind, object, None),  # type: ignore[attr-defined]
        lambda: setattr(Point(1), "__class__", kind),
    ):
        with pytest.raises(TypeError):
            change()
    if kind is not _native.Hub:
        with pytest.raises(TypeError):
            type("Kind", (kind,), {})


def test_a_class_that_is_derived_from_the_hub_makes_no_half_made_hub() -> None:
    class Half(Hub):
        def __new__(cls) -> Half:
            return object.__new__(cls)

    with pytest.raises(TypeError, match="not safe"):
        Half()
    hub = Hub()
    with pytest.raises(TypeError):
        hub.__class__ = Point  # type: ignore[assignment]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_what_cannot_be_copied_says_so(protocol: int) -> None:
    for value in (Event("1"), Hub(), ssecast.History(), Hub().publish("t", "1"), Hub().stats(), Parser()):
        for make in (copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value, protocol))):
            with pytest.raises(TypeError):
                make(value)  # type: ignore[no-untyped-call]


def test_an_event_equals_no_other_kind_of_thing_and_has_no_order() -> None:
    event = Event("1", id=7)
    assert event == Event("1", id="7")
    assert not event != Event("1", id="7")  # noqa: SIM202
    for other in (Event("1"), "1", None):
        assert event != other
    assert hash(event) == hash(Event("1", id=7))
    with pytest.raises(TypeError):
        event < event  # type: ignore[operator]  # noqa: B015


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


def test_events_cost_no_memory_when_they_are_gone() -> None:
    stream = "id: 7\nevent: tick\ndata: 1\n\ndata: 世界\n\nid: 8\nevent: é\ndata: 3\ndata: 4\n\n".encode() * 100

    def read() -> None:
        for event in [
            *Parser().feed(stream),
            *iter_events([stream] * 10),
            Event({"now": 1}, id=7, retry=1, comment="2"),
        ]:
            _ = (event.data, event.event, event.id, event.retry, event.comment, event.last_event_id, repr(event))
            _ = (hash(event), event == event, event != 1)
        iterated = iter_events([stream])
        next(iterated)

    for turn in range(6):
        if turn == 3:
            gc.collect()
            tracemalloc.start()
            size, references = tracemalloc.get_traced_memory()[0], sys.getrefcount(None)
        read()
    gc.collect()
    assert tracemalloc.get_traced_memory()[0] - size < 20_000
    assert abs(sys.getrefcount(None) - references) < 1_000
    tracemalloc.stop()
