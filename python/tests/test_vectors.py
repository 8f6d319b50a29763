"""The codec by the vectors that every language shares."""

from collections.abc import Callable
from typing import Any

import pytest

import vectors
from ssecast import Error, Event, Parser, encode
from ssecast.errors import CLASSES

BY_CODE = {error.code: error for error in CLASSES.values()}
Chunk = bytes | bytearray | memoryview


def seen(event: Event) -> dict[str, str | None]:
    assert (event.retry, event.comment) == (None, None)
    return {"event": event.event, "data": event.data, "last_event_id": event.last_event_id, "id": event.id}


def named(name: str) -> pytest.MarkDecorator:
    found = vectors.load(name)
    return pytest.mark.parametrize("vector", found, ids=[vector["name"] for vector in found])


@pytest.mark.parametrize("of", [bytes, bytearray, memoryview])
@named("parse.json")
def test_a_stream_gives_the_same_events_in_all_chunkings(vector: dict[str, Any], of: Callable[[bytes], Chunk]) -> None:
    stream = vectors.octets(vector["input"])
    limit = {"max_event_bytes": vector["max_event_bytes"]} if "max_event_bytes" in vector else {}
    for chunks in vectors.chunkings(stream):
        parser = Parser(**limit)
        found, error = [], None
        try:
            for chunk in chunks:
                found += parser.feed(of(chunk))
            last_event_id, retry = parser.last_event_id, parser.retry
            parser.finish()
        except Error as raised:
            error = raised.code
        assert [seen(event) for event in found] == vectors.events(vector["items"])
        assert error == vector.get("error")
        if error is None:
            assert last_event_id == vectors.string(vector.get("last_event_id", ""))
            assert retry == vector.get("retry")


@named("parse.json")
def test_the_unfinished_event_is_there_where_it_is_asked_for(vector: dict[str, Any]) -> None:
    if "error" in vector:
        return
    limit = {"max_event_bytes": vector["max_event_bytes"]} if "max_event_bytes" in vector else {}
    for chunks in vectors.chunkings(vectors.octets(vector["input"])):
        parser = Parser(**limit)
        for chunk in chunks:
            parser.feed(chunk)
        found = parser.flush()
        if "unfinished" in vector:
            assert [seen(event) for event in found] == vectors.events(vector["unfinished"])


@named("chunks.json")
def test_an_event_is_there_with_its_last_byte(vector: dict[str, Any]) -> None:
    parser = Parser()
    for chunk in vector["chunks"]:
        found = parser.feed(vectors.octets(chunk["input"]))
        assert [seen(event) for event in found] == vectors.events(chunk["items"])


@named("encode.json")
def test_an_event_has_these_bytes_or_this_error(vector: dict[str, Any]) -> None:
    text = {"event", "id", "data", "comment"}
    fields: dict[str, Any] = {
        name: vectors.string(value) if name in text else value for name, value in vector["event"].items()
    }
    if "error" not in vector:
        assert encode(Event(**fields)) == vectors.octets(vector["output"])
        return
    # A time that is no number is ruled out by its type already.
    expected = TypeError if isinstance(fields.get("retry"), str) else BY_CODE[vector["error"]]
    with pytest.raises(expected) as raised:
        encode(Event(**fields))
    if isinstance(raised.value, Error) and "message" in vector:
        assert str(raised.value) == vectors.string(vector["message"])
