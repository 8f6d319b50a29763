"""A hub that is its own server, asked over real sockets."""

import logging
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

import vectors
from ssecast import ClosedError, Hub, InvalidOptionError, InvalidTopicError, Listener, Refusal, Request
from streams import Stream

PATIENCE = 30.0


class At:
    """Where a listener is, for clients."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.address = address

    def connect(self) -> socket.socket:
        return socket.create_connection(self.address, timeout=PATIENCE)


_clients: list[Stream] = []


@pytest.fixture(autouse=True)
def _leave() -> Iterator[None]:
    yield
    while _clients:
        _clients.pop().socket.close()


def ask(listener: Listener, path: str = "/", **options: Any) -> Stream:
    server: Any = At(listener.address)
    _clients.append(Stream(server, path, **options))
    return _clients[-1]


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


def connected(hub: Hub, count: int) -> None:
    until(lambda: hub.stats().connections == count)


def refuses(address: tuple[str, int]) -> bool:
    try:
        At(address).connect().close()
    except ConnectionRefusedError:
        return True
    return False


def test_a_listener_sends_what_is_published_in_its_topics() -> None:
    hub = Hub()
    with hub.listen(("127.0.0.1", 0), topics=["t", "u"], headers={"X-More": "yes"}) as listener:
        assert listener.address[0] == "127.0.0.1"
        clients = [ask(listener, "/any/path") for _ in range(3)]
        connected(hub, 3)
        hub.publish("t", "one")
        hub.publish("v", "for nobody")
        hub.publish("u", {"two": 2})
        for client in clients:
            assert client.status == 200
            assert client.headers["content-type"] == "text/event-stream; charset=utf-8"
            assert client.headers["x-more"] == "yes"
            assert client.data(2) == ["one", '{"two":2}']


def test_a_function_of_the_request_says_what_it_gets() -> None:
    seen: list[Request] = []

    def topics(request: Request) -> list[str] | int:
        seen.append(request)
        return int(request.path[1:]) if request.path[1:].isdigit() else [f"user-{request.query_value('user')}"]

    hub = Hub()
    with hub.listen(topics=topics) as listener:
        for status in (204, 400, 401, 403, 404, 429, 503, 599):
            assert ask(listener, f"/{status}").status == status
        seen.clear()
        client = ask(listener, "/r%C3%A9s?user=1&user=2", x_name="café", last_event_id="gone")
        connected(hub, 1)
        hub.publish("user-2", "not for 1")
        hub.publish("user-1", "hello")
        assert client.next().event == "reset"
        assert client.next().data == "hello"
    (request,) = seen
    assert (request.method, request.path, request.raw_path) == ("GET", "/rés", "/r%C3%A9s")
    assert request.raw_query == "user=1&user=2"
    assert request.query == [("user", "1"), ("user", "2")]
    assert request.query_value("none") is None
    # The client wrote UTF-8.
    assert request.header("x-nAME") == "café".encode().decode("latin-1")
    assert request.header("x-none") is None
    assert ("Host", "localhost") in request.headers
    assert request.peer[0] == "127.0.0.1"
    assert request.peer[1] > 0
    assert request.last_event_id == "gone"


def logged(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """What the package has logged: another test may have had httpx log its requests."""
    return [record for record in caplog.records if record.name == "ssecast"]


@pytest.mark.parametrize(
    ("refusal", "body", "headers"),
    [
        (
            Refusal(status=401, headers={"WWW-Authenticate": "Bearer"}),
            "401 Unauthorized\n",
            {"www-authenticate": "Bearer"},
        ),
        (Refusal(status=303, headers={"Location": "/sign-in"}, body="Sign in."), "Sign in.", {"location": "/sign-in"}),
        (
            Refusal(status=402, headers={"Content-Type": "application/json"}, body=b'{"pay":"now"}'),
            '{"pay":"now"}',
            {"content-type": "application/json"},
        ),
        (Refusal(status=204), "", {}),
    ],
)
def test_a_refusal_has_a_status_headers_and_a_body(refusal: Refusal, body: str, headers: dict[str, str]) -> None:
    with Hub().listen(topics=lambda _: refusal, cors="https://app.example") as listener:
        url = f"http://127.0.0.1:{listener.address[1]}/"
        response = httpx.get(url, headers={"Origin": "https://app.example"}, timeout=PATIENCE)
    assert (response.status_code, response.text) == (refusal.status, body)
    assert headers.items() <= dict(response.headers).items()
    assert response.headers["access-control-allow-origin"] == "https://app.example"


def test_a_refusal_is_sent_or_names_the_field_that_can_not_be(caplog: pytest.LogCaptureFixture) -> None:
    found = vectors.load("refusals.json")

    def topics(request: Request) -> Refusal:
        vector = found[int(request.path[1:])]
        body = vectors.octets(vector["body"]) if "body" in vector else None
        return Refusal(status=vector["status"], headers=dict(vector.get("headers", [])), body=body)

    with Hub().listen(topics=topics, cors=True) as listener, httpx.Client(timeout=PATIENCE) as client:
        for at, vector in enumerate(found):
            status = client.get(f"http://127.0.0.1:{listener.address[1]}/{at}").status_code
            if "field" not in vector:
                assert status == vector["status"], vector["name"]
                continue
            assert status == 500, vector["name"]
            exc_info = logged(caplog)[-1].exc_info
            assert exc_info
            assert isinstance(exc_info[1], InvalidOptionError), vector["name"]
            assert exc_info[1].field == vector["field"], vector["name"]
    assert len(logged(caplog)) == sum("field" in vector for vector in found)


@pytest.mark.parametrize(
    "answer",
    [
        ValueError("no"),
        "topic",
        [1],
        [""],
        None,
        200,
        403.0,
        True,
        -1,
        Refusal(status=200),
    ],
)
def test_a_function_that_fails_is_logged_and_answers_500(answer: Any, caplog: pytest.LogCaptureFixture) -> None:
    def topics(request: Request) -> list[str]:
        if request.path == "/well":
            return ["t"]
        if isinstance(answer, Exception):
            raise answer
        return answer  # type: ignore[no-any-return]

    hub = Hub()
    with caplog.at_level(logging.ERROR, "ssecast"), hub.listen(topics=topics) as listener:
        assert ask(listener).status == 500
        assert ask(listener, "/well").status == 200
    (record,) = logged(caplog)
    assert record.exc_info
    assert record.exc_info[2] is not None


def test_a_function_that_exits_ends_neither_the_listener_nor_the_process(caplog: pytest.LogCaptureFixture) -> None:
    def topics(request: Request) -> list[str]:
        if request.path == "/exit":
            sys.exit(3)
        return ["t"]

    hub = Hub()
    with hub.listen(topics=topics) as listener:
        assert ask(listener, "/exit").status == 500
        assert ask(listener).status == 200
    (record,) = logged(caplog)
    assert record.exc_info
    assert record.exc_info[0] is SystemExit


def test_with_query_topics_a_client_reads_what_it_names() -> None:
    hub = Hub()
    with hub.listen(query_topics=True) as listener:
        client = ask(listener, "/?topic=a&topic=b%20c")
        assert ask(listener).status == 400
        assert ask(listener, f"/?topic={'x' * 257}").status == 400
        assert ask(listener, f"/?{'topic=t&' * 65}").status == 400
        connected(hub, 1)
        hub.publish("a", 1)
        hub.publish("b c", 2)
        assert client.data(2) == ["1", "2"]


def test_a_client_that_comes_back_resumes_where_it_left() -> None:
    hub = Hub()
    with hub.listen(topics=["t"]) as listener:
        first = ask(listener)
        connected(hub, 1)
        hub.publish("t", 1)
        place = first.next().last_event_id
        first.socket.close()
        hub.publish("t", 2)
        assert ask(listener, last_event_id=place).data(1) == ["2"]
        assert ask(listener, f"/?lastEventId={place}").data(1) == ["2"]


def test_what_is_no_request_for_a_stream_is_refused_without_asking() -> None:
    def topics(request: Request) -> list[str]:
        assert request.method == "HEAD"
        return ["t"]

    hub = Hub(max_connections=1)
    with hub.listen(topics=topics, path="/events") as listener:
        assert ask(listener, "/event").status == 404
        assert ask(listener, "/events", method="POST").status == 405
        assert ask(listener, "/events", accept="text/html").status == 406
        head = ask(listener, "/events", method="HEAD")
        assert (head.status, head.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
        assert hub.stats().connections == 0


def test_a_full_hub_answers_503_or_has_a_browser_come_back() -> None:
    hub = Hub(max_connections=1)
    with hub.listen(topics=["t"]) as listener:
        _stays = ask(listener)
        refused = ask(listener)
        assert refused.status == 503
        assert int(refused.headers["retry-after"]) > 0
        browser = ask(listener, accept="text/event-stream")
        assert (browser.status, browser.rest(), browser.complete) == (200, [], True)
        assert browser.body.startswith(b"retry: ")
        assert hub.stats().refused == 2


def test_pages_of_other_origins_may_read_what_cors_says() -> None:
    hub, origin = Hub(), "https://app.example"

    def allowed(**options: Any) -> tuple[str | None, str | None]:
        with hub.listen(topics=["t"], **options) as listener:
            headers = ask(listener, origin=origin).headers
            return headers.get("access-control-allow-origin"), headers.get("access-control-allow-credentials")

    assert allowed() == (None, None)
    assert allowed(cors=True) == ("*", None)
    assert allowed(cors="*") == ("*", None)
    assert allowed(cors=origin) == (origin, None)
    assert allowed(cors=["https://other.example"]) == (None, None)
    assert allowed(cors=["https://other.example", origin]) == (origin, None)
    assert allowed(cors=[origin], credentials=True) == (origin, "true")
    assert allowed(cors=["https://other.example"], credentials=True) == (None, None)
    assert allowed(cors=lambda other, request: other == request.header("origin"), credentials=True) == (origin, "true")
    assert allowed(cors=lambda _, request: request.path != "/") == (None, None)


@pytest.mark.parametrize("topics", [["t"], lambda _: ["t"]], ids=["fixed", "asked for"])
def test_a_function_decides_on_origins_for_preflights_and_refusals_too(
    topics: Any, caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[tuple[str, str, str]] = []

    def cors(origin: str, request: Request) -> bool:
        asked.append((origin, request.method, request.path))
        if origin == "https://broken.example":
            raise KeyboardInterrupt("as the test wants it")
        return None if origin == "https://odd.example" else origin == "https://app.example"  # type: ignore[return-value]

    with Hub().listen(topics=topics, cors=cors, path="/s") as listener:

        def allowed(origin: str, path: str = "/s", **more: str) -> tuple[int, str | None]:
            answer = ask(listener, path, origin=origin, **more)
            assert answer.headers["vary"] == "Origin"
            return answer.status, answer.headers.get("access-control-allow-origin")

        app, other = "https://app.example", "https://other.example"
        assert allowed(app) == (200, app)
        assert allowed(app, method="OPTIONS", access_control_request_method="GET") == (204, app)
        assert allowed(app, "/missing") == (404, app)
        assert allowed(other) == (200, None)
        assert allowed(other, method="OPTIONS", access_control_request_method="GET") == (204, None)
        for origin in ("https://broken.example", "https://odd.example"):
            assert allowed(origin) == (500, None)
        assert "must return True or False, not NoneType" in caplog.text
        assert len(asked) == 7
        assert ask(listener, "/s").status == 200
        assert len(asked) == 7


def test_closing_a_listener_frees_its_port_and_leaves_its_streams() -> None:
    hub = Hub()
    listener = hub.listen(topics=["t"])
    client = ask(listener)
    connected(hub, 1)
    listener.close()
    listener.close()
    assert refuses(listener.address)
    hub.publish("t", "still here")
    assert client.data(1) == ["still here"]
    with hub.listen(listener.address, topics=["t"]) as again:
        assert again.address == listener.address


def test_closing_the_hub_closes_its_listeners_and_ends_their_streams() -> None:
    hub = Hub()
    listeners = [hub.listen(topics=["t"]), hub.listen(topics=lambda _: ["t"])]
    clients = [ask(listener) for listener in listeners]
    connected(hub, 2)
    hub.publish("t", "pending")
    hub.close()
    for client in clients:
        assert client.data(1) == ["pending"]
    assert hub.wait_closed(PATIENCE)
    for listener in listeners:
        until(lambda address=listener.address: refuses(address))  # type: ignore[misc]
        listener.close()
    with pytest.raises(ClosedError):
        hub.listen(topics=["t"])


def test_closing_waits_for_a_function_that_needs_the_interpreter() -> None:
    hub, asked, answer = Hub(), threading.Event(), threading.Event()

    def topics(_: Request) -> list[str]:
        asked.set()
        assert answer.wait(PATIENCE)
        return ["t"]

    listener = hub.listen(topics=topics)
    client = At(listener.address).connect()
    client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert asked.wait(PATIENCE)
    closing = threading.Thread(target=listener.close)
    closing.start()
    answer.set()
    closing.join(PATIENCE)
    assert not closing.is_alive()
    client.close()


def test_a_function_may_close_its_own_listener() -> None:
    hub = Hub()

    def topics(_: Request) -> list[str]:
        listener.close()
        return ["t"]

    listener = hub.listen(topics=topics)
    assert ask(listener).status in (200, 503)
    until(lambda: refuses(listener.address))


def test_what_can_not_be_is_refused_with_the_name_of_the_option() -> None:
    hub = Hub()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        for options, field in [
            ({"address": taken.getsockname()}, "address"),
            ({"address": ("no-such-host.invalid", 0)}, "address"),
            ({"path": "events"}, "path"),
            ({"headers": {"Content-Length": "1"}}, "headers"),
            ({"cors": "example.com"}, "cors"),
            ({"cors": ""}, "cors"),
            ({"cors": []}, "cors"),
            ({"cors": ["https://a.example", "*"]}, "cors"),
            ({"cors": "https://a.example/"}, "cors"),
            ({"cors": True, "credentials": True}, "credentials"),
            ({"cors": "*", "credentials": True}, "credentials"),
            ({"credentials": True}, "credentials"),
            ({"max_head_bytes": 0}, "max_head_bytes"),
            ({"max_headers": 0}, "max_headers"),
            ({"max_pending": 0}, "max_pending"),
            ({"head_time": 0}, "head_time"),
            ({"answer_time": 0.0}, "answer_time"),
        ]:
            with pytest.raises(InvalidOptionError) as raised:
                hub.listen(topics=["t"], **options)
            assert raised.value.field == field
    with pytest.raises(InvalidTopicError):
        hub.listen(topics=[""])
    wrong: list[dict[str, Any]] = [
        {},
        {"topics": ["t"], "cors": None},
        {"topics": ["t"], "cors": {"origin": "https://a.example"}},
        {"topics": ["t"], "cors": b"https://a.example"},
        {"topics": "t"},
        {"topics": ["t"], "query_topics": True},
        {"topics": ["t"], "pfad": "/"},
        {"topics": ["t"], "path": 1},
        {"topics": ["t"], "head_time": "1"},
        {"topics": [1]},
        {"topics": ["t"], "address": "127.0.0.1"},
    ]
    for mistaken in wrong:
        with pytest.raises(TypeError):
            hub.listen(**mistaken)


def test_limits_may_be_none() -> None:
    with Hub().listen(topics=["t"], head_time=None, answer_time=None, max_headers=sys.maxsize) as listener:
        assert ask(listener).status == 200


def test_in_a_child_a_listener_does_nothing_and_holds_no_port() -> None:
    hub = Hub()
    listener = hub.listen(topics=lambda _: ["t"])
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            listener.close()
            hub.close()
            del listener
            status = 0
        finally:
            os.close(writer)
            os.read(reader, 1)
            os._exit(status)
    os.close(reader)
    client = ask(listener)
    connected(hub, 1)
    hub.publish("t", "the parent's")
    assert client.data(1) == ["the parent's"]
    listener.close()
    # The child is still there, with what it has of the socket.
    assert refuses(listener.address)
    os.close(writer)
    assert os.waitpid(child, 0)[1] == 0
