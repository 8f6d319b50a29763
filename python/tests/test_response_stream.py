"""How a stream takes its turn on a connection that is still busy: on an event loop's real transport."""

from __future__ import annotations

import asyncio
import socket

import pytest

from ssecast import Hub
from ssecast._streams.options import StreamOptions
from ssecast._streams.response_stream import ResponseStream
from ssecast._streams.shutdown import ServerShutdown
from ssecast.session import Session


class Connection:
    """A connection whose server has written the head, as far as it knows."""

    exclusive = True

    def __init__(self, transport: asyncio.Transport) -> None:
        self.transport = transport

    def is_framed(self) -> bool:
        return True

    async def drain(self) -> None:
        pass


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_nothing_of_the_stream_comes_before_all_of_the_head(loop: str) -> None:
    head = b"head" * 250_000

    async def main() -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            transport, _ = await asyncio.get_running_loop().connect_accepted_socket(asyncio.Protocol, ours)
            # More than the system takes while the client reads nothing.
            transport.write(head)
            hub, left = Hub(), asyncio.get_running_loop().create_future()
            session = Session(hub, ["ticks"])
            connected = asyncio.Event()
            options = StreamOptions(hub, topics=["ticks"], on_connect=lambda _: connected.set())

            async def unused(_: bytes = b"") -> None:
                pass

            stream = ResponseStream(options, session, left, ServerShutdown(None, None), Connection(transport), unused)
            running = asyncio.create_task(stream.run(unused, direct=True))
            await asyncio.sleep(0.05)
            assert transport.get_write_buffer_size() > 0
            assert not connected.is_set()
            received = b""
            while len(received) < len(head) or b"\n\n\r\n" not in received[len(head) :]:
                received += await asyncio.to_thread(theirs.recv, 1 << 20)
            assert received.startswith(head)
            assert received[len(head) :].split(b"\r\n", 1)[1].startswith(b"id: ")
            await connected.wait()
            assert session.delivery == "socket"
            left.set_result(None)
            assert await running is False
            assert hub.stats().connections == 0
            transport.abort()

    factory = asyncio.new_event_loop if loop == "asyncio" else pytest.importorskip("uvloop").new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main())
