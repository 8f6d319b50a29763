"""The answer of a language model, token by token, for the client that asked: the protocol that clients of models read.

uvicorn tokens_fastapi:app, and then
curl -N -d '{"prompt": "Why?"}' -H 'Content-Type: application/json' localhost:8000/chat/completions
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from ssecast.asgi import EventSourceResponse

app = FastAPI()


class Question(BaseModel):
    prompt: str


async def model(prompt: str) -> AsyncIterator[str]:
    """In the place of a real one."""
    for token in f"You asked: {prompt}".split(" "):
        await asyncio.sleep(0.05)
        yield f"{token} "


async def answer(prompt: str) -> AsyncIterator[Any]:
    async for token in model(prompt):
        yield {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": token}}]}
    yield "[DONE]"


@app.post("/chat/completions")
async def completions(question: Question) -> EventSourceResponse:
    return EventSourceResponse(answer(question.prompt), ping=5, send_timeout=10)
