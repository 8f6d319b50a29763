"""The hub by itself, without a server."""

import asyncio

import pytest

import ssecast
from ssecast import Event, Hub


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


def test_an_error_names_its_field_and_is_the_builtin_that_fits() -> None:
    with pytest.raises(ssecast.InvalidEventError) as raised:
        Hub().publish("ticks", "1", event="two\nlines")
    assert isinstance(raised.value, ValueError)
    assert (raised.value.code, raised.value.field) == ("SSECAST_INVALID_EVENT", "event")
