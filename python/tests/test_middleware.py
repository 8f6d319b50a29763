"""What stands between a stream and its server: Starlette's middleware, others', and TLS."""

from __future__ import annotations

import itertools
import ssl

import httpx
import pytest
from rooms import Room

from servers import CERTIFICATE, SOON, serve_asgi

# What is in front of the application, and how the streams go out then.
STACKS = {
    "cors,gzip": "socket",
    "hold": "socket",
    "base": "socket",
    "base,gzip,base": "socket",
    "wrap": "socket",
    "encode": "send",
}


@pytest.mark.parametrize(
    ("name", "stack"),
    [
        *(("uvicorn-httptools", stack) for stack in STACKS),
        *(("hypercorn", stack) for stack in ("hold", "base", "wrap", "encode")),
        ("uvicorn-uvloop-h11", "base"),
    ],
)
def test_middleware_is_passed_by_unless_it_encodes_the_body(name: str, stack: str) -> None:
    with serve_asgi(name, "broadcast:behind", MIDDLEWARE=stack) as server, Room(server) as room:
        streams = [room.stream() for _ in range(2)]
        room.wait(connections=2)
        room.do("publish", count=3)
        for stream in streams:
            assert stream.data(3) == ["0", "1", "2"]
            assert stream.headers.get("x-base") == ("was here" if "base" in stack else None)
        expected = STACKS[stack]
        room.wait(deliveries=[expected, expected])
        words = room.stream(source="words")
        assert len(words.rest()) == 5
        assert words.complete
        words.close()
        streams[0].close()
        room.wait(connections=1, reasons=["server", "client"])
        last = room.stream(farewell=1)
        room.wait(connections=2)
        seconds = server.terminate()
        assert [event.event for event in last.rest() if event.data] == ["bye"]
    assert seconds < SOON


@pytest.mark.parametrize("name", ["uvicorn-httptools", "uvicorn-uvloop", "hypercorn", "aiohttp"])
def test_with_tls_the_event_loop_writes_shared_buffers(name: str) -> None:
    with serve_asgi(name, "broadcast:app", tls=True) as server, Room(server) as room:
        first, second = room.stream(), room.stream()
        room.wait(connections=2)
        for _ in range(20):
            room.do("publish", count=10, pad=10_000)
            for stream in (first, second):
                assert stream.data(10) == [f"{number}" + "x" * 10_000 for number in range(10)]
        first.close()
        room.wait(connections=1, reasons=["client"], deliveries=["transport", "transport"])
        endless = room.stream(source="endless")
        assert endless.data(200) == ["x" * 10_000] * 200
        endless.close()
        room.wait(cleaned=["endless"])
        # No client answers the server's TLS close; it does not wait long.
        assert server.terminate() < SOON


def test_http_2_shares_its_connection_between_streams() -> None:
    context = ssl.create_default_context(cafile=CERTIFICATE)
    with (
        serve_asgi("hypercorn", "broadcast:app", tls=True) as server,
        Room(server) as room,
        httpx.Client(http2=True, verify=context) as client,
        client.stream("GET", server.url + room.path("stream")) as first,
        client.stream("GET", server.url + room.path("stream")) as second,
    ):
        assert (first.http_version, second.http_version) == ("HTTP/2", "HTTP/2")
        room.wait(connections=2, deliveries=["send", "send"])
        room.do("publish", count=3)
        for response in (second, first):
            data = (line for line in response.iter_lines() if line.startswith("data"))
            assert list(itertools.islice(data, 3)) == ["data: 0", "data: 1", "data: 2"]
        with httpx.Client(http2=True, verify=context) as other:
            request = other.build_request("GET", server.url + room.path("stream"))
            other.send(request, stream=True)
            room.wait(connections=3)
        room.wait(connections=2, reasons=["client"])
        assert server.terminate() < SOON
