"""What the data of an event may be, and how it becomes text."""

from __future__ import annotations

import array
import asyncio
import dataclasses
import datetime
import decimal
import enum
import json
import uuid
from collections.abc import Callable
from pathlib import Path

import pydantic
import pydantic.v1
import pytest

import ssecast
from ssecast import Event, Hub, Parser, encode


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
