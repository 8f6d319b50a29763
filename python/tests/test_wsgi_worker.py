"""One worker of gunicorn's: how much it serves, how it ends, and what it has of its parent's."""

from __future__ import annotations

import resource
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from socket import AF_UNIX, socket

import pytest

from servers import PATIENCE, SOON, Server, serve_wsgi
from streams import Stream

# gunicorn waits two seconds for a client that keeps its connection, and longer than that where streams go on.
AT_ONCE = 2.5


@contextmanager
def descriptors(count: int) -> Iterator[None]:
    """So many, here and in what is started."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, count), hard), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_one_sync_worker_serves_a_thousand_streams_and_other_requests_too() -> None:
    with descriptors(4096), serve_wsgi("gunicorn-sync", "threads:plain", "--workers=1") as server, ExitStack() as open_:
        streams = [open_.enter_context(Stream(server)) for _ in range(1000)]
        server.eventually("/connections", 1000)
        for turn in range(5):
            server.get(f"/publish?count=10&data={turn}.{{}}")
        expected = [f"{turn}.{number}" for turn in range(5) for number in range(10)]
        for stream in streams:
            assert stream.data(50) == expected
        # gunicorn says so of a worker that does not answer its own heartbeat.
        assert "WORKER TIMEOUT" not in server.output
        # A thousand streams, and the same few descriptors as any worker has.
        assert server.get("/descriptors") < 1050
        assert server.terminate() < SOON


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("worker", ["gunicorn-sync", "gunicorn-gthread"])
def test_a_worker_ends_at_once_and_its_streams_after_a_farewell(worker: str, how: signal.Signals) -> None:
    with serve_wsgi(worker, "threads:plain") as server:
        streams = [Stream(server, "/stream?farewell=good+bye") for _ in range(10)]
        server.get("/publish?data=last")
        stuck = Stream(server)
        server.eventually("/connections", 11)
        assert server.terminate(how) < SOON
        for stream in streams:
            last, farewell = stream.rest()
            assert (last.data, farewell.event, farewell.data) == ("last", "bye", "good bye")
            assert stream.complete
            # So that they do not all come back at once.
            assert b"retry: " in stream.body.rpartition(b"good bye")[2]
            stream.close()
        stuck.close()
        assert server.process.returncode == 0
        # No worker was killed, or has failed; SIGINT interrupts whatever gunicorn is doing.
        assert "SIG" not in server.output
        assert how == signal.SIGINT or "Traceback" not in server.output


@pytest.mark.parametrize("source", ["", "&source=endless"])
def test_a_thread_that_writes_a_stream_sees_that_the_server_ends(source: str) -> None:
    # There is always something to write.
    with serve_wsgi("gunicorn-gthread", "threads:plain", HEARTBEAT="0.05") as server:
        streams = [Stream(server, f"/stream?delivery=send&farewell=good+bye{source}") for _ in range(3)]
        server.eventually("/deliveries", ["send"] * 3)
        assert server.terminate() < AT_ONCE
        for stream in streams:
            assert stream.rest()[-1].data == "good bye"
            assert stream.complete
            stream.close()


@pytest.mark.parametrize("delivery", ["auto", "send"])
@pytest.mark.parametrize("worker", ["gunicorn-sync", "gunicorn-gthread"])
def test_a_source_that_waits_takes_no_farewell_from_other_streams(worker: str, delivery: str) -> None:
    with serve_wsgi(worker, "threads:plain", "--graceful-timeout=4") as server:
        streams = [Stream(server, "/stream?farewell=good+bye") for _ in range(5)]
        stuck = Stream(server, f"/stream?source=stuck&farewell=good+bye&delivery={delivery}")
        assert stuck.data(1) == ["first"]
        begin = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        for stream in streams:
            assert [event.data for event in stream.rest()] == ["good bye"]
            assert stream.complete
            stream.close()
        # The worker did not wait for the source.
        assert time.monotonic() - begin < AT_ONCE
        if (worker, delivery) != ("gunicorn-gthread", "send"):
            assert [event.data for event in stuck.rest()] == ["good bye"]
        server.process.wait(PATIENCE)
        # Out of the main thread's wait the signal gets it; a thread of a pool is gunicorn's to wait for.
        assert worker == "gunicorn-gthread" or time.monotonic() - begin < AT_ONCE
        stuck.close()


def test_a_worker_that_has_no_descriptor_left_refuses_clients_and_keeps_those_it_has() -> None:
    with serve_wsgi("gunicorn-sync", "threads:plain", "--timeout=3", DESCRIPTORS="60") as server:
        streams: list[Stream] = []
        while not streams or streams[-1].status == 200:
            assert len(streams) < 60
            streams.append(Stream(server))
        refused = streams.pop()
        assert refused.status == 503
        assert 2 <= int(refused.headers["retry-after"]) <= 4
        browser = Stream(server, accept="text/event-stream")
        browser.rest()
        assert (browser.status, browser.complete) == (200, True)
        assert browser.body.startswith(b"retry: ")
        # The worker answers others, which gunicorn kills one for that does not.
        server.get("/publish?data=on")
        for stream in streams:
            assert stream.data(1) == ["on"]
        streams.pop().close()
        server.eventually("/connections", len(streams))
        with Stream(server) as again:
            assert again.status == 200
        assert "WORKER TIMEOUT" not in server.output
        for stream in (*streams, refused, browser):
            stream.close()


def test_a_server_with_a_process_for_each_request_keeps_its_connections() -> None:
    with serve_wsgi("werkzeug-processes", "threads:plain") as server:
        with Stream(server, "/stream?source=large") as stream:
            assert len(stream.rest()) == 100
            assert stream.complete
        with Stream(server) as stream:
            while b"retry: " not in stream.body:
                stream._read()


def test_gunicorn_before_its_version_25_gives_its_connections_away_too() -> None:
    with serve_wsgi("gunicorn-sync", "threads:before_25") as server:
        streams = [Stream(server) for _ in range(3)]
        server.get("/publish?data=on")
        for stream in streams:
            assert stream.data(1) == ["on"]
            stream.close()
        server.eventually("/deliveries", ["socket"] * 3)


@pytest.mark.parametrize("delivery", ["auto", "send"])
@pytest.mark.parametrize("name", ["gunicorn-gthread", "waitress", "werkzeug-threaded"])
def test_a_stream_that_failed_does_not_look_complete(name: str, delivery: str) -> None:
    with serve_wsgi(name, "threads:plain") as server:
        with Stream(server, f"/stream?source=failing&delivery={delivery}") as stream:
            assert [event.data for event in stream.rest()] == ["first"]
            assert not stream.complete
        server.eventually("/reasons", ["error"])


def test_a_sync_worker_that_writes_a_stream_ends_too() -> None:
    with serve_wsgi("gunicorn-sync", "threads:plain") as server, Stream(server, "/stream?delivery=send") as stream:
        assert server.terminate() < AT_ONCE
        stream.rest()
        assert stream.complete


@pytest.mark.parametrize("name", ["waitress", "werkzeug-threaded"])
def test_a_server_that_leaves_sigterm_to_the_system_ends_with_its_streams(name: str) -> None:
    with serve_wsgi(name, "threads:plain") as server, Stream(server, "/stream?farewell=good+bye") as stream:
        server.eventually("/connections", 1)
        assert server.terminate() < SOON
        assert stream.rest() == []


@pytest.mark.parametrize("name", ["waitress", "werkzeug-threaded"])
def test_the_line_that_is_documented_lets_farewells_out_there(name: str) -> None:
    with (
        serve_wsgi(name, "threads:plain", TERM_EXITS="1") as server,
        Stream(server, "/stream?farewell=good+bye") as stream,
    ):
        server.eventually("/connections", 1)
        assert server.terminate() < SOON
        assert [event.data for event in stream.rest()] == ["good bye"]
        assert stream.complete


def test_a_client_that_takes_nothing_does_not_hold_the_end_up() -> None:
    with serve_wsgi("gunicorn-sync", "threads:plain") as server, Stream(server) as stalled:
        # More than the system takes for a client.
        server.get("/publish?count=40&pad=500000")
        assert server.terminate() < SOON
        stalled.close()


def test_a_hub_that_is_made_before_the_fork_works_in_every_worker() -> None:
    with serve_wsgi("gunicorn-sync", "threads:plain", "--workers=2", "--preload") as server:
        streams: dict[int, list[Stream]] = {}
        while len(streams) < 2 or min(map(len, streams.values())) < 3:
            stream = Stream(server)
            streams.setdefault(int(stream.headers["x-process"]), []).append(stream)
        published: set[int] = set()
        while len(published) < 2:
            published.add(server.get("/publish-process"))
        epochs = {}
        for process, readers in streams.items():
            for stream in readers:
                event = stream.next()
                assert event.data == str(process)
                epochs[process] = str(event.id).partition("-")[0]
                stream.close()
        assert len(set(epochs.values())) == 2


def test_a_child_leaves_the_streams_of_its_parent_alone() -> None:
    with serve_wsgi("gunicorn-sync", "threads:plain") as server:
        streams = [Stream(server) for _ in range(5)]
        assert server.get("/fork") == 7
        server.eventually("/connections", 5)
        server.get("/publish?data=of+the+parent")
        for stream in streams:
            assert stream.data(1) == ["of the parent"]
            stream.close()
        server.eventually("/connections", 0)
        server.eventually("/reasons", ["client"] * 5)


def test_a_connection_of_a_unix_socket_is_handed_over_too(tmp_path: Path) -> None:
    place = tmp_path / "socket"
    with serve_wsgi("gunicorn-sync", "threads:plain", f"--bind=unix:{place}") as server:

        class Local(Server):
            def __init__(self) -> None:
                pass

            def connect(self) -> socket:
                connection = socket(AF_UNIX)
                connection.connect(str(place))
                return connection

        with Stream(Local()) as stream:
            server.get("/publish?data=on")
            assert stream.data(1) == ["on"]
            server.eventually("/deliveries", ["socket"])


def test_a_head_that_a_middleware_has_changed_goes_out_as_it_is() -> None:
    with serve_wsgi("gunicorn-sync", "threads:with_header") as server, Stream(server) as stream:
        assert stream.headers["set-cookie"] == "a=b"
        server.eventually("/deliveries", ["socket"])


def test_a_stream_that_a_middleware_encodes_stays_with_the_server() -> None:
    with serve_wsgi("gunicorn-gthread", "threads:encoded") as server, Stream(server) as stream:
        server.eventually("/deliveries", ["send"])
        assert stream.headers["content-encoding"] == "identity"
        server.get("/publish?data=on")
        assert stream.data(1) == ["on"]
