"""The head of a response that is an event stream, and the response to a client that can have none for the moment."""

from __future__ import annotations

from collections.abc import Mapping

from ssecast import _native
from ssecast.errors import CLASSES, TopicEndedError

__all__ = ["FINISHED", "FINISHED_BLOCK", "FULL", "OVER", "Headers", "finished_headers", "stream_headers", "unavailable"]

Headers = list[tuple[str, str]]

FULL = tuple(error for number, error in CLASSES.items() if number in _native.UNAVAILABLE)
"""The errors by which a client can have no stream for the moment."""

STREAM = {name.lower() for name, _ in _native.stream_headers()}
"""The names of the headers that make a response a stream."""


def unavailable(hub: _native.Hub, method: str, accept: str, headers: Headers) -> tuple[int, Headers, bytes]:
    """The whole response to a client that can have no stream for the moment; ``headers`` are a stream's."""
    answer = hub._unavailable(method, accept)
    if isinstance(answer, bytes):
        return 200, headers, answer
    return 503, [("content-type", "text/plain; charset=utf-8"), ("retry-after", str(answer))], b"Service Unavailable"


OVER = TopicEndedError
"""The error by which a client gets no stream any more: it was finished, or the topics have ended, and it has all of
them."""

FINISHED = 204
"""The status that such a client gets: it stays away then."""

FINISHED_BLOCK = b"id: ssecast-finished\n\n"
"""What such a client gets whose response has begun: it is answered 204 the next time."""


def finished_headers(headers: Headers) -> Headers:
    """What of a stream's headers belongs to the answer that a stream was finished, such as those for other origins."""
    return [(name, value) for name, value in headers if name.lower() not in STREAM]


def stream_headers(extra: Mapping[str, str] | None) -> list[tuple[str, str]]:
    """The headers, names in lower case: more can be added, but what makes the response a stream stays as it is.
    A stricter ``Cache-Control`` stays too."""
    given = {} if extra is None else extra
    if not isinstance(given, Mapping):
        raise TypeError(f"headers must be a mapping of strings to strings, not {type(given).__name__}")
    added = [(name.lower(), value) for name, value in given.items()]
    wanted = [value for name, value in added if name == "cache-control"]
    return [
        *((name.lower(), value) for name, value in _native.stream_headers(", ".join(wanted) if wanted else None)),
        *((name, value) for name, value in added if name not in {*STREAM, "content-length"}),
    ]
