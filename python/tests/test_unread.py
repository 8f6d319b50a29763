"""A producer is told that its topic has lost its last reader."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest
import trio

import ssecast
from ssecast import Hub


def test_a_producer_is_told_when_the_last_reader_has_left() -> None:
    hub = Hub()
    with hub.when_unread("t", after=0.05) as watch:
        one, two = hub.subscribe("t"), hub.subscribe("t")
        one.close()
        assert not watch.wait(timeout=0.2), "one reads on"
        assert watch.is_unread is None
        two.close()
        assert watch.wait(timeout=10)
        assert watch.is_unread is True
        assert watch.wait(), "it stays so"


def test_a_topic_without_a_reader_so_far_is_not_unread() -> None:
    with Hub().when_unread("t", after=0.01) as watch:
        assert not watch.wait(timeout=0.3)


@pytest.mark.parametrize("how", ["the topic ends", "the hub is closed"])
def test_a_watch_is_over_when(how: str) -> None:
    hub = Hub()
    hub.subscribe("t").close()
    with hub.when_unread("t", after=60) as watch:
        ender = threading.Timer(0.05, lambda: hub.end_topic("t") if how == "the topic ends" else hub.close())
        ender.start()
        assert not watch.wait(timeout=10)
        assert watch.is_unread is False
        ender.join()
    with pytest.raises(ssecast.InvalidTopicError):
        hub.when_unread("")
    with pytest.raises(ssecast.InvalidOptionError, match="after"):
        Hub().when_unread("t", after=-1)


@pytest.mark.parametrize("run", [asyncio.run, trio.run])
def test_a_task_waits_and_the_others_go_on(run: Any, tmp_path: Path) -> None:
    # Two hubs, as in two processes.
    producer, server = (Hub(store=f"file:{tmp_path}/events") for _ in range(2))

    async def main() -> bool:
        reader = server.subscribe("t", replay="all")
        threading.Timer(0.3, reader.close).start()
        await producer.publish_async("t", "1")
        return await producer.wait_unread("t", after=0.1)

    async def bounded() -> bool:
        if run is trio.run:
            with trio.fail_after(20):
                return await main()
        return await asyncio.wait_for(main(), 20)

    assert run(bounded) if run is trio.run else run(bounded())


def test_a_task_that_is_cancelled_ends_its_interest() -> None:
    hub = Hub()

    async def main() -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(hub.wait_unread("t"), 0.05)

    asyncio.run(main())
    hub.close()
