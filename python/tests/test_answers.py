"""The example of answers that are topics which end, read by OpenAI's client from two servers."""

from pathlib import Path
from typing import Any

import openai

import ssecast
from servers import serve

EXAMPLES = Path(__file__).parents[1] / "examples"
COMMAND = ("-m", "uvicorn", "--port={port}", "answers_fastapi:app")
QUESTION = "what is a topic that ends?"
ANSWER = f"You asked: {QUESTION} One could say much about it, and I say it slowly, word by word. "


def client(port: int) -> openai.OpenAI:
    made = openai.OpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="-")
    made._make_sse_decoder = ssecast.Decoder  # type: ignore[assignment,method-assign]
    return made


def text(events: list[Any]) -> str:
    return "".join(event.delta for event in events if event.type == "response.output_text.delta")


def test_an_answer_is_joined_left_and_resumed_on_another_server(tmp_path: Path) -> None:
    options: dict[str, Any] = {"PYTHONPATH": str(EXAMPLES), "STORE": f"file:{tmp_path}/answers", "WORD_SECONDS": "0.03"}
    with serve(COMMAND, **options) as one, serve(COMMAND, **options) as other:
        here, there = client(one.port), client(other.port)
        first: list[Any] = []
        with here.responses.create(model="m", input=QUESTION, stream=True) as stream:
            for event in stream:
                first.append(event)
                if len(first) == 4:
                    break
        answer = first[0].response.id
        # The producer goes on; the reader goes on with the other server.
        rest = list(there.responses.retrieve(answer, stream=True, starting_after=first[-1].sequence_number))
        assert text([*first, *rest]) == ANSWER
        assert [event.sequence_number for event in [*first, *rest]] == list(range(len(first) + len(rest)))
        assert rest[-1].type == "response.completed"
        whole = list(here.responses.retrieve(answer, stream=True))
        assert text(whole) == ANSWER
