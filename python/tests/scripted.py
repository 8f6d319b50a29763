"""The scripted server of tests/client, and what a client of it came to."""

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from ssecast import Event, Loss, Retry

FOLDER = Path(__file__).parents[2] / "tests/client"
SCENARIOS: list[dict[str, Any]] = json.loads((FOLDER / "scenarios.json").read_text())


@contextmanager
def serving() -> Iterator[dict[str, int]]:
    """The server's ports."""
    command = ["node", str(FOLDER / "server.mjs")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield json.loads(server.stdout.readline())
        finally:
            server.kill()


def url(ports: dict[str, int], run: str, index: int) -> str:
    scheme = "https" if SCENARIOS[index].get("tls") else "http"
    return f"{scheme}://127.0.0.1:{ports[scheme]}/{run}/{index}"


def options(given: dict[str, Any]) -> dict[str, Any]:
    """A scenario's options as Python has them."""
    named = {"method": "method", "body": "content", "headers": "headers", "lastEventId": "last_event_id"}
    found = {named[name]: value for name, value in given.items() if name in named}
    if "idle" in given:
        found["idle"] = given["idle"] / 1000
    if "maxEventBytes" in given:
        found["max_event_bytes"] = given["maxEventBytes"]
    retry = {"jitter": 0, **given.get("retry", {})}
    for name in ("first", "longest"):
        if name in retry:
            retry[name] /= 1000
    return {**found, "retry": Retry(**retry)}


class Log:
    """What happened to a client, in order."""

    def __init__(self, index: int) -> None:
        self.entries: list[Any] = []
        self.expected = SCENARIOS[index]["log"]
        self.close_after = SCENARIOS[index].get("options", {}).get("closeAfter")

    def opened(self) -> None:
        self.entries.append("open")

    def lost(self, loss: Loss) -> None:
        self.entries.append({"error": loss.cause} | ({} if loss.status is None else {"status": loss.status}))

    def event(self, event: Event) -> bool:
        """Whether the source is to be closed."""
        self.entries.append({"event": event.event, "data": event.data, "lastEventId": event.last_event_id})
        return self.close_after == sum("event" in entry for entry in self.entries) or self.is_complete

    def closed(self) -> None:
        if not self.is_complete:
            self.entries.append("closed")

    @property
    def is_complete(self) -> bool:
        return len(self.entries) >= len(self.expected)

    def check(self) -> None:
        def seen(found: Any, expected: Any) -> Any:
            long = isinstance(expected, dict) and isinstance(expected.get("data"), dict)
            return {**found, "data": {"length": len(found["data"])}} if long else found

        assert [seen(*pair) for pair in zip(self.entries, self.expected, strict=False)] == self.expected
        assert len(self.entries) == len(self.expected)


def check_report(of: str) -> None:
    """Waits until no connection is open, and finds the server content."""
    deadline = time.monotonic() + 30
    with httpx.Client(verify=False) as client:
        while (report := client.get(f"{of}/report").json())["open"] > 0:
            assert time.monotonic() < deadline, f"{report['open']} connections stay open"
            time.sleep(0.005)
    assert report["problems"] == []
