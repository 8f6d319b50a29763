"""The clients of OpenAI and Anthropic at a local server: with our decoder the answer is that which theirs gives."""

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import anthropic
import openai
import pytest

import ssecast

WORDS = ["Hello", ", wörld", " 你好", "\n\n", "!"]


def chat() -> Iterator[bytes]:
    yield b": OPENROUTER PROCESSING\n\n"
    for word in WORDS:
        choice = {"index": 0, "delta": {"role": "assistant", "content": word}, "finish_reason": None}
        chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
        yield b"data: " + json.dumps(chunk, ensure_ascii=False).encode() + b"\n\n"
    yield b"data: [DONE]\n\n"


def messages() -> Iterator[bytes]:
    message = {"id": "m", "type": "message", "role": "assistant", "model": "m", "content": []}
    usage = {"input_tokens": 1, "output_tokens": 1}
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": {**message, "stop_reason": None, "stop_sequence": None, "usage": usage}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "ping"},
        *({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": w}} for w in WORDS),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": usage},
        {"type": "message_stop"},
    ]
    # Their client passes over events without a type.
    yield b"data: not JSON\n\n"
    for event in events:
        data = json.dumps(event, ensure_ascii=False).encode()
        yield b"event: " + event["type"].encode() + b"\r\ndata: " + data + b"\r\n\r\n"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        stream = b"".join(messages() if self.path.endswith("/messages") else chat())
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        # Characters and line ends are cut in two.
        for start in range(0, len(stream), 7):
            piece = stream[start : start + 7]
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


OPTIONS: dict[str, Any] = {"api_key": "none", "max_retries": 0}
CHAT: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "Hi"}], "stream": True}
MESSAGE: dict[str, Any] = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}

decoders = pytest.mark.parametrize("ours", [False, True], ids=["theirs", "ours"])


@pytest.fixture
def streams(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What our decoder was given."""
    read: list[object] = []
    for method in ["iter_bytes", "aiter_bytes"]:
        original = getattr(ssecast.Decoder, method)

        def noted(decoder: ssecast.Decoder, chunks: object, original: Any = original) -> object:
            read.append(chunks)
            return original(decoder, chunks)

        monkeypatch.setattr(ssecast.Decoder, method, noted)
    return read


@decoders
def test_openai(url: str, streams: list[object], ours: bool) -> None:
    client = openai.OpenAI(base_url=f"{url}/v1", **OPTIONS)
    if ours:
        client._make_sse_decoder = ssecast.Decoder  # type: ignore[assignment,method-assign]
    deltas = [chunk.choices[0].delta.content for chunk in client.chat.completions.create(**CHAT)]
    assert deltas == WORDS
    assert len(streams) == ours


@decoders
def test_openai_asynchronously(url: str, streams: list[object], ours: bool) -> None:
    async def main() -> list[str]:
        async with openai.AsyncOpenAI(base_url=f"{url}/v1", **OPTIONS) as client:
            if ours:
                client._make_sse_decoder = ssecast.Decoder  # type: ignore[assignment,method-assign]
            return [chunk.choices[0].delta.content async for chunk in await client.chat.completions.create(**CHAT)]

    assert asyncio.run(main()) == WORDS
    assert len(streams) == ours


@decoders
def test_anthropic(url: str, streams: list[object], ours: bool) -> None:
    client = anthropic.Anthropic(base_url=url, **OPTIONS)
    if ours:
        client._make_sse_decoder = ssecast.Decoder  # type: ignore[assignment,method-assign]
    with client.messages.stream(**MESSAGE) as stream:
        assert list(stream.text_stream) == WORDS
        assert stream.get_final_message().stop_reason == "end_turn"
    assert len(streams) == ours


@decoders
def test_anthropic_asynchronously(url: str, streams: list[object], ours: bool) -> None:
    async def main() -> list[str]:
        async with anthropic.AsyncAnthropic(base_url=url, **OPTIONS) as client:
            if ours:
                client._make_sse_decoder = ssecast.Decoder  # type: ignore[assignment,method-assign]
            async with client.messages.stream(**MESSAGE) as stream:
                return [text async for text in stream.text_stream]

    assert asyncio.run(main()) == WORDS
    assert len(streams) == ours
