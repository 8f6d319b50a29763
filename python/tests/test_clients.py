"""Streams as the clients that people use bring them, each by the line that the documentation has."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import aiohttp
import httpx
import pytest
import requests

from servers import Server, serve
from ssecast import Event, aiter_events, iter_events

# They are there while the stream is open.
EVENTS = [Event("é", event="tick", id="7"), Event("two", event="message")]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serve(["open_streams.py"]) as server:
        yield server


def first(events: Iterator[Event]) -> list[Event]:
    return [next(events) for _ in EVENTS]


async def afirst(events: AsyncIterator[Event]) -> list[Event]:
    return [await anext(events) for _ in EVENTS]


@pytest.fixture(params=["chunked", "unframed"])
def url(request: pytest.FixtureRequest, server: Server) -> str:
    return f"{server.url}/{request.param}"


def test_httpx(url: str) -> None:
    with httpx.stream("GET", url) as response:
        assert first(iter_events(response.iter_bytes())) == EVENTS


def test_httpx_asynchronously(url: str) -> None:
    async def main() -> None:
        async with httpx.AsyncClient() as client, client.stream("GET", url) as response:
            assert await afirst(aiter_events(response.aiter_bytes())) == EVENTS

    asyncio.run(main())


def test_requests(server: Server) -> None:
    with requests.get(f"{server.url}/chunked", stream=True) as response:
        assert first(iter_events(response.iter_content(None))) == EVENTS


def test_requests_of_a_body_without_chunks(url: str) -> None:
    with requests.get(url, stream=True) as response:
        assert first(iter_events(iter(response.raw.read1, b""))) == EVENTS


def test_aiohttp(url: str) -> None:
    async def main() -> None:
        async with aiohttp.ClientSession() as client, client.get(url) as response:
            assert await afirst(aiter_events(response.content.iter_any())) == EVENTS

    asyncio.run(main())
