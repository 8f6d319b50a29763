"""The head of a response that is an event stream, and the response to a client that can have none for the moment."""

from __future__ import annotations

from collections.abc import Mapping

from ssecast._native import Hub, cache_control
from ssecast.errors import ClosedError, TooManyConnectionsError, TooManyDescriptorsError, TooManyTopicsError

__all__ = ["FINISHED", "FULL", "Headers", "finished_headers", "stream_headers", "unavailable"]

Headers = list[tuple[str, str]]

FULL = (ClosedError, TooManyConnectionsError, TooManyDescriptorsError, TooManyTopicsError)
"""The errors by which a client can have no stream for the moment."""

STREAM = {
    "content-type": "text/event-stream; charset=utf-8",
    "x-accel-buffering": "no",
}


def unavailable(hub: Hub, method: str, accept: str, headers: Headers) -> tuple[int, Headers, bytes]:
    """The whole response to a client that can have no stream for the moment; ``headers`` are a stream's."""
    answer = hub._unavailable(method, accept)
    if isinstance(answer, bytes):
        return 200, headers, answer
    return 503, [("content-type", "text/plain; charset=utf-8"), ("retry-after", str(answer))], b"Service Unavailable"


FINISHED = 204
"""The status that a client gets whose stream was finished: it stays away then."""


def finished_headers(headers: Headers) -> Headers:
    """What of a stream's headers belongs to the answer that a stream was finished, such as those for other origins."""
    return [(name, value) for name, value in headers if name.lower() not in STREAM and name.lower() != "cache-control"]


def stream_headers(extra: Mapping[str, str] | None) -> list[tuple[str, str]]:
    """The headers, names in lower case: more can be added, but what makes the response a stream stays as it is.
    A stricter ``Cache-Control`` stays too."""
    given = {} if extra is None else extra
    if not isinstance(given, Mapping):
        raise TypeError(f"headers must be a mapping of strings to strings, not {type(given).__name__}")
    added = [(name.lower(), value) for name, value in given.items()]
    wanted = ", ".join(value for name, value in added if name == "cache-control")
    return [
        *STREAM.items(),
        ("cache-control", cache_control(wanted)),
        *((name, value) for name, value in added if name not in {*STREAM, "cache-control", "content-length"}),
    ]
