"""Hubs in processes that were forked, by Python or by other code."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from servers import PATIENCE, serve_wsgi
from streams import Stream

PROGRAM = """
import ctypes, multiprocessing, os, signal, sys
import ssecast
from ssecast.wsgi import EventSourceResponse

signal.alarm(60)
hub = ssecast.Hub(history=ssecast.History(events=3))
with hub.subscribe("t") as inherited:
    # A thread looks after this one.
    body = iter(EventSourceResponse(hub, topics=["t"])({"REQUEST_METHOD": "GET"}, lambda *_: None))
    next(body)
    first = hub.publish("t", "of the parent")
    assert next(inherited).data == "of the parent"
    assert b"of the parent" in next(body)

    def child():
        try:
            inherited.__next__()
        except ssecast.ClosedError as error:
            assert "fork" in str(error), error
        else:
            raise AssertionError("a parent's subscription was read")
        assert hub.stats().connections == 0
        published = hub.publish("t", {"of": "the child"})
        # The parent gives this number too.
        assert published.id.split("-")[1] == "1" and published.id != first.id, (published, first)
        with hub.subscribe("t", last_event_id=first.id) as events:
            assert next(events).json() == {"reason": "epoch", "missed": None}
            assert next(events).json() == {"of": "the child"}
            hub.publish("t", "2")
            assert next(events).data == "2"
        stream = iter(EventSourceResponse(hub, topics=["t"])({"REQUEST_METHOD": "GET"}, lambda *_: None))
        next(stream)
        hub.publish("t", "3")
        assert b"data: 3" in next(stream)
        with hub.listen(topics=["t"]) as listener:
            assert listener.address[1] > 0
        try:
            hub.publish("t", "x", event="a\\nb")
        except ssecast.InvalidEventError:
            pass
        print(published.id.split("-")[0], flush=True)

    def by(fork):
        process = fork()
        if process == 0:
            try:
                child()
            except BaseException:
                sys.excepthook(*sys.exc_info())
                os._exit(1)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0

    # Python's own fork calls hooks, and C's does not.
    by({"python": os.fork, "c": ctypes.PyDLL(None).fork}.get(sys.argv[1]) or (lambda: os.fork()))
    if sys.argv[1] == "multiprocessing":
        process = multiprocessing.get_context("fork").Process(target=child)
        process.start()
        process.join()
        assert process.exitcode == 0
    # Nothing of this one's was touched.
    hub.publish("t", "after")
    assert next(inherited).data == "after"
    assert b"after" in next(body)
    assert hub.stats().connections == 2
    body.close()
    print(first.id.split("-")[0], flush=True)
"""


@pytest.mark.parametrize("fork", ["python", "c", "multiprocessing"])
def test_a_child_has_a_hub_of_its_own_however_it_was_forked(fork: str) -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM, fork], capture_output=True, text=True, timeout=2 * PATIENCE)
    assert (done.returncode, done.stderr) == (0, "")
    epochs = done.stdout.split()
    assert len(epochs) == len(set(epochs)) >= 2


def epoch_of(stream: Stream) -> str:
    """The first block of a stream says where it begins."""
    while b"\n\n" not in stream.body:
        stream._read()
    return stream.body.decode().split("id: ")[1].split("-")[0]


def test_each_worker_of_uwsgi_gives_ids_of_its_own() -> None:
    with serve_wsgi("uwsgi", "threads:plain") as server:
        epochs: dict[str, str] = {}
        until = time.monotonic() + PATIENCE
        while len(epochs) < 2:
            assert time.monotonic() < until, server.output
            # Two at once are of two workers, mostly.
            with Stream(server) as first, Stream(server) as second:
                epochs.update((stream.headers["x-process"], epoch_of(stream)) for stream in (first, second))
        assert len(set(epochs.values())) == 2
