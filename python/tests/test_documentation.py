"""What is written down is so: the examples run, and the stubs say what the module says."""

import ast
import doctest
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import ssecast
from servers import serve
from ssecast import _native
from streams import Stream

PYTHON = Path(__file__).parents[1]
README = (PYTHON / "README.md").read_text()


def stated() -> Iterator[tuple[str, str]]:
    """The names in the stubs, with dots, and their docstrings."""

    def walk(node: Any, name: str) -> Iterator[tuple[str, str]]:
        for child in node.body:
            if isinstance(child, (ast.ClassDef, ast.FunctionDef)):
                path = f"{name}.{child.name}".strip(".")
                if (text := ast.get_docstring(child)) is not None:
                    yield path, text
                if isinstance(child, ast.ClassDef):
                    yield from walk(child, path)

    yield from walk(ast.parse((PYTHON / "ssecast/_native.pyi").read_text()), "")


STATED = dict(stated())


def documented() -> Iterator[str]:
    """The names of what the module documents."""
    for name, value in vars(_native).items():
        if name.startswith("_") or not callable(value):
            continue
        yield name
        if inspect.isclass(value):
            for member, descriptor in vars(value).items():
                if not member.startswith("__") and getattr(descriptor, "__doc__", None):
                    yield f"{name}.{member}"


def test_everything_that_the_module_documents_is_in_the_stubs() -> None:
    assert set(documented()) == set(STATED)


@pytest.mark.parametrize("name", STATED)
def test_the_stubs_say_what_the_module_says(name: str) -> None:
    value: Any = _native
    for part in name.split("."):
        value = inspect.getattr_static(value, part)
    assert STATED[name].split() == (inspect.getdoc(value) or "").split()


def examples() -> Iterator[doctest.DocTest]:
    finder, parser = doctest.DocTestFinder(exclude_empty=True), doctest.DocTestParser()
    for found in pkgutil.walk_packages(ssecast.__path__, "ssecast."):
        if found.name != "ssecast._native":
            yield from finder.find(importlib.import_module(found.name))
    yield from finder.find(ssecast)
    for name, text in STATED.items():
        yield parser.get_doctest(text, {}, f"_native.{name}", "_native.pyi", 0)
    for number, block in enumerate(re.findall(r"```pycon\n(.*?)```", README, re.DOTALL)):
        yield parser.get_doctest(block, {}, f"README, example {number + 1}", "README.md", 0)


@pytest.mark.parametrize(
    "example", [pytest.param(example, id=example.name) for example in examples() if example.examples]
)
def test_an_example_runs(example: doctest.DocTest) -> None:
    runner = doctest.DocTestRunner(verbose=False)
    report: list[str] = []
    assert runner.run(example, out=report.append).failed == 0, "".join(report)


def programs(text: str) -> list[str]:
    """The servers in a page."""
    return re.findall(r"```python(?: run)?\n(.*?)```", text, re.DOTALL)


UVICORN = ("uvicorn", "example:app", "--app-dir={folder}", "--port={{port}}")
GUNICORN = ("gunicorn", "example:app", "--chdir={folder}", "--bind=127.0.0.1:{{port}}")


@pytest.mark.parametrize(
    ("program", "command"),
    [
        pytest.param(programs(README)[0], UVICORN, id="FastAPI"),
        pytest.param(programs(README)[1], GUNICORN, id="Flask"),
        pytest.param(programs((PYTHON.parent / "README.md").read_text())[0], UVICORN, id="FastAPI, on the front page"),
    ],
)
def test_a_server_of_the_readme_gives_every_client_every_event(
    program: str, command: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "example.py").write_text(program)
    arguments = ["-m", *(argument.format(folder=tmp_path) for argument in command)]
    with serve(arguments) as running, Stream(running) as one, Stream(running) as other:
        answer = running.get("/publish", method="POST")
        assert answer in (2, [2])
        assert [one.next().json(), other.next().json()] == [{"now": 1}] * 2


def test_the_private_stream_of_the_readme_is_one_clients_alone(tmp_path: Path) -> None:
    (tmp_path / "example.py").write_text(programs(README)[2])
    with serve(["-m", "uvicorn", "example:app", f"--app-dir={tmp_path}", "--port={port}"]) as running:
        for _ in range(2):
            with Stream(running) as stream:
                events = stream.rest()
                assert [event.data for event in events] == ["one", "word", "after", "another"]
                assert stream.complete


def snippets() -> Iterator[Any]:
    """The snippets in the pages of the documentation, by their place and by what their fence says: docs/README.md."""
    for page in sorted((PYTHON.parent / "docs").rglob("*.md")):
        if "node_modules" in page.parts:
            continue
        for number, (mark, code) in enumerate(
            re.findall(r"^```python ?(\w*).*\n([^`]*)^```$", page.read_text(), re.MULTILINE)
        ):
            yield pytest.param(mark, code, id=f"{page.stem}-{number}")


@pytest.mark.parametrize(("mark", "code"), list(snippets()))
def test_a_snippet_of_the_documentation_is_what_its_fence_says(
    mark: str, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    # What a page migrates from is not installed.
    module = compile(code, "snippet.py", "exec")
    if mark == "before":
        return
    # Frameworks look into the module of a function.
    monkeypatch.setitem(sys.modules, "snippet", ModuleType("snippet"))
    exec(module, vars(sys.modules["snippet"]))
    for name, value in list(vars(sys.modules["snippet"]).items()):
        if mark == "test" and name.startswith("test_"):
            value()
    if mark in ("run", "private"):
        (tmp_path / "example.py").write_text(code)
        server = GUNICORN if "wsgi" in code else UVICORN
        arguments = ["-m", *(argument.format(folder=tmp_path) for argument in server)]
        with serve(arguments) as running, Stream(running) as stream:
            if "/publish" in code:
                running.get("/publish", method="POST")
            if "/publish" in code or mark == "private" or "lifespan" in code:
                assert stream.next().data


def test_the_readme_names_every_error() -> None:
    named = set(re.findall(r"`(\w+Error)`", README)) - {"ConnectionError", "ValueError", "TypeError", "RuntimeError"}
    assert named == {error.__name__ for error in ssecast.Error.__subclasses__()}


def test_editors_see_exact_types(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        """\
from ssecast import Event, History, Hub, Parser, SlowClient, aiter_events, encode, iter_events

hub = Hub(history=History(seconds=None), slow_client=SlowClient(policy="skip"), delivery="pull")
reveal_type(hub.publish("t", {"any": "data"}).subscribers)
reveal_type(SlowClient().policy)
reveal_type(Parser().feed(memoryview(b"")))
reveal_type(next(iter_events([b""])).data)
reveal_type(encode(Event("1", id=7)))
reveal_type(hub.stats().disconnects)
Hub(delivery="push")
hub.publish("t", "1", retry="5")
"""
    )
    command = (sys.executable, "-m", "mypy", "--strict", "--no-incremental", "--cache-dir=/dev/null", program)
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    revealed = re.findall(r'Revealed type is "(.*)"', done.stdout)
    assert revealed == [
        "int",
        "Literal['disconnect'] | Literal['skip']",
        "list[ssecast._native.Event]",
        "str | None",
        "bytes",
        f"dict[{' | '.join(f'Literal[{reason!r}]' for reason in ssecast.Hub().stats().disconnects)}, int]",
    ]
    refused = re.findall(r"program\.py:(\d+): error", done.stdout)
    assert refused == ["10", "11"], done.stdout
