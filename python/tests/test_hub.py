"""The hub by itself, without a server."""

import asyncio

import pytest

from ssecast import Event, History, Hub, InvalidDataError, InvalidEventError, InvalidTopicError, SlowClient


def test_a_subscription_gets_what_is_published_after_it_was_made() -> None:
    hub = Hub()
    with hub.subscribe("ticks") as events:
        published = hub.publish("ticks", {"now": 1}, event="tick")
        event = next(events)
    assert (event.event, event.data, event.id) == ("tick", '{"now":1}', published.id)
    assert published.subscribers == 1
    assert hub.stats().connections == 0


def test_a_closed_hub_says_farewell_to_a_coroutine_and_ends_it() -> None:
    async def main() -> list[str | None]:
        hub = Hub()
        events = hub.subscribe("ticks")
        hub.publish("ticks", "1")
        closing = asyncio.create_task(hub.aclose(Event("bye")))
        received = [event.data async for event in events]
        await closing
        return received

    assert asyncio.run(main()) == ["1", "bye"]


def test_closing_twice_is_fine() -> None:
    hub = Hub()
    assert not hub.closed
    hub.close()
    hub.close(Event("late"))
    assert hub.closed
    assert repr(hub) == "<Hub: 0 topics, 0 connections, closed>"
    asyncio.run(hub.aclose())


def test_publishing_to_a_closed_hub_says_so_and_no_more() -> None:
    hub = Hub()
    with hub.subscribe("t") as events:
        hub.close()
        published = hub.publish("t", {"now": 1}, event="tick")
        assert (published.id, published.subscribers) == (None, 0)
        assert repr(published) == "Published(id=None, subscribers=0)"
        assert [event.data for event in events] == []
    assert hub.publish("t", "large" * 100_000).id is None
    assert hub.stats().published == 0
    # What is wrong with it is wrong still.
    with pytest.raises(InvalidEventError):
        hub.publish("t", "1", event="a\nb")
    with pytest.raises(InvalidTopicError):
        hub.publish("", "1")
    with pytest.raises(InvalidDataError):
        hub.publish("t", object())
    with pytest.raises(TypeError):
        hub.publish(7, "1")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "options",
    [
        History(),
        History(events=0, bytes=None, seconds=1.5),
        SlowClient(),
        SlowClient(bytes=1, seconds=0.25, policy="skip"),
    ],
)
def test_options_are_values(options: History | SlowClient) -> None:
    copy = eval(repr(options))
    assert copy == options
    assert copy is not options
    assert options != type(options)(bytes=5)
    with pytest.raises(AttributeError):
        options.bytes = 1  # type: ignore[misc]


def test_the_defaults_are_those_of_every_language() -> None:
    history, slow_client = History(), SlowClient()
    assert (history.events, history.bytes, history.seconds) == (1_000, 8 << 20, 300.0)
    assert (slow_client.bytes, slow_client.seconds, slow_client.policy) == (1 << 20, 30.0, "disconnect")


def test_what_was_published_is_a_value() -> None:
    hub = Hub()
    first, second = (hub.publish("t", "1", id=id) for id in ("a", "b"))
    assert (first.id, first.subscribers) == ("a", 0)
    assert repr(first) == "Published(id='a', subscribers=0)"
    assert first != second
    assert len({first, second, Hub().publish("t", "1", id="a")}) == 2


def test_an_own_id_is_a_place_to_resume_from() -> None:
    hub = Hub()
    for number in range(1, 4):
        hub.publish("t", number, id=number)
    with hub.subscribe("t", last_event_id="1") as events:
        assert [next(events).id, next(events).id] == ["2", "3"]


@pytest.mark.parametrize("name", ["lost", None])
def test_the_reset_event_may_be_renamed_or_turned_off(name: str | None) -> None:
    hub = Hub(reset_event=name)
    with hub.subscribe("t", last_event_id="0-0") as events:
        hub.publish("t", "1")
        if name is not None:
            reset = next(events)
            assert (reset.event, reset.json()) == (name, {"reason": "unknown", "missed": None})
        assert next(events).data == "1"


def test_a_publication_carries_a_comment_and_a_reconnection_time() -> None:
    hub = Hub(retry=None)
    with hub.subscribe("t") as events:
        hub.publish("t", "1", retry=1234, comment="for proxies")
        assert next(events).data == "1"
        # A parser knows the time as the stream's.
        assert events._parser.retry == 1234


def test_the_counters_count() -> None:
    hub = Hub()
    with hub.subscribe("a"), hub.subscribe("a", "b") as events:
        hub.publish("a", "1")
        hub.publish("b", "2")
        assert [next(events).data, next(events).data] == ["1", "2"]
        stats = hub.stats()
        assert (stats.connections, stats.topics, stats.published, stats.delivered) == (2, 2, 2, 2)
        assert stats.history_events == 2
        assert (stats.bytes > 0, stats.held_bytes > 0) == (True, True)
        assert sum(stats.disconnects.values()) == sum(stats.resets.values()) == 0
    stats = hub.stats()
    assert stats.disconnects == {"client": 0, "server": 2, "shutdown": 0, "lagged": 0, "error": 0}
    assert stats.resets == {"expired": 0, "epoch": 0, "unknown": 0, "lagged": 0}
