"""Clients that begin with history, and topics that end, by each way out."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from rooms import Room

import ssecast
from servers import Server, serve_asgi, serve_wsgi
from ssecast import Hub, InvalidOptionError, TopicEndedError
from ssecast.asgi import EventSourceResponse
from streams import Stream

_numbers = itertools.count()


def check(
    stream: Callable[..., Stream],
    publish: Callable[[], object],
    end_topic: Callable[[], object],
    delivery: str,
    late_answer: bool = False,
    has_head: bool = True,
) -> None:
    """``publish`` publishes 0, 1 and 2. Without ``has_head`` the framework refuses HEAD itself."""
    publish()
    live = stream()
    last = stream(replay=2)
    early = stream(replay="all")
    assert (last.data(2), early.data(3)) == (["1", "2"], ["0", "1", "2"])
    # It goes on live; a client that resumes is not one that begins.
    resumed = stream(replay=1, last_event_id=early_id(early))
    publish()
    assert [len(client.data(3)) for client in (live, last, early)] == [3, 3, 3]
    assert resumed.data(5) == ["1", "2", "0", "1", "2"]

    end_topic()
    late = stream(replay="all")
    for client, left in ((live, 0), (last, 0), (early, 0), (resumed, 0), (late, 6)):
        assert len(client.rest()) == left
        assert client.complete or client.headers.get("connection") == "close", delivery
        assert client.body.endswith(b"\n\nid: ssecast-finished\n\n")
    for again in (
        *([stream(method="HEAD")] if has_head else []),
        stream(last_event_id="ssecast-finished", replay="all"),
        stream(last_event_id=ids(late)[-1]),
        stream(),
    ):
        if again.status == 200 and late_answer:
            # It is answered before the hub is asked: the block sends it away.
            assert again.rest() == []
            assert again.body == b"id: ssecast-finished\n\n"
        else:
            assert again.status == 204
        again.close()
    # What a client lacks it gets.
    with stream(method="HEAD", last_event_id=ids(late)[-3]) as head:
        assert head.status == (200 if has_head else 405)
    behind = stream(last_event_id=ids(late)[-3])
    assert [event.data for event in behind.rest()] == ["1", "2"]
    for client in (live, last, early, resumed, late, behind):
        client.close()


def ids(stream: Stream) -> list[str]:
    """Those that the hub gave."""
    lines = stream.body.decode().splitlines()
    return [line[4:] for line in lines if line.startswith("id: ") and line != "id: ssecast-finished"]


def early_id(stream: Stream) -> str:
    """That of the first event, which follows the place where the stream begins."""
    blocks = stream.body.decode().split("\n\n")
    return next(block for block in blocks if "data: 0" in block).split("id: ")[1].split("\n")[0]


ASGI = [
    ("uvicorn-httptools", "broadcast:app", "auto", "socket", False),
    ("uvicorn-httptools", "broadcast:app", "auto", "transport", True),
    ("uvicorn-h11", "litestar_app:app", "send", "send", False),
    ("aiohttp", "broadcast:app", "auto", "socket", False),
    ("daphne", "broadcast:app", "auto", "send", False),
]


@pytest.mark.parametrize(("server", "app", "choice", "delivery", "tls"), ASGI)
def test_a_client_begins_with_history_and_ends_with_its_topic_under_asgi(
    server: str, app: str, choice: str, delivery: str, tls: bool
) -> None:
    with serve_asgi(server, app, tls=tls) as process, Room(process) as room:
        check(
            lambda **query: room.stream(delivery=choice, **query),
            lambda: room.do("publish", count=3),
            lambda: room.do("end-topic"),
            delivery,
            has_head=app != "litestar_app:app",
        )
        assert set(room.do("look")["deliveries"]) == {delivery}
        assert set(room.do("look")["reasons"]) == {"server"}


WSGI = [
    ("gunicorn-gthread", "threads:flask_app", "auto", "socket"),
    ("werkzeug-threaded", "threads:plain", "auto", "socket"),
    ("waitress", "threads:django_app", "auto", "socket"),
    ("gunicorn-gevent", "threads:plain", "auto", "send"),
]


@pytest.mark.parametrize(("server", "app", "choice", "delivery"), WSGI)
def test_a_client_begins_with_history_and_ends_with_its_topic_under_wsgi(
    server: str, app: str, choice: str, delivery: str
) -> None:
    with serve_wsgi(server, app) as process:
        check_threads(process, "/stream", choice, delivery)


@pytest.mark.parametrize("path", ["/stream", "/async-stream"])
def test_a_client_begins_with_history_and_ends_with_its_topic_under_django_on_asgi(path: str) -> None:
    with serve_asgi("uvicorn-httptools", "threads:django_asgi") as process:
        check_threads(process, path, "auto", "send", late_answer=path == "/stream")


def check_threads(process: Server, path: str, choice: str, delivery: str, late_answer: bool = False) -> None:
    topic = f"t{next(_numbers)}"

    def stream(last_event_id: str | None = None, method: str = "GET", **query: object) -> Stream:
        headers = {} if last_event_id is None else {"last_event_id": last_event_id}
        url = f"{path}?{urlencode({'topic': topic, 'delivery': choice, **query})}"
        return Stream(process, url, method=method, **headers)

    check(
        stream,
        lambda: process.get(f"/publish?topic={topic}&count=3&data={{}}"),
        lambda: process.get(f"/end-topic?topic={topic}"),
        delivery,
        late_answer,
    )
    assert set(process.get("/deliveries")) == {delivery}


@pytest.mark.parametrize("topics", [["t"], lambda _: ["t"]], ids=["fixed", "asked for"])
def test_a_client_begins_with_history_and_ends_with_its_topic_at_a_listener(topics: Any) -> None:
    hub = Hub()
    with hub.listen(topics=topics, replay="all") as listener:
        hub.publish("t", "0")

        class Address:
            def connect(self) -> Any:
                import socket

                return socket.create_connection(listener.address)

        with Stream(Address()) as stream:  # type: ignore[arg-type]
            assert stream.data(1) == ["0"]
            hub.end_topic("t")
            assert stream.rest() == []
        with Stream(Address(), last_event_id="ssecast-finished") as stream:  # type: ignore[arg-type]
            assert stream.status == 204


def test_a_subscription_begins_with_history_and_ends_with_its_topic() -> None:
    hub = Hub()
    for number in range(3):
        hub.publish("t", number)
    with hub.subscribe("t", replay=2) as events:
        assert [next(events).data, next(events).data] == ["1", "2"]
        hub.end_topic("t")
        assert list(events) == []
        last_event_id = events.last_event_id
    assert [event.data for event in hub.subscribe("t", replay="all")] == ["0", "1", "2"]
    for place in (None, last_event_id):
        with pytest.raises(TopicEndedError):
            hub.subscribe("t", last_event_id=place)
    assert hub.stats().connections == 0

    async def main() -> list[str | None]:
        return [event.data async for event in hub.subscribe("t", replay="all")]

    assert asyncio.run(main()) == ["0", "1", "2"]


def test_a_topic_that_has_ended_takes_no_event_until_it_is_forgotten() -> None:
    hub = Hub(keep_ended=0.02)
    hub.publish("t", "1")
    hub.end_topic("t")
    hub.end_topic("t")
    with pytest.raises(TopicEndedError) as raised:
        hub.publish("t", "2")
    assert (raised.value.code, raised.value.field) == ("SSECAST_TOPIC_ENDED", "topic")
    until = 1000
    while until:
        try:
            hub.publish("t", "3")
        except TopicEndedError:
            until -= 1
            asyncio.run(asyncio.sleep(0.005))
        else:
            break
    assert until, "it is not forgotten"
    for topic in ("", "x" * 300):
        with pytest.raises(ssecast.InvalidTopicError):
            hub.end_topic(topic)
    with pytest.raises(TypeError, match="topic must be a str"):
        hub.end_topic(5)  # type: ignore[arg-type]
    hub.close()
    # As for `publish`: a task that ends its topic need not know that the hub is closed.
    hub.end_topic("u")


@pytest.mark.parametrize("replay", [-1, "some", "10"])
def test_a_replay_that_is_none_is_refused_where_it_is_given(replay: Any) -> None:
    hub = Hub()
    for begin in (
        lambda: hub.subscribe("t", replay=replay),
        lambda: EventSourceResponse(hub, topics=["t"], replay=replay),
        lambda: hub.listen(topics=["t"], replay=replay),
    ):
        with pytest.raises(InvalidOptionError) as raised:
            begin()
        assert raised.value.field == "replay"
    for wrong in (1.5, None, True):
        with pytest.raises(TypeError, match="replay must be an int or 'all'"):
            hub.subscribe("t", replay=wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="replay is of a hub's topics"):
        EventSourceResponse([], replay=1)
    for keep_ended in (0, -1, "1"):
        with pytest.raises((InvalidOptionError, TypeError), match="keep_ended"):
            Hub(keep_ended=keep_ended)  # type: ignore[arg-type]
