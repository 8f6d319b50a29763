"""A hub whose log is in a store."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path

import pytest

from ssecast import (
    Hub,
    InvalidIdError,
    InvalidOptionError,
    StoreFormatError,
    StoreTimedOutError,
    StoreUnavailableError,
)
from stores import file, held


def test_hubs_with_one_store_are_one_hub(tmp_path: Path) -> None:
    first, second = Hub(store=file(tmp_path)), Hub(store=file(tmp_path))
    assert first.stats().store == "unopened"
    with second.subscribe("t") as events:
        published = first.publish("t", "1")
        # It says how many connections this process's hub has.
        assert published.subscribers == 0
        own = second.publish("t", "2")
        assert own.subscribers == 1
        assert [(event.id, event.data) for event in (next(events), next(events))] == [
            (published.id, "1"),
            (own.id, "2"),
        ]
    assert (first.stats().store, second.stats().store, Hub().stats().store) == ("ready", "ready", None)
    with first.subscribe("t", last_event_id=published.id) as events:
        assert next(events).data == "2"
    first.publish("t", "3", id="mine")
    with pytest.raises(InvalidIdError):
        second.publish("t", "4", id="mine")


def test_a_hub_that_is_made_later_goes_on_with_the_same_log(tmp_path: Path) -> None:
    first = Hub(store=file(tmp_path))
    ids = [first.publish("t", number).id for number in range(3)]
    del first
    later = Hub(store=file(tmp_path))
    with later.subscribe("t", last_event_id=ids[0]) as events:
        assert [next(events).id, next(events).id] == ids[1:]
        following = later.publish("t", "x").id
        assert following == ids[0].replace("-1", "-4")  # type: ignore[union-attr]
        assert next(events).id == following


@pytest.mark.parametrize(
    ("store", "problem"),
    [
        ("./events", "must begin with file: and name a folder"),
        ("file:", "must name a folder"),
        ("file:./events?durability=none", "durability=processes or"),
        ("redis://host/x", "must"),
        ("", "must begin with"),
    ],
)
def test_what_names_no_store_is_refused_when_the_hub_is_made(store: str, problem: str) -> None:
    with pytest.raises(InvalidOptionError, match=problem) as raised:
        Hub(store=store)
    assert raised.value.field == "store"


def test_a_store_that_is_no_str_is_refused() -> None:
    with pytest.raises(TypeError, match="store must be a str, or None to turn it off, not int"):
        Hub(store=5)  # type: ignore[arg-type]


def test_a_store_that_can_not_be_used_is_an_error_of_each_call_and_not_of_the_hub(tmp_path: Path) -> None:
    (tmp_path / "events").write_text("no folder")
    hub = Hub(store=file(tmp_path))
    for _ in range(2):
        with pytest.raises((StoreUnavailableError, StoreFormatError, InvalidOptionError)):
            hub.publish("t", "1")
        assert hub.stats().store == "degraded"
    with pytest.raises((StoreUnavailableError, StoreFormatError, InvalidOptionError)):
        hub.subscribe("t")
    (tmp_path / "events").unlink()
    assert hub.publish("t", "1").id
    assert hub.stats().store == "ready"


def test_publishing_leaves_the_interpreter_to_other_threads(tmp_path: Path) -> None:
    """The threads' events come in the order in which each of them published."""
    hub = Hub(store=file(tmp_path))
    with hub.subscribe("t") as events:

        def publish(name: int) -> None:
            for number in range(50):
                hub.publish("t", [name, number])

        threads = [threading.Thread(target=publish, args=(name,)) for name in range(4)]
        for thread in threads:
            thread.start()
        seen = [next(events).json() for _ in range(200)]
        for thread in threads:
            thread.join()
    for name in range(4):
        assert [number for of, number in seen if of == name] == list(range(50))


def test_a_store_that_is_not_free_in_time_is_an_error_after_so_long(tmp_path: Path) -> None:
    hub = Hub(store=file(tmp_path), publish_timeout=0.05)
    hub.publish("t", "1")
    with held(tmp_path):
        begin = time.monotonic()
        with pytest.raises(StoreTimedOutError, match="was not free in time"):
            hub.publish("t", "2")
        assert 0.05 <= time.monotonic() - begin < 0.9
        with pytest.raises(StoreTimedOutError):
            asyncio.run(hub.publish_async("t", "2"))
        assert hub.stats().store == "degraded"
    hub.publish("t", "3")
    with hub.subscribe("t", replay="all") as events:
        assert [next(events).data, next(events).data] == ["1", "3"]
    with pytest.raises(InvalidOptionError, match="publish_timeout"):
        Hub(publish_timeout=-1.0)
    with pytest.raises(TypeError, match="publish_timeout must be a number of seconds, not NoneType"):
        Hub(publish_timeout=None)  # type: ignore[arg-type]
