"""Answers of a language model that outlive the request, the client and the worker: each is a topic that ends. Any
client joins at any moment from the beginning, leaves, and goes on where it was, with another worker.

uvicorn answers_fastapi:app --workers 4, and then, with OpenAI's client (its own decoder fails at a block without data):

client = OpenAI(base_url="http://localhost:8000/v1", api_key="-")
client._make_sse_decoder = ssecast.Decoder
client.responses.create(model="m", input="Why?", stream=True)
"""

import asyncio
import os
import uuid
from collections.abc import AsyncIterator
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from ssecast import Hub
from ssecast.asgi import EventSourceResponse

hub = Hub(store=os.environ.get("STORE", "file:./answers"), keep_ended=600)
app = FastAPI()
producing: set[asyncio.Task[None]] = set()


class Question(BaseModel):
    model: str
    input: str


async def model(question: str) -> AsyncIterator[str]:
    """In the place of a real one."""
    for word in f"You asked: {question} One could say much about it, and I say it slowly, word by word.".split(" "):
        await asyncio.sleep(float(os.environ.get("WORD_SECONDS", "0.1")))
        yield f"{word} "


async def response(topic: str, question: Question) -> AsyncIterator[dict[str, Any]]:
    """The events of an answer, as clients of the Responses API read them."""
    part = {"item_id": f"{topic}-0", "output_index": 0, "content_index": 0}
    whole = {"id": topic, "object": "response", "model": question.model, "output": []}
    yield {"type": "response.created", "response": {**whole, "status": "in_progress"}}
    async for delta in model(question.input):
        yield {"type": "response.output_text.delta", **part, "delta": delta, "logprobs": []}
    yield {"type": "response.completed", "response": {**whole, "status": "completed"}}


async def publish(topic: str, question: Question) -> None:
    number = 0
    async for event in response(topic, question):
        await hub.publish_async(
            topic, {**event, "sequence_number": number}, event=event["type"], id=f"{topic}:{number}"
        )
        number += 1


async def produce(topic: str, question: Question) -> None:
    """Publishes an answer to its topic. It stops a minute after the last reader has left."""
    async with asyncio.TaskGroup() as tasks:
        publishing = tasks.create_task(publish(topic, question))
        watching = tasks.create_task(hub.wait_unread(topic, after=60))
        await asyncio.wait([publishing, watching], return_when=asyncio.FIRST_COMPLETED)
        publishing.cancel()
        await hub.end_topic_async(topic)


def read(topic: str, starting_after: int | None = None) -> EventSourceResponse:
    """The whole of an answer, or what comes after an event of it."""
    after = None if starting_after is None else f"{topic}:{starting_after}"
    return EventSourceResponse(hub, topics=[topic], replay="all", last_event_id=after)


@app.post("/v1/responses")
async def ask(question: Question) -> EventSourceResponse:
    topic = f"resp_{uuid.uuid4()}"
    task = asyncio.create_task(produce(topic, question))
    producing.add(task)
    task.add_done_callback(producing.discard)
    return read(topic)


@app.get("/v1/responses/{topic}")
async def join(topic: str, starting_after: int | None = None) -> EventSourceResponse:
    return read(topic, starting_after)
