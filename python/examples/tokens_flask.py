"""The same as tokens_fastapi, from a generator that blocks while it waits, and so keeps a thread of the server.

flask --app tokens_flask run
"""

import time
from collections.abc import Iterator
from typing import Any

from flask import Flask, request

from ssecast.wsgi import EventSourceResponse

app = Flask(__name__)


def model(prompt: str) -> Iterator[str]:
    """In the place of a real one."""
    for token in f"You asked: {prompt}".split(" "):
        time.sleep(0.05)
        yield f"{token} "


def answer(prompt: str) -> Iterator[Any]:
    for token in model(prompt):
        yield {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": token}}]}
    yield "[DONE]"


@app.post("/chat/completions")
def completions() -> EventSourceResponse:
    prompt = request.get_json()["prompt"]
    return EventSourceResponse(answer(prompt), environ=request.environ, ping=5, send_timeout=10)
