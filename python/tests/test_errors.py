"""Every kind of error that the core knows, as Python raises it."""

import pickle
import re
import resource
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import ssecast
from ssecast import Event, History, Hub, SlowClient, _native, errors


def test_every_kind_of_the_core_has_its_class() -> None:
    # The header is generated from the core's errors; those from 100 on are C's own.
    header = (Path(__file__).parents[2] / "include/ssecast.h").read_text()
    results = header.partition("enum ssecast_result")[2].partition("}")[0]
    kinds = {
        code: int(number) for code, number in re.findall(r"(SSECAST_\w+) = (\d+)", results) if 0 < int(number) < 100
    }
    assert {error.code: number for number, error in errors.CLASSES.items()} == kinds
    for error in errors.CLASSES.values():
        assert getattr(ssecast, error.__name__) is error
        assert error.__name__ in ssecast.__all__
        # SSECAST_INVALID_ID is InvalidIdError.
        assert error.__name__ == error.code.removeprefix("SSECAST_").title().replace("_", "") + "Error"


def attached_twice() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        deliveries = _native.DeliveryQueue(Hub())
        connection = deliveries.open((), None)
        deliveries.attach_socket(connection, ours.fileno(), True, False)
        deliveries.attach_socket(connection, ours.fileno(), True, False)


def closed() -> None:
    hub = Hub()
    hub.close()
    hub.subscribe("t")


def attach(descriptor: int, hub: Hub) -> None:
    deliveries = _native.DeliveryQueue(hub)
    deliveries.attach_socket(deliveries.open((), None), descriptor, True, False)


def one_too_many(hub: Hub) -> None:
    with hub.subscribe("t"):
        hub.subscribe("t")


def taken_id() -> None:
    hub = Hub()
    hub.publish("t", "1", id="a")
    hub.publish("t", "2", id="a")


@pytest.mark.parametrize(
    ("wrong", "error", "field", "builtin"),
    [
        (lambda: Hub().publish("t", "1", event="a\nb"), ssecast.InvalidEventError, "event", ValueError),
        (lambda: Hub().publish("t", "1", id="a\nb"), ssecast.InvalidIdError, "id", ValueError),
        (taken_id, ssecast.InvalidIdError, "id", ValueError),
        (lambda: Hub().publish("t", "1", retry=-1), ssecast.InvalidRetryError, "retry", ValueError),
        (lambda: Hub().publish("t", b"\xff"), ssecast.InvalidDataError, "data", ValueError),
        (lambda: Hub().publish("", "1"), ssecast.InvalidTopicError, "topic", ValueError),
        (lambda: Hub().publish("t" * 257, "1"), ssecast.InvalidTopicError, "topic", ValueError),
        (lambda: Hub().publish("\ud800", "1"), ssecast.InvalidTopicError, "topic", ValueError),
        (lambda: Hub().subscribe(""), ssecast.InvalidTopicError, "topic", ValueError),
        (lambda: Hub(max_event_bytes=20).publish("t", "1" * 20), ssecast.EventTooLargeError, "event", ValueError),
        (lambda: Hub(max_topics=1).subscribe("a", "b"), ssecast.TooManyTopicsError, "topic", RuntimeError),
        (lambda: one_too_many(Hub(max_connections=1)), ssecast.TooManyConnectionsError, "connection", RuntimeError),
        (closed, ssecast.ClosedError, "hub", RuntimeError),
        (lambda: attach(-1, Hub()), ssecast.InvalidSocketError, "socket", ValueError),
        (lambda: attach(0x7FFF, Hub()), ssecast.InvalidSocketError, "socket", ValueError),
        (lambda: attach(0, Hub(delivery="pull")), ssecast.InvalidSocketError, "socket", ValueError),
        (attached_twice, ssecast.AttachedError, "connection", RuntimeError),
    ],
)
def test_an_error_names_its_field_and_is_the_builtin_that_fits(
    wrong: Callable[[], object], error: type[ssecast.Error], field: str, builtin: type[Exception]
) -> None:
    with pytest.raises(error) as raised:
        wrong()
    assert raised.value.field == field
    assert isinstance(raised.value, builtin)
    assert str(raised.value) == f"{field} {raised.value.problem}"


@pytest.mark.parametrize(
    ("wrong", "option"),
    [
        (lambda: Hub(max_event_bytes=20).publish("t", "1" * 20), "max_event_bytes"),
        (lambda: Hub(max_topics=1).subscribe("a", "b"), "max_topics"),
        (lambda: one_too_many(Hub(max_connections=1)), "max_connections"),
    ],
)
def test_a_limit_is_named_as_python_spells_it(wrong: Callable[[], object], option: str) -> None:
    with pytest.raises(ssecast.Error, match=rf"\b{option}\b"):
        wrong()


def publish_many(hub: Hub, count: int) -> None:
    for _ in range(count):
        hub.publish("t", "x" * 100)


def test_more_than_the_backlog_may_have_is_refused() -> None:
    hub = Hub(max_backlog_bytes=1_000)
    with hub.subscribe("t") as events:
        with pytest.raises(ssecast.BacklogFullError, match="max_backlog_bytes allows 1000") as refused:
            publish_many(hub, 100)
        assert (refused.value.code, refused.value.field) == ("SSECAST_BACKLOG_FULL", "event")
        assert 800 < hub.stats().backlog_bytes <= 1_000
        for _ in range(hub.stats().published):
            assert next(events).data == "x" * 100
        assert hub.stats().backlog_bytes == 0


def test_a_process_without_descriptors_is_told_so() -> None:
    program = """
import os, ssecast
hub = ssecast.Hub()
taken = []
try:
    while True:
        taken.append(os.dup(0))
except OSError:
    pass
try:
    hub.subscribe("t")
except ssecast.TooManyDescriptorsError as error:
    print(error.field)
for descriptor in taken:
    os.close(descriptor)
with hub.subscribe("t") as events:
    hub.publish("t", "1")
    print(next(events).data)
"""

    def few() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))

    done = subprocess.run(
        [sys.executable, "-c", program], preexec_fn=few, capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.stdout, done.stderr) == ("subscription\n1\n", "")


def test_an_error_survives_the_way_to_another_process() -> None:
    error = ssecast.InvalidIdError("id", "must not contain LF (at byte 1)")
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), copy.field, str(copy)) == (type(error), "id", str(error))


@pytest.mark.parametrize(
    ("wrong", "argument"),
    [
        (lambda: Hub().publish(1, "1"), "topic"),  # type: ignore[arg-type]
        (lambda: Hub().publish("t", "1", event=1), "event"),  # type: ignore[arg-type]
        (lambda: Hub().publish("t", "1", id=[]), "id"),  # type: ignore[arg-type]
        (lambda: Hub().publish("t", "1", retry="5"), "retry"),  # type: ignore[arg-type]
        (lambda: Hub().publish("t", "1", comment=1), "comment"),  # type: ignore[arg-type]
        (lambda: Hub().subscribe(["t"]), "topic"),  # type: ignore[arg-type]
        (lambda: Hub().subscribe("t", last_event_id=7), "last_event_id"),  # type: ignore[arg-type]
        (lambda: Hub().close("bye"), "event"),  # type: ignore[arg-type]
        (lambda: Hub().close(grace="1"), "grace"),  # type: ignore[arg-type]
        (lambda: Hub().wait_closed("1"), "timeout"),  # type: ignore[arg-type]
        (lambda: Hub(history=5), "history"),  # type: ignore[arg-type]
        (lambda: Hub(history=None), "history"),  # type: ignore[arg-type]
        (lambda: Hub(slow_client={}), "slow_client"),  # type: ignore[arg-type]
        (lambda: Hub(heartbeat="15"), "heartbeat"),  # type: ignore[arg-type]
        (lambda: Hub(heartbeat=True), "heartbeat"),
        (lambda: Hub(retry=[]), "retry"),  # type: ignore[arg-type]
        (lambda: Hub(reset_event=1), "reset_event"),  # type: ignore[arg-type]
        (lambda: Hub(max_connections=1.5), "max_connections"),  # type: ignore[arg-type]
        (lambda: Hub(max_topics=None), "max_topics"),  # type: ignore[arg-type]
        (lambda: Hub(max_event_bytes="1"), "max_event_bytes"),  # type: ignore[arg-type]
        (lambda: Hub(max_backlog_bytes="1"), "max_backlog_bytes"),  # type: ignore[arg-type]
        (lambda: Hub(delivery=1), "delivery"),  # type: ignore[arg-type]
        (lambda: Hub(threads="2"), "threads"),  # type: ignore[arg-type]
        (lambda: History(events="1"), "events"),  # type: ignore[arg-type]
        (lambda: History(bytes=1.0), "bytes"),  # type: ignore[arg-type]
        (lambda: History(seconds=True), "seconds"),
        (lambda: SlowClient(bytes=None), "bytes"),  # type: ignore[arg-type]
        (lambda: SlowClient(seconds="30"), "seconds"),  # type: ignore[arg-type]
        (lambda: SlowClient(policy=0), "policy"),  # type: ignore[arg-type]
    ],
)
def test_a_wrong_type_is_named(wrong: Callable[[], object], argument: str) -> None:
    with pytest.raises(TypeError, match=rf"^{argument} must be .*, not "):
        wrong()


@pytest.mark.parametrize(
    ("wrong", "option"),
    [
        (lambda: Hub(history=History(events=None, bytes=None, seconds=None)), "history"),
        (lambda: Hub(heartbeat=-1.0), "heartbeat"),
        (lambda: Hub(heartbeat=float("nan")), "heartbeat"),
        (lambda: Hub(heartbeat=0), "heartbeat"),
        (lambda: Hub(retry=-1), "retry"),
        (lambda: Hub(reset_event="a\nb"), "reset_event"),
        (lambda: Hub(max_connections=-1), "max_connections"),
        (lambda: Hub(max_connections=0), "max_connections"),
        (lambda: Hub(max_topics=0), "max_topics"),
        (lambda: Hub(max_event_bytes=0), "max_event_bytes"),
        (lambda: Hub(delivery="push"), "delivery"),  # type: ignore[arg-type]
        (lambda: Hub(slow_client=SlowClient(bytes=0)), "slow_client.bytes"),
        (lambda: Hub(slow_client=SlowClient(seconds=0)), "slow_client.seconds"),
        (lambda: Hub(history=History(seconds=0)), "history.seconds"),
        (lambda: History(events=-1), "events"),
        (lambda: History(seconds=-0.5), "seconds"),
        (lambda: SlowClient(policy="drop"), "policy"),  # type: ignore[arg-type]
        (lambda: Hub().close(grace=-1), "grace"),
    ],
)
def test_an_option_out_of_its_range_is_named(wrong: Callable[[], object], option: str) -> None:
    with pytest.raises(ssecast.InvalidOptionError) as raised:
        wrong()
    assert raised.value.field == option


def test_an_unknown_option_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="hearbeat"):
        Hub(hearbeat=1)  # type: ignore[call-arg]


def test_a_failed_farewell_leaves_the_hub_open() -> None:
    hub = Hub()
    with pytest.raises(ssecast.InvalidEventError):
        hub.close(Event("1", event="a\nb"))
    assert not hub.closed
    hub.publish("t", "1")
