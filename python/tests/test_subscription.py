"""Reading a hub in its own process: by threads, and by coroutines."""

import asyncio
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from ssecast import Event, History, Hub, SlowClient, Subscription

PATIENCE = 30.0


def data(events: Subscription, count: int) -> list[str | None]:
    return [next(events).data for _ in range(count)]


async def adata(events: Subscription, count: int) -> list[str | None]:
    return [(await anext(events)).data for _ in range(count)]


def eventually(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def run(main: object) -> object:
    return asyncio.run(asyncio.wait_for(main, PATIENCE))  # type: ignore[arg-type]


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor() as pool:
        yield pool


def test_a_reader_gets_its_topics_in_the_order_of_the_hub() -> None:
    hub = Hub()
    with hub.subscribe("a", "b") as events:
        for number in range(100):
            hub.publish("abc"[number % 3], number)
        assert data(events, 67) == [str(number) for number in range(100) if number % 3 != 2]


@pytest.mark.parametrize("read", range(1, 5))
def test_a_reader_resumes_behind_the_event_that_it_was_given_last(read: int) -> None:
    hub = Hub()
    with hub.subscribe("t") as events:
        for number in range(4):
            hub.publish("t", number)
        # One batch has them all, and some were not asked for.
        data(events, read)
        place = events.last_event_id
    with hub.subscribe("t", last_event_id=place) as events:
        assert events.last_event_id == place
        assert data(events, 4 - read) == [str(number) for number in range(read, 4)]


def test_a_coroutine_resumes_too() -> None:
    async def main() -> None:
        hub = Hub()
        async with hub.subscribe("t") as events:
            for number in range(4):
                hub.publish("t", number)
            await adata(events, 2)
        async with hub.subscribe("t", last_event_id=events.last_event_id) as events:
            assert await adata(events, 2) == ["2", "3"]

    run(main())


def test_what_is_lost_is_told_by_a_reset() -> None:
    hub = Hub(history=History(events=2))
    first = hub.publish("t", 0)
    for number in range(1, 6):
        hub.publish("t", number)
    with hub.subscribe("t", last_event_id=first.id) as events:
        reset = next(events)
        assert (reset.event, reset.json()) == ("reset", {"reason": "expired", "missed": 3})
        assert data(events, 2) == ["4", "5"]
    assert hub.stats().resets["expired"] == 1


def check_that_nothing_is_unaccounted_for(seen: list[Event]) -> None:
    """Of a thousand events with a number, and a last one."""
    missed = [event.json()["missed"] for event in seen if event.event == "reset"]
    numbers = [int((event.data or "").split()[0]) for event in seen[:-1] if event.event == "message"]
    assert numbers == sorted(set(numbers))
    assert missed
    assert sum(missed) + len(numbers) == 1_000


@pytest.mark.parametrize("policy", ["skip", "disconnect"])
def test_a_slow_reader_costs_bounded_memory_and_is_told_what_it_missed(policy: str) -> None:
    slow_client = SlowClient(bytes=10_000, seconds=0.05, policy=policy)  # type: ignore[arg-type]
    hub = Hub(history=History(events=10), slow_client=slow_client)
    with hub.subscribe("t") as events:
        hub.publish("t", "first")
        assert next(events).data == "first"
        for number in range(1_000):
            hub.publish("t", f"{number} {'x' * 1_000}")
        # The history, and what waits for the reader once it has had its time: twice at most, as a batch may be under
        # way.
        eventually(lambda: hub.stats().held_bytes < 10 * 1_300 + 2 * 12_000)
        seen = [next(events)]
        while seen[-1].event != "reset":
            seen.append(next(events))
        hub.publish("t", "last")
        while seen[-1].data != "last":
            seen.append(next(events))
        check_that_nothing_is_unaccounted_for(seen)


def test_a_slow_coroutine_costs_bounded_memory_and_is_told_what_it_missed() -> None:
    async def main() -> None:
        hub = Hub(history=History(events=10), slow_client=SlowClient(bytes=10_000), max_backlog_bytes=10_000)
        async with hub.subscribe("t") as events:
            for number in range(1_000):
                while hub.stats().backlog_bytes > 8_000:
                    await asyncio.sleep(0)
                hub.publish("t", f"{number} {'x' * 1_000}")
            assert hub.stats().held_bytes < 10 * 1_300 + 2 * 12_000
            seen = [await anext(events)]
            while seen[-1].event != "reset":
                seen.append(await anext(events))
            hub.publish("t", "last")
            while seen[-1].data != "last":
                seen.append(await anext(events))
            check_that_nothing_is_unaccounted_for(seen)

    run(main())


def test_closing_ends_the_wait_of_another_thread(pool: ThreadPoolExecutor) -> None:
    hub = Hub()
    seconds = []

    def read(events: Subscription, first: threading.Event) -> list[str | None]:
        seen = []
        for event in events:
            seen.append(event.data)
            first.set()
        return seen

    for turn in range(200):
        events, first = hub.subscribe("t"), threading.Event()
        reading = pool.submit(read, events, first)
        hub.publish("t", "1")
        # Every other time it waits for the second event by then.
        assert turn % 2 or first.wait(PATIENCE)
        begin = time.monotonic()
        events.close()
        assert reading.result(PATIENCE) == ["1"][: first.is_set()]
        seconds.append(time.monotonic() - begin)
        events.close()
    assert hub.stats().connections == 0
    assert hub.stats().disconnects["server"] == 200
    # The engine's timer would do it too, a quarter of a second later.
    assert statistics.median(seconds[::2]) < 0.05


def test_closing_ends_the_wait_of_another_task() -> None:
    async def main() -> None:
        hub = Hub()
        events = hub.subscribe("t")

        async def read() -> list[Event]:
            return [event async for event in events]

        reading = asyncio.create_task(read())
        await asyncio.sleep(0)
        events.close()
        assert await reading == []
        assert hub.stats().connections == 0

    run(main())


def test_what_was_read_already_is_left_after_closing() -> None:
    hub = Hub()
    events = hub.subscribe("t")
    for number in range(3):
        hub.publish("t", number)
    assert next(events).data == "0"
    events.close()
    assert [event.data for event in events] == ["1", "2"]


def test_a_closed_hub_ends_every_reader_with_its_farewell(pool: ThreadPoolExecutor) -> None:
    hub = Hub()
    readers = [hub.subscribe("t") for _ in range(8)]
    reading = [pool.submit(lambda events: [event.data for event in events], events) for events in readers[:4]]
    hub.publish("t", "1")
    hub.close(Event("bye"))
    assert [each.result(PATIENCE) for each in reading] == [["1", "bye"]] * 4
    # Those that were not being iterated over are closed, too.
    assert not hub.wait_closed(0.0)
    assert [[event.data for event in events] for events in readers[4:]] == [["1", "bye"]] * 4
    assert hub.wait_closed(0.0)


def test_cancelling_leaves_nothing_behind() -> None:
    async def main() -> None:
        hub = Hub()

        async def read() -> None:
            async with hub.subscribe("t") as events:
                async for _ in events:
                    pass

        tasks = [asyncio.create_task(read()) for _ in range(50)]
        hub.publish("t", "1")
        await asyncio.sleep(0)
        assert hub.stats().connections == 50
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert hub.stats().connections == 0
        assert hub.__dict__["_loop_connections"] == {}

    run(main())


def test_a_cancelled_wait_loses_no_event() -> None:
    async def main() -> None:
        hub = Hub()
        async with hub.subscribe("t") as events:
            for number in range(50):
                waiting = asyncio.create_task(anext(events))
                await asyncio.sleep(0)
                hub.publish("t", number)
                # At the mercy of the loop: before the event is there, or after.
                for _ in range(number % 4):
                    await asyncio.sleep(0)
                waiting.cancel()
                try:
                    seen = await waiting
                except asyncio.CancelledError:
                    seen = await anext(events)
                assert seen.data == str(number)

    run(main())


def test_aclose_waits_until_every_stream_has_ended(pool: ThreadPoolExecutor) -> None:
    async def main() -> None:
        hub = Hub()
        # Its events are read later, by another thread.
        events = await asyncio.to_thread(hub.subscribe, "t")
        closing = asyncio.create_task(hub.aclose(Event("bye"), grace=PATIENCE))
        while not hub.closed:
            await asyncio.sleep(0)
        done, _ = await asyncio.wait([closing], timeout=0.05)
        assert not done
        assert [event.data for event in await asyncio.wrap_future(pool.submit(list, events))] == ["bye"]
        await closing
        assert hub.stats().connections == 0

    run(main())


def test_waiting_for_the_end_takes_as_long_as_it_takes(pool: ThreadPoolExecutor) -> None:
    hub = Hub()
    events = hub.subscribe("t")
    waiting = pool.submit(hub.wait_closed)
    assert not hub.wait_closed(0.01)
    hub.close()
    assert not hub.wait_closed(0.01)
    assert list(events) == []
    assert waiting.result(PATIENCE)


def test_the_two_kinds_of_iteration_are_not_confused() -> None:
    hub = Hub()

    async def main() -> None:
        with hub.subscribe("t") as events, pytest.raises(RuntimeError, match="async for"):
            next(events)

    run(main())
    with hub.subscribe("t") as events, pytest.raises(RuntimeError, match="inside of a coroutine"):
        anext(events).send(None)


def test_many_threads_publish_and_every_reader_sees_the_same_order() -> None:
    hub = Hub(slow_client=SlowClient(bytes=64 << 20, seconds=PATIENCE))
    publishers, each, loops = 8, 250, 3
    total = publishers * each
    ready = threading.Barrier(publishers + loops + 2)
    seen: list[list[str | None]] = []

    def thread_reader() -> None:
        with hub.subscribe("t") as events:
            ready.wait(PATIENCE)
            seen.append(data(events, total))

    def loop_reader() -> None:
        async def main() -> None:
            readers = [hub.subscribe("t") for _ in range(5)]
            ready.wait(PATIENCE)
            seen.extend(await asyncio.gather(*(adata(events, total) for events in readers)))
            for events in readers:
                events.close()

        run(main())

    def publisher(name: int) -> None:
        ready.wait(PATIENCE)
        for number in range(each):
            hub.publish("t", f"{name}.{number}")

    threads = [threading.Thread(target=thread_reader) for _ in range(2)]
    threads += [threading.Thread(target=loop_reader) for _ in range(loops)]
    threads += [threading.Thread(target=publisher, args=(name,)) for name in range(publishers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert len(seen) == 2 + 5 * loops
    assert all(events == seen[0] for events in seen)
    for name in range(publishers):
        own = [event for event in seen[0] if event and event.startswith(f"{name}.")]
        assert own == [f"{name}.{number}" for number in range(each)]
    assert hub.stats().connections == 0


def test_an_event_may_be_published_while_one_is_received() -> None:
    async def main() -> None:
        hub = Hub()
        async with hub.subscribe("t") as events:
            hub.publish("t", 0)
            async for event in events:
                number = event.json()
                if number == 100:
                    break
                hub.publish("t", number + 1)

    run(main())


def test_data_may_publish_while_it_is_serialised() -> None:
    hub = Hub()

    class Model:
        def model_dump(self, mode: str) -> dict[str, str | None]:
            return {"inner": hub.publish("t", "inner").id}

    with hub.subscribe("t") as events:
        outer = hub.publish("t", Model())
        inner, last = next(events), next(events)
    assert (inner.data, last.json(), last.id) == ("inner", {"inner": inner.id}, outer.id)
