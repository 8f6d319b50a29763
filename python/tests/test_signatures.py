"""What editors, `help` and `inspect` show of functions that take options by keyword."""

import ast
import inspect
from collections.abc import Callable
from pathlib import Path

import pytest

import ssecast
import ssecast.aiohttp
import ssecast.asgi
import ssecast.django
import ssecast.litestar
import ssecast.wsgi

RESPONSE = {
    "topics",
    "ping",
    "send_timeout",
    "max_event_bytes",
    "finish",
    "last_event_id",
    "delivery",
    "farewell",
    "headers",
}
SOURCE = {
    "client",
    "headers",
    "method",
    "auth",
    "timeout",
    "retry",
    "idle",
    "max_event_bytes",
    "last_event_id",
    "on_error",
}


@pytest.mark.parametrize(
    ("function", "first", "options"),
    [
        (ssecast.asgi.EventSourceResponse, "source", RESPONSE | {"background"}),
        (ssecast.wsgi.EventSourceResponse, "source", RESPONSE | {"environ"}),
        (ssecast.django.EventSourceResponse, "request", RESPONSE),
        (ssecast.aiohttp.EventSourceResponse, "source", RESPONSE),
        (ssecast.litestar.EventSourceResponse, "source", RESPONSE | {"background"}),
        (ssecast.EventSource, "url", SOURCE),
        (ssecast.AsyncEventSource, "url", SOURCE),
        (ssecast.Hub().listen, "address", {"topics", "path", "cors", "max_head_bytes"}),
    ],
)
def test_every_option_is_listed(function: Callable[..., object], first: str, options: set[str]) -> None:
    parameters = inspect.signature(function).parameters
    assert next(iter(parameters)) == first
    assert options <= {name for name, parameter in parameters.items() if parameter.kind is parameter.KEYWORD_ONLY}
    assert all(parameter.kind is not parameter.VAR_KEYWORD for parameter in parameters.values())


def test_a_class_that_is_derived_has_the_signature_of_its_own() -> None:
    class Answer(ssecast.asgi.EventSourceResponse):
        def __init__(self, question: str) -> None:
            super().__init__([question])

    assert list(inspect.signature(Answer).parameters) == ["question"]


def test_the_stub_says_that_new_gives_an_instance_of_the_class_it_is_called_on() -> None:
    stub = ast.parse(Path(ssecast.__file__).with_name("_native.pyi").read_text())
    returned = {
        noun.name: ast.unparse(made.returns)
        for noun in stub.body
        if isinstance(noun, ast.ClassDef)
        for made in noun.body
        if isinstance(made, ast.FunctionDef) and made.name == "__new__" and made.returns
    }
    assert returned["Event"] == "Self"
    # pyright refuses a subclass's, and so calls of it, where it is the class's own name.
    assert set(returned.values()) == {"Self"}, returned
