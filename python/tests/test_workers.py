"""One hub in the workers of a server: every client has every event, whichever worker it is published in, and whichever
worker the client comes to."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from roaming import Roaming, eventually, get
from servers import PATIENCE, Server, serve
from ssecast import Hub
from stores import file

GUNICORN = ("-m", "gunicorn", "--workers=4", "--bind=127.0.0.1:{port}", "--no-control-socket", "--graceful-timeout=1")
SERVERS: dict[str, tuple[str, ...]] = {
    "sync": (*GUNICORN, "workers:wsgi"),
    "gthread": (*GUNICORN, "--worker-class=gthread", "--threads=4", "workers:wsgi"),
    "uvicorn worker": (*GUNICORN, "--worker-class=uvicorn.workers.UvicornWorker", "workers:asgi"),
    "uvicorn": ("-m", "uvicorn", "workers:asgi", "--workers=4", "--port={port}"),
}


@pytest.mark.parametrize(
    ("server", "preload", "clients", "kills"),
    [
        ("sync", True, 200, 3),
        ("sync", False, 20, 1),
        ("gthread", True, 20, 1),
        ("gthread", False, 20, 1),
        ("uvicorn worker", True, 20, 1),
        ("uvicorn worker", False, 20, 1),
        ("uvicorn", False, 20, 1),
    ],
)
def test_every_client_has_every_event_while_clients_change_workers_and_workers_are_killed(
    server: str, preload: bool, clients: int, kills: int, tmp_path: Path
) -> None:
    arguments = [*SERVERS[server], *(["--preload"] if preload else [])]
    with serve(arguments, STORE=file(tmp_path)) as process:
        published = asyncio.run(check(process, clients, kills))
    made_in = {one["made_in"] for one in published}
    workers = {one["worker"] for one in published}
    assert len(workers) >= 4
    # With --preload there is one hub, of the process that has forked the workers.
    assert len(made_in) == 1 if preload else made_in == workers


async def check(process: Server, count: int, kills: int) -> list[dict[str, Any]]:
    clients = [Roaming(process.port) for _ in range(count)]
    await eventually(lambda: all(client.connections for client in clients), "the clients' connections")
    acknowledged: list[dict[str, Any]] = []

    async def publish(publisher: int) -> None:
        number = 0
        # Every worker has its turn.
        while number < 20 or len({one["worker"] for one in acknowledged}) < 4 + kills:
            data = f"{publisher}-{number}"
            if answer := await get(process.port, f"/publish?n={data}"):
                acknowledged.append({**answer, "data": data})
            number += 1
            await asyncio.sleep(0.005)

    async def move() -> None:
        while True:
            for client in random.sample(clients, max(1, count // 40)):
                client.cut()
            await asyncio.sleep(0.02)

    moving = asyncio.create_task(move())
    publishing = asyncio.gather(*(publish(publisher) for publisher in range(4)))
    killed: set[int] = set()
    for kill in range(kills):
        await eventually(lambda: len({one["worker"] for one in acknowledged} - killed) > 0, "a worker")
        await eventually(lambda least=20 * (kill + 1): len(acknowledged) >= least, "events")  # type: ignore[misc]
        victim = random.choice([one["worker"] for one in acknowledged if one["worker"] not in killed])
        killed.add(victim)
        with suppress(ProcessLookupError):
            os.kill(victim, signal.SIGKILL)
    await asyncio.wait_for(publishing, PATIENCE)
    moving.cancel()
    last = None
    while last is None:
        last = await get(process.port, "/publish?n=last")

    def are_done() -> bool:
        return all(client.events and client.events[-1].data == "last" for client in clients)

    await eventually(are_done, "the last event")
    check_whole(clients, last["id"])
    data = {event.id: event.data for event in clients[0].events}
    assert all(data[one["id"]] == one["data"] for one in acknowledged)
    # An event of a worker that was killed may be there without an answer, but none is there twice.
    assert len(set(data.values())) == len(data)
    assert any(client.connections > 2 for client in clients)
    for client in clients:
        client.task.cancel()
    return acknowledged


def check_whole(clients: list[Roaming], last: str) -> None:
    """Every client has every event of the log, once and in order."""
    epoch, _, count = last.rpartition("-")
    ids = [f"{epoch}-{number}" for number in range(1, int(count) + 1)]
    for client in clients:
        assert [event.id for event in client.events] == ids


def test_a_server_that_starts_again_goes_on_where_the_last_one_ended(tmp_path: Path) -> None:
    async def main() -> None:
        clients: list[Roaming] = []

        def have(connections: int, events: int) -> bool:
            return all(c.connections >= connections and len(c.events) >= events for c in clients)

        for life in range(3):
            with serve([*SERVERS["uvicorn worker"], "--workers=2"], STORE=file(tmp_path)) as process:
                clients = clients or [Roaming(process.port) for _ in range(20)]
                for client in clients:
                    client.port = process.port
                await eventually(lambda life=life: have(life + 1, 0), "the clients")  # type: ignore[misc]
                for number in range(5):
                    last = await get(process.port, f"/publish?n={life}-{number}")
                # What they have not got when it ends they get from the next one.
                if life == 2:
                    await eventually(lambda: have(0, 15), "the last event")
                await asyncio.to_thread(process.terminate)
        check_whole(clients, last["id"])
        for client in clients:
            client.task.cancel()

    asyncio.run(main())


PROGRAM = """
import multiprocessing, os, sys, time
import ssecast

def child(name, hub=None):
    # A spawned process can't be given a hub: it makes its own.
    hub = hub or ssecast.Hub(store=sys.argv[1])
    with hub.subscribe("t") as events:
        assert hub.publish("t", name).id
        assert next(events).data == name

if __name__ == "__main__":
    hub = ssecast.Hub(store=sys.argv[1])
    how = sys.argv[2]
    if how == "opened":
        # The child opens it itself, whatever the parent has open.
        hub.publish("t", "before")
        how = "fork"
    with hub.subscribe("t") if sys.argv[2] == "opened" else open(os.devnull):
        if how == "fork":
            for name in ("a", "b"):
                if (process := os.fork()) == 0:
                    try:
                        child(name, hub)
                    except BaseException:
                        sys.excepthook(*sys.exc_info())
                        os._exit(1)
                    os._exit(0)
                assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0
        else:
            context = multiprocessing.get_context(how.partition(" ")[2])
            arguments = (hub,) if how.endswith("fork") else ()
            for name in ("a", "b"):
                process = context.Process(target=child, args=(name, *arguments))
                process.start()
                process.join()
                assert process.exitcode == 0
        hub.publish("t", "of the parent")
"""


@pytest.mark.parametrize("how", ["fork", "opened", "multiprocessing fork", "multiprocessing spawn"])
def test_each_process_opens_the_store_itself(how: str, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    command = [sys.executable, str(program), file(tmp_path), how]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    assert (done.returncode, done.stderr) == (0, "")
    before = ["before"] if how == "opened" else []
    with Hub(store=file(tmp_path)).subscribe("t", replay="all") as events:
        expected = [*before, "a", "b", "of the parent"]
        seen = [next(events) for _ in expected]
    assert [event.data for event in seen] == expected
    assert [str(event.id).rpartition("-")[2] for event in seen] == [str(n + 1) for n in range(len(expected))]
