"""Events and the encoder in Python; what they have in common with other languages is in test_vectors.py."""

from __future__ import annotations

import array
import gc
import sys
import tracemalloc
from collections.abc import Callable

import pytest

import ssecast
from ssecast import Event, Parser, encode, iter_events


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


def test_an_event_equals_no_other_kind_of_thing_and_has_no_order() -> None:
    event = Event("1", id=7)
    assert event == Event("1", id="7")
    assert not event != Event("1", id="7")  # noqa: SIM202
    for other in (Event("1"), "1", None):
        assert event != other
    assert hash(event) == hash(Event("1", id=7))
    with pytest.raises(TypeError):
        event < event  # type: ignore[operator]  # noqa: B015


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
