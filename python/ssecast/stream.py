"""Reading a stream that another server sends, with any HTTP client.

======================  ==========================================================================
httpx, ``stream``       ``for event in iter_events(response.iter_bytes())``
httpx, ``AsyncClient``  ``async for event in aiter_events(response.aiter_bytes())``
requests                ``for event in iter_events(response.iter_content(None))``; with ``stream=True``
aiohttp                 ``async for event in aiter_events(response.content.iter_any())``
======================  ==========================================================================

What requests calls a chunk is all that there will ever be, if the server sends none itself (HTTP/1.0, and many WSGI
servers): there it is ``iter_events(iter(response.raw.read1, b""))``.
"""

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable, Iterator

from ssecast._native import Event, Events, Parser

__all__ = ["Decoder", "aiter_events", "iter_events"]


def iter_events(
    chunks: Iterable[bytes | bytearray | memoryview], *, parser: Parser | None = None, unfinished: bool = False
) -> Iterator[Event]:
    """Reads the events of a stream whose bytes come in chunks of any size. Each is there with its last byte.

    A ``parser`` of your own sets the limit of an event's size, and knows ``last_event_id`` and ``retry`` when the
    stream is over; by default it is a new one. ``unfinished`` gives the event too that the end of the stream cut off.
    Raises :class:`EventTooLargeError`, after the events before that one.

    >>> [event.data for event in iter_events([b"data: on", b"e\\n\\ndata: two\\n\\n"])]
    ['one', 'two']
    """
    return Events(iter(chunks), Parser() if parser is None else parser, unfinished)


async def aiter_events(
    chunks: AsyncIterable[bytes | bytearray | memoryview], *, parser: Parser | None = None, unfinished: bool = False
) -> AsyncIterator[Event]:
    """As :func:`iter_events`, of chunks that come asynchronously. ``aclose`` closes their source before it returns.

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
    iterator = aiter(chunks)
    try:
        async for chunk in iterator:
            for event in parser.feed(chunk):
                yield event
    finally:
        # Otherwise the collector closes a generator some time later, and its connection stays open until then.
        if isinstance(iterator, AsyncGenerator):
            await iterator.aclose()
    if unfinished:
        for event in parser.flush():
            yield event
    else:
        parser.finish()


class Decoder:
    """Reads streams for the clients of OpenAI and Anthropic, in place of what they call a decoder: several times as
    fast, and with a limit for an event's size. One line makes a client use it, synchronous or asynchronous:

    >>> client = openai.OpenAI()  # doctest: +SKIP
    >>> client._make_sse_decoder = ssecast.Decoder  # doctest: +SKIP

    It reads one stream. An event's ``event`` is ``None`` where the stream says none, as theirs is; blocks without data,
    which their clients can't read, are no events.
    """

    def __init__(self, *, max_event_bytes: int | None = 16 << 20) -> None:
        self._parser = Parser(max_event_bytes=max_event_bytes, default_event=None)

    def iter_bytes(self, iterator: Iterator[bytes]) -> Iterator[Event]:
        """Reads the events of chunks."""
        return iter_events(iterator, parser=self._parser)

    def aiter_bytes(self, iterator: AsyncIterator[bytes]) -> AsyncIterator[Event]:
        """Reads the events of chunks that come asynchronously."""
        return aiter_events(iterator, parser=self._parser)
