"""Measures parsers of Python on the streams in a folder that ``parse corpora`` wrote, and then encoders: one line of
JSON for each. ../python/requirements.txt is what it needs."""

import codecs
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[3] / "python"))

import anthropic._streaming
import fastapi.sse
import httpx_sse
import openai._streaming
import sse_starlette
import sseclient

import ssecast

QUICK = "QUICK" in os.environ
LANGUAGE = f"Python {sys.version_info.major}.{sys.version_info.minor}"
ROUNDS = 3 if QUICK else 6


class Body:
    """What httpx-sse reads of a response, without httpx's own work."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self.headers = {"content-type": "text/event-stream"}
        self._chunks = chunks

    def iter_text(self) -> Iterator[str]:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        for chunk in self._chunks:
            if text := decoder.decode(chunk):
                yield text


# Each takes chunks and gives events with data, by the iterator that its users are told to use.
PARSERS: dict[str, Callable[[list[bytes]], Iterable[Any]]] = {
    "ssecast": ssecast.iter_events,
    "ssecast, Decoder": lambda chunks: ssecast.Decoder().iter_bytes(iter(chunks)),
    "httpx-sse": lambda chunks: httpx_sse.EventSource(Body(chunks)).iter_sse(),
    "openai": lambda chunks: openai._streaming.SSEDecoder().iter_bytes(iter(chunks)),
    "anthropic": lambda chunks: anthropic._streaming.SSEDecoder().iter_bytes(iter(chunks)),
    "sseclient-py": lambda chunks: sseclient.SSEClient(chunks).events(),
}

EVENTS: dict[str, dict[str, Any]] = {
    "150 bytes of data": {"data": "x" * 150},
    "id, event and data": {"data": '{"n":1234567,"text":"understanding"}', "event": "update", "id": "1234567"},
    "20 lines of data": {"data": "\n".join(["a line of it"] * 20)},
    "40 KiB of data": {"data": "x" * (40 << 10)},
}


def fastapi_encode(data: str, **fields: Any) -> bytes:
    return fastapi.sse.format_sse_event(data_str=data, **fields)


# Each takes an event's fields and gives its bytes.
ENCODERS: dict[str, Callable[..., bytes]] = {
    "ssecast": lambda **fields: ssecast.encode(ssecast.Event(**fields)),
    "sse-starlette": lambda **fields: sse_starlette.ServerSentEvent(**fields).encode(),
    "fastapi.sse": fastapi_encode,
}


def cut(stream: bytes, ends: int | list[int]) -> list[bytes]:
    """Pieces of one size, or up to each of these ends."""
    if isinstance(ends, int):
        ends = [*range(ends, len(stream), ends), len(stream)]
    return [stream[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def measure_parsers(corpus: str, stream: bytes, chunk: int | None, chunks: list[bytes]) -> None:
    best: dict[str, float] = {}
    wrong: set[str] = set()
    expected: int | None = None
    # The rounds take turns, so that a busy machine disturbs all alike. One that takes half a second a round has two.
    for number in range(ROUNDS):
        for parser, parse in PARSERS.items():
            if number > 1 and best[parser] > 0.5:
                continue
            start = perf_counter()
            seen = 0
            for event in parse(chunks):
                seen += len(event.data)
            best[parser] = min(best.get(parser, float("inf")), perf_counter() - start)
            if expected is None:
                expected = seen
            if seen != expected:
                wrong.add(parser)
    for parser, seconds in best.items():
        # A parser that loses events gets no number.
        rate = None if parser in wrong else len(stream) / seconds / 1e6
        say(corpus=corpus, chunk=chunk, parser=parser, rate=rate)


def measure_encoders(kind: str, fields: dict[str, Any]) -> None:
    count = 2_000 if QUICK else 10_000
    best = dict.fromkeys(ENCODERS, float("inf"))
    for _ in range(5):
        for encoder, encode in ENCODERS.items():
            start = perf_counter()
            for _ in range(count):
                encode(**fields)
            best[encoder] = min(best[encoder], (perf_counter() - start) / count)
    for encoder, seconds in best.items():
        [event] = ssecast.Parser().feed(ENCODERS[encoder](**fields))
        assert event.data == fields["data"], encoder
        say(encodes=kind, encoder=encoder, nanoseconds=seconds * 1e9)


def say(**values: Any) -> None:
    print(json.dumps({"language": LANGUAGE, **values}), flush=True)


folder = Path(sys.argv[1])
for corpus in json.loads((folder / "index.json").read_text()):
    stream = (folder / corpus["file"]).read_bytes()
    for size in corpus["sizes"]:
        measure_parsers(corpus["name"], stream, size, cut(stream, size or corpus["eventEnds"]))
for kind, fields in EVENTS.items():
    measure_encoders(kind, fields)
