"""The head of a response that is an event stream."""

from collections.abc import Mapping

__all__ = ["REFUSAL", "RETRY_AFTER", "stream_headers"]

STREAM = {
    "content-type": "text/event-stream; charset=utf-8",
    # `no-transform` keeps compression from buffering the stream.
    "cache-control": "no-cache, no-transform",
    "x-accel-buffering": "no",
}

RETRY_AFTER = "5"
"""Seconds after which a client that the hub refuses, with the status 503, may try again."""

REFUSAL = b"Service Unavailable"


def stream_headers(extra: Mapping[str, str] | None) -> list[tuple[str, str]]:
    """The headers, names in lower case: more can be added, but what makes the response a stream stays as it is."""
    given = {} if extra is None else extra
    if not isinstance(given, Mapping):
        raise TypeError(f"headers must be a mapping of strings to strings, not {type(given).__name__}")
    added = [(name.lower(), value) for name, value in given.items()]
    return [
        *STREAM.items(),
        *((name, value) for name, value in added if name not in STREAM and name != "content-length"),
    ]
