"""Measures one client of Python: ``python python.py <client> <port>`` prints one line of JSON."""

import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[3] / "python"))

import httpx
import httpx_sse

import ssecast

EVENTS = 20_000 if "QUICK" in os.environ else 100_000


def by_ssecast(url: str) -> Iterator[tuple[str, str]]:
    with ssecast.EventSource(url) as source:
        for event in source:
            yield event.event, event.data


def by_httpx_sse(url: str) -> Iterator[tuple[str, str]]:
    with httpx.Client() as client, httpx_sse.connect_sse(client, "GET", url) as source:
        for event in source.iter_sse():
            yield event.event, event.data


CLIENTS = {"ssecast.EventSource": by_ssecast, "httpx-sse": by_httpx_sse}


def saturate(client: str, url: str) -> tuple[float, float]:
    """Microseconds of wall and of CPU for one event."""
    count = 0
    begun = processor = 0.0
    for event, _ in CLIENTS[client](url):
        if count == 0:
            begun, processor = time.perf_counter(), time.process_time()
        if event == "end":
            break
        count += 1
    if count != EVENTS:
        raise SystemExit(f"{client} lost events: {count} of {EVENTS}")
    return (time.perf_counter() - begun) / count * 1e6, (time.process_time() - processor) / count * 1e6


def main(client: str, port: str) -> None:
    base = f"http://127.0.0.1:{port}"
    rounds = [saturate(client, f"{base}/saturating?events={EVENTS}&piece={16 << 10}") for _ in range(3)]
    times = []
    processor = time.process_time()
    for event, data in CLIENTS[client](f"{base}/paced?events=3000&rate=1000"):
        if event == "end":
            break
        times.append((time.monotonic_ns() - int(data.split()[0])) / 1000)
    alone = (time.process_time() - processor) / len(times) * 1e6
    times.sort()
    result: dict[str, Any] = {
        "language": "Python",
        "client": client,
        "wall": min(wall for wall, _ in rounds),
        "cpu": min(cpu for _, cpu in rounds),
        "alone": alone,
        "p50": times[len(times) // 2],
        "p99": times[len(times) * 99 // 100],
    }
    print(json.dumps(result))


main(*sys.argv[1:])
