"""The scenarios that every language's client runs, by both clients against the scripted server."""

import asyncio
from collections.abc import Iterator

import httpx
import pytest

import scripted
from ssecast import AsyncEventSource, EventSource, EventSourceError


@pytest.fixture(scope="module")
def ports() -> Iterator[dict[str, int]]:
    with scripted.serving() as found:
        yield found


scenarios = pytest.mark.parametrize(
    "index", range(len(scripted.SCENARIOS)), ids=[scenario["name"] for scenario in scripted.SCENARIOS]
)


@scenarios
def test_the_client_does_what_a_scenario_says(ports: dict[str, int], index: int) -> None:
    log, url = scripted.Log(index), scripted.url(ports, "sync", index)
    options = scripted.options(scripted.SCENARIOS[index].get("options", {}))
    refused: EventSourceError | None = None
    with httpx.Client(verify=False) as client:
        source = EventSource(url, client=client, on_open=log.opened, on_error=log.lost, **options)
        try:
            for event in source:
                if log.event(event):
                    source.close()
        except EventSourceError as error:
            refused = error
        log.closed()
        log.check()
        assert refused is None or (refused.loss.retry_in, str(refused)) == (None, str(refused.loss))
        assert (source.state, list(source)) == ("closed", [])
        # Before the client is closed, which would close what the source has left open.
        scripted.check_report(url)


@scenarios
def test_the_asynchronous_client_does_so_too(ports: dict[str, int], index: int) -> None:
    log, url = scripted.Log(index), scripted.url(ports, "async", index)
    options = scripted.options(scripted.SCENARIOS[index].get("options", {}))

    refused: EventSourceError | None = None

    async def run() -> None:
        nonlocal refused
        async with httpx.AsyncClient(verify=False) as client:
            source = AsyncEventSource(url, client=client, on_open=log.opened, on_error=log.lost, **options)
            try:
                async for event in source:
                    if log.event(event):
                        source.close()
            except EventSourceError as error:
                refused = error
            log.closed()
            log.check()
            assert (source.state, [event async for event in source]) == ("closed", [])
            await asyncio.to_thread(scripted.check_report, url)

    asyncio.run(run())
    assert refused is None or refused.loss.retry_in is None
