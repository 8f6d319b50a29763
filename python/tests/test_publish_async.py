"""Publishing from event loops: the task waits for the store, and the loop goes on."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
import trio

from ssecast import Hub, InvalidEventError, InvalidIdError, InvalidTopicError
from stores import file, held

Run = Callable[[Callable[[], Coroutine[Any, Any, Any]]], Any]


@pytest.fixture(params=["asyncio", "trio"])
def run(request: pytest.FixtureRequest) -> Run:
    if request.param == "trio":
        return trio.run
    return lambda main: asyncio.run(main())


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    return Hub(store=file(tmp_path))


async def sleep(seconds: float) -> None:
    await (trio.sleep(seconds) if in_trio() else asyncio.sleep(seconds))


def in_trio() -> bool:
    try:
        trio.lowlevel.current_trio_token()
    except RuntimeError:
        return False
    return True


def test_events_are_published_in_the_order_of_the_calls(run: Run, hub: Hub) -> None:
    async def main() -> list[Any]:
        published = []
        for number in range(50):
            published.append(await hub.publish_async("t", {"n": number}, event="tick"))
            if number % 10 == 0:
                published.append(hub.publish("t", {"n": "waits"}))
        return published

    published = run(main)
    with hub.subscribe("t", replay="all") as events:
        assert [next(events).id for _ in published] == [one.id for one in published]


def test_many_tasks_publish_at_once(hub: Hub) -> None:
    async def main() -> None:
        tasks = [asyncio.create_task(hub.publish_async("t", str(number))) for number in range(500)]
        ids = [(await task).id for task in tasks]
        with hub.subscribe("t", replay="all") as events:
            assert [(event.id, event.data) async for event in limited(events, 500)] == [
                (id, str(number)) for number, id in enumerate(ids)
            ]

    asyncio.run(main())


async def limited(events: Any, count: int) -> Any:
    for _ in range(count):
        yield await anext(events)


def test_what_is_refused_is_raised_and_nothing_waits_for_it(run: Run, hub: Hub) -> None:
    async def main() -> None:
        for error, topic, options in (
            (InvalidTopicError, "", {}),
            (InvalidEventError, "t", {"event": "a\nb"}),
            (TypeError, 5, {}),
        ):
            with pytest.raises(error):
                await hub.publish_async(topic, "x", **options)  # type: ignore[arg-type]
        assert (await hub.publish_async("t", "x", id="one")).id == "one"
        # Only the store knows.
        with pytest.raises(InvalidIdError):
            await hub.publish_async("t", "x", id="one")
        with pytest.raises(InvalidTopicError):
            await hub.end_topic_async("")

    run(main)
    assert vars(hub)["_publications"] == {}


def test_events_behind_those_that_are_refused_are_published(run: Run, hub: Hub) -> None:
    """Nothing waits for those, and so the loop begins anew to watch."""

    async def main() -> None:
        for number in range(30):
            with pytest.raises(InvalidTopicError):
                await hub.publish_async("", "x")
            assert (await hub.publish_async("t", number)).id

    run(main)


def test_the_loop_goes_on_while_a_store_is_not_free(run: Run, hub: Hub, tmp_path: Path) -> None:
    hub.publish("t", "0")
    with held(tmp_path) as release:

        async def main() -> int:
            turns = 0
            told: list[str | None] = []

            async def publish() -> None:
                told.append((await hub.publish_async("t", "1")).id)

            async def count() -> None:
                nonlocal turns
                while not told:
                    turns += 1
                    if turns == 20:
                        assert told == []
                        release()
                    await sleep(0.001)

            await together(publish, count)
            return turns

        assert run(main) >= 20


async def together(*calls: Callable[[], Awaitable[None]]) -> None:
    if in_trio():
        async with trio.open_nursery() as nursery:
            for call in calls:
                nursery.start_soon(call)
    else:
        await asyncio.gather(*(call() for call in calls))


def test_a_task_that_is_cancelled_leaves_no_trouble(hub: Hub, tmp_path: Path) -> None:
    hub.publish("t", "0")

    async def main() -> None:
        with held(tmp_path) as release:
            cancelled = asyncio.create_task(hub.publish_async("t", "1"))
            other = asyncio.create_task(hub.publish_async("t", "2"))
            await asyncio.sleep(0.005)
            cancelled.cancel()
            with pytest.raises(asyncio.CancelledError):
                await cancelled
            release()
            await other
            await hub.publish_async("t", "3")

    asyncio.run(main())
    with hub.subscribe("t", replay="all") as events:
        assert [next(events).data for _ in range(4)] == ["0", "1", "2", "3"]
    assert vars(hub)["_publications"] == {}


def test_a_loop_that_ends_with_events_under_way_leaves_no_trouble(run: Run, hub: Hub, tmp_path: Path) -> None:
    hub.publish("t", "0")
    with held(tmp_path) as release:

        async def main() -> None:
            if in_trio():
                with trio.move_on_after(0.01):
                    await hub.publish_async("t", "1")
            else:
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(hub.publish_async("t", "1"), 0.01)

        run(main)
        release()

    async def publish() -> Any:
        return await hub.publish_async("t", "2")

    assert run(publish).id
    with hub.subscribe("t", replay="all") as events:
        assert [next(events).data for _ in range(3)] == ["0", "1", "2"]


def test_a_hub_that_is_closed_publishes_first_what_waits(hub: Hub) -> None:
    async def main() -> list[str | None]:
        tasks = [asyncio.create_task(hub.publish_async("t", str(number))) for number in range(5)]
        await asyncio.sleep(0)
        await hub.aclose()
        assert (await hub.publish_async("t", "x")).id is None
        return [(await task).id for task in tasks]

    assert all(asyncio.run(main()))


def test_a_hub_without_a_store_publishes_at_once(run: Run) -> None:
    hub = Hub()
    assert run(functools.partial(hub.publish_async, "t", {"a": 1})).id
    with hub.subscribe("t", replay="all") as events:
        assert next(events).json() == {"a": 1}
    run(functools.partial(hub.end_topic_async, "t"))
    assert "_publications" not in vars(hub)
