"""The vectors that every language shares; tests/vectors/README.md says what they mean."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

VECTORS = Path(__file__).parents[2] / "tests/vectors"
# Beyond it an input is not fed byte by byte.
LARGE = 1_000_000


def load(name: str) -> list[dict[str, Any]]:
    """The vectors of one file."""
    vectors: list[dict[str, Any]] = json.loads((VECTORS / name).read_text())
    assert vectors
    return vectors


def octets(text: Any) -> bytes:
    """The bytes of a text, which is one part or several."""
    if isinstance(text, str):
        return text.encode()
    if isinstance(text, list):
        return b"".join(map(octets, text))
    if "hex" in text:
        return bytes.fromhex(text["hex"])
    return octets(text["repeat"]) * int(text["times"])


def string(text: Any) -> str:
    """A text that is valid UTF-8."""
    return octets(text).decode()


def events(items: list[dict[str, Any]]) -> list[dict[str, str | None]]:
    """The items that are events, with all their fields; ids alone, times and comments are no part of Python's lists."""
    return [
        {
            "event": string(item.get("event", "message")),
            "data": string(item["data"]),
            "last_event_id": string(item.get("last_event_id", "")),
            "id": string(item["id"]) if "id" in item else None,
        }
        for item in items
        if "data" in item
    ]


def chunkings(stream: bytes) -> Iterator[list[bytes]]:
    """The ways in which a stream is cut."""
    for size in (len(stream), 65_536, 99_991) if len(stream) > LARGE else (len(stream), 1, 2, 3, 7):
        yield [stream[at : at + size] for at in range(0, len(stream), max(size, 1))]
    if len(stream) <= LARGE:
        chance = random.Random(len(stream))
        cuts = sorted(chance.choices(range(len(stream) + 1), k=chance.randrange(8)))
        yield [stream[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
