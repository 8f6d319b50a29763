"""Reading a stream that somebody else sends, with whatever HTTP client brings its bytes.

======================  ==========================================================================
httpx, ``stream``       ``for event in iter_events(response.iter_bytes())``
httpx, ``AsyncClient``  ``async for event in aiter_events(response.aiter_bytes())``
requests                ``for event in iter_events(response.iter_content(None))``; with ``stream=True``
aiohttp                 ``async for event in aiter_events(response.content.iter_any())``
======================  ==========================================================================

What requests calls a chunk is all that there will ever be, if the server sends none itself (HTTP/1.0, and many WSGI
servers): there it is ``iter_events(iter(response.raw.read1, b""))``.
"""

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator

from ssecast._native import Event, Events, Parser

__all__ = ["aiter_events", "iter_events"]


def iter_events(chunks: Iterable[bytes | bytearray | memoryview], *, parser: Parser | None = None) -> Iterator[Event]:
    """Reads the events of a stream whose bytes come in chunks of any size. Each is there with its last byte.

    A ``parser`` of your own sets the limit of an event's size, and knows ``last_event_id`` and ``retry`` when the
    stream is over; by default it is a new one. Raises :class:`EventTooLargeError`, after the events before that one.

    >>> [event.data for event in iter_events([b"data: on", b"e\\n\\ndata: two\\n\\n"])]
    ['one', 'two']
    """
    return Events(iter(chunks), Parser() if parser is None else parser)


async def aiter_events(
    chunks: AsyncIterable[bytes | bytearray | memoryview], *, parser: Parser | None = None
) -> AsyncIterator[Event]:
    """As :func:`iter_events`, of chunks that come asynchronously.

    >>> import asyncio
    >>> async def chunks():
    ...     yield b"data: on"
    ...     yield b"e\\n\\n"
    >>> async def main():
    ...     return [event.data async for event in aiter_events(chunks())]
    >>> asyncio.run(main())
    ['one']
    """
    parser = Parser() if parser is None else parser
    async for chunk in chunks:
        for event in parser.feed(chunk):
            yield event
    parser.finish()
