"""Each example is started as the program that it is, with the commands that it names."""

import signal
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from servers import PATIENCE, SOON, serve
from ssecast import Event, iter_events
from streams import Stream

EXAMPLES = Path(__file__).parents[1] / "examples"
GUNICORN = ("-m", "gunicorn", "--bind=127.0.0.1:{port}")
UVICORN = ("-m", "uvicorn", "--port={port}")
RUNSERVER = (str(EXAMPLES / "index_html_django.py"), "runserver", "--noreload", "127.0.0.1:{port}")

# How it is started, where its stream is, the type of the events for all, and that of the event on connecting.
BROADCASTS = [
    pytest.param((*UVICORN, "time_fastapi:app"), "/stream", "onTimeChanged", "connecttime", id="time_fastapi"),
    pytest.param((*GUNICORN, "dates_flask:app"), "/sendMessage", "message", None, id="dates_flask"),
    pytest.param((*GUNICORN, "index_html_django"), "/stream", "message", "connecttime", id="index_html_django"),
    pytest.param(
        (*UVICORN, "index_html_django:asgi"), "/stream", "message", "connecttime", id="index_html_django:asgi"
    ),
    pytest.param(RUNSERVER, "/stream", "message", "connecttime", id="index_html_django, runserver"),
]


def published(stream: Stream, count: int) -> list[Event]:
    """The next events for all: those that the hub has numbered."""
    events: list[Event] = []
    while len(events) < count:
        event = stream.next()
        if event.id is not None:
            events.append(event)
    return events


def number(event: Event) -> int:
    return int(str(event.id).partition("-")[2])


@pytest.mark.parametrize(("command", "path", "kind", "greeting"), BROADCASTS)
def test_every_client_gets_every_event_also_after_the_first_one_left(
    command: Sequence[str], path: str, kind: str, greeting: str | None
) -> None:
    with serve(command, PYTHONPATH=str(EXAMPLES)) as server, ExitStack() as stack:
        streams = [stack.enter_context(Stream(server, path)) for _ in range(10)]
        if greeting is not None:
            assert [stream.next().event for stream in streams] == [greeting] * 10
        first = [published(stream, 1)[0] for stream in streams]
        for leaving in streams[::3]:
            leaving.close()
        for stream, event in zip(streams, first, strict=True):
            if stream in streams[::3]:
                continue
            events = [event, *published(stream, 2)]
            assert [number(event) for event in events] == [*range(number(event), number(event) + 3)]
            assert {event.event for event in events} == {kind}


def test_time_fastapi_has_a_comment_with_each_event_and_is_for_any_origin() -> None:
    with serve((*UVICORN, "time_fastapi:app"), PYTHONPATH=str(EXAMPLES)) as server, Stream(server) as stream:
        assert stream.headers["access-control-allow-origin"] == "*"
        [event] = published(stream, 1)
        assert event.json().keys() == {"foo", "name"}
        assert b"retry: 10000\n" in stream.body
        assert b": This is a Comment\n" in stream.body


def test_index_html_django_has_its_page_at_every_other_path() -> None:
    with serve((*GUNICORN, "index_html_django"), PYTHONPATH=str(EXAMPLES)) as server:
        for path in ("/", "/any/page"):
            response = httpx.get(server.url + path, timeout=PATIENCE, trust_env=False)
            assert "new EventSource" in response.text


@pytest.mark.parametrize(
    "command",
    [
        pytest.param((*UVICORN, "tokens_fastapi:app"), id="tokens_fastapi"),
        pytest.param(("-m", "flask", "--app=tokens_flask", "run", "--port={port}"), id="tokens_flask"),
    ],
)
def test_an_answer_goes_to_the_one_who_asked_and_ends(command: Sequence[str]) -> None:
    with serve(command, PYTHONPATH=str(EXAMPLES)) as server:
        for prompt in ("Why is it so?", "日本 😀"):
            asked = {"prompt": prompt}
            url = f"{server.url}/chat/completions"
            client = httpx.Client(timeout=PATIENCE, trust_env=False)
            with client, client.stream("POST", url, json=asked) as response:
                assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
                *chunks, last = list(iter_events(response.iter_bytes()))
            tokens = [chunk.json()["choices"][0]["delta"]["content"] for chunk in chunks]
            assert "".join(tokens) == f"You asked: {prompt} "
            assert len(tokens) == 2 + len(prompt.split(" "))
            assert last.data == "[DONE]"


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM], ids=lambda how: how.name)
def test_the_demo_ends_without_an_error_while_pages_are_open(how: signal.Signals) -> None:
    with serve([str(EXAMPLES / "demo/server.py")]) as server, ExitStack() as stack:
        streams = [
            stack.enter_context(Stream(server, f"/stream?client=c{number}&topics=ticks,stats")) for number in range(4)
        ]
        for stream in streams:
            stream.next()
        assert server.terminate(how) < SOON
        for stream in streams:
            stream.rest()
            assert stream.complete
        assert server.process.returncode == 0, server.output
        assert server.output.splitlines() == [f"ssecast demo: {server.url}"]
