"""What begins, what ends, and what is left behind: threads, descriptors, objects, interpreters."""

import asyncio
import gc
import os
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable

import pytest

from ssecast import Hub

PATIENCE = 30.0


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


def interpreter(program: str, **environment: str) -> tuple[str, float]:
    """Runs a program of its own; returns what it printed and the seconds that it went on after that."""
    process = subprocess.Popen(
        [sys.executable, "-X", "dev", "-W", "error", "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )
    assert process.stdout is not None
    patience = threading.Timer(PATIENCE, process.kill)
    patience.start()
    try:
        line = process.stdout.readline()
        begin = time.monotonic()
        _, error = process.communicate()
        assert (process.returncode, error) == (0, ""), error
        return line.strip(), time.monotonic() - begin
    finally:
        patience.cancel()
        process.kill()
        process.wait()


def test_importing_and_publishing_start_no_thread() -> None:
    program = """
import os, threading
import ssecast
hub = ssecast.Hub()
hub.publish("t", "1")
ssecast.Parser().feed(b"data: 1\\n\\n")
print(len(os.listdir("/proc/self/task")), threading.active_count(), flush=True)
"""
    assert interpreter(program)[0] == "1 1"


def test_importing_loads_no_framework_and_is_quick() -> None:
    program = """
import asyncio, dataclasses, datetime, json, logging, sys, time, uuid
before, begin = set(sys.modules), time.process_time()
import ssecast
seconds = time.process_time() - begin
loaded = {name for name in set(sys.modules) - before if not name.startswith(("ssecast", "__future__"))}
print(sorted(loaded), seconds < 0.25, flush=True)
"""
    assert interpreter(program)[0] == "[] True"


OPEN = """
import asyncio, os, socket, threading
import ssecast
from ssecast import _native

hub = ssecast.Hub()
# An engine thread has a connection.
ours, theirs = socket.socketpair()
deliveries = _native.DeliveryQueue(hub)
connection = deliveries.open(("t",), None)
deliveries.attach_socket(connection, ours.fileno(), False, False)
hub.publish("t", "1")
while b"data: 1" not in theirs.recv(1000):
    pass
"""


@pytest.mark.parametrize(
    "rest",
    [
        # A thread that is never woken.
        "threading.Thread(target=list, args=(hub.subscribe('t'),), daemon=True).start()",
        # Open at the end, and not iterated over.
        "events = hub.subscribe('t')",
        # A loop that is closed with a stream open.
        """
async def main():
    global events
    events = hub.subscribe('t')
    hub.publish('t', '1')
    await anext(events)
asyncio.run(main())""",
        # Published to until the last moment.
        """
def publish():
    while True:
        hub.publish('t', 'x' * 100)
threading.Thread(target=publish, daemon=True).start()""",
    ],
    ids=["a waiting thread", "an idle subscription", "a closed loop", "a publishing thread"],
)
def test_an_interpreter_ends_at_once_with_streams_open(rest: str) -> None:
    # Python would have the sockets closed, and this is about what happens when they are not.
    line, seconds = interpreter(f"{OPEN}\n{rest}\nprint('end', flush=True)\nours.detach(), theirs.detach()\n")
    assert line == "end"
    assert seconds < 2


# An interpreter that ends unwinds the threads that call Python's code then.
BUSY = """
import itertools, sys, threading, ssecast
sys.setswitchinterval(1e-5)
hub, count, begun = ssecast.Hub(), itertools.count(1), threading.Event()

class Data:
    def model_dump(self, mode):
        return {"a": [1] * 20}

class Number(int):
    def __str__(self):
        return "".join(str(digit) for digit in range(5))
    __index__ = __int__ = __float__ = lambda self: sum(range(5))

class Text(str):
    def __iter__(self):
        return iter([str(self) for _ in range(5)])

class Buffer(bytearray):
    def __buffer__(self, flags):
        return memoryview(bytes(range(100)))
    def __release_buffer__(self, view):
        sum(range(100))

def chunks():
    try:
        for number in range(100):
            yield b"data: %d\\n\\n" % sum(range(50))
    finally:
        sum(range(1000))

def wrong():
    try:
        hub.publish("t", "x", event="a\\nb")
    except ssecast.InvalidEventError as error:
        return str(error)

events = ssecast.Event("[" + "1," * 50 + "1]")
deliveries = ssecast._native.DeliveryQueue(hub)
connection = deliveries.open(("t",), None)
parser = ssecast.Parser()

def work():
    while True:
        BODY
        if next(count) > 400:
            begun.set()

for _ in range(4):
    threading.Thread(target=work, daemon=True).start()
begun.wait()
print("end", flush=True)
"""


@pytest.mark.parametrize(
    "body",
    [
        "hub.publish('t', Data(), id=Number(next(count)), retry=Number(1), event=Text('e'))",
        "deliveries.send(connection, Data())",
        "ssecast.encode(ssecast.Event(Data(), retry=Number(1)))",
        "list(ssecast.iter_events(chunks()))",
        "next(ssecast.iter_events(chunks()))",
        "parser.feed(Buffer(b'data: 1'))",
        "events.json()",
        "wrong()",
        "ssecast.History(events=Number(1), seconds=Number(1)), hub.stats().resets, repr(events), hash(events)",
    ],
)
def test_an_interpreter_ends_beside_threads_that_call_what_calls_python(body: str) -> None:
    for _ in range(3):
        line, seconds = interpreter(BUSY.replace("BODY", body))
        assert line == "end"
        assert seconds < 5


def test_what_publishes_in_the_midst_of_a_publication_is_published() -> None:
    program = """
import gc, signal, sys
published = []

def again(*_):
    published.append(hub.publish("t", {"a": "inner"}).id)

class Hook:
    def find_spec(self, name, path=None, target=None):
        if hub is not None and name.startswith(("ssecast", "json")):
            signal.raise_signal(signal.SIGUSR1)

class Item:
    def __init__(self):
        self.cycle = self
    def __del__(self):
        again()
    def model_dump(self, mode):
        signal.raise_signal(signal.SIGUSR1)
        return {"a": "outer"}

hub = None
sys.meta_path.insert(0, Hook())
signal.signal(signal.SIGUSR1, again)
import ssecast
hub = ssecast.Hub()
gc.set_threshold(1)
for _ in range(50):
    Item()
    published.append(hub.publish("t", Item()).id)
    try:
        hub.publish("t", Item(), event="a\\nb")
    except ssecast.InvalidEventError:
        again()
gc.collect()
print(len(published) >= 200, len(set(published)) == len(published) == hub.stats().published, flush=True)
"""
    assert interpreter(program)[0] == "True True"


def test_a_sub_interpreter_is_refused_and_the_main_one_goes_on() -> None:
    # Of the old kind, as mod_wsgi and uWSGI make them.
    program = """
import ssecast, _testcapi
ssecast.Hub().publish("t", {"a": 1})
code = '''
try:
    import ssecast
except ImportError as error:
    print("refused" if "sub-interpreter" in str(error) else error, end=" ", flush=True)
else:
    print("taken", end=" ", flush=True)
'''
_testcapi.run_in_subinterp(code)
_testcapi.run_in_subinterp(code)
try:
    ssecast.Hub().publish("t", "x", event="a\\nb")
except ssecast.InvalidEventError:
    print(ssecast.Event({"a": 1}).data, flush=True)
"""
    pytest.importorskip("_testcapi")
    assert interpreter(program)[0] == 'refused refused {"a":1}'


def test_a_waiting_thread_hears_of_an_interrupt() -> None:
    program = """
import os, signal, threading
import ssecast
# What a shell runs in the background is started with this signal ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
hub = ssecast.Hub()
events = hub.subscribe("t")
for wait in (lambda: next(events), hub.wait_closed):
    threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
    try:
        wait()
    except KeyboardInterrupt:
        print("interrupted ", end="")
print(flush=True)
"""
    assert interpreter(program)[0] == "interrupted interrupted"


def test_subscriptions_leave_no_descriptor_behind() -> None:
    hub = Hub()

    async def coroutines() -> None:
        async with hub.subscribe("t") as events:
            hub.publish("t", "1")
            await anext(events)
        hub.subscribe("t")
        gc.collect()
        await asyncio.sleep(0)

    def threads() -> None:
        with hub.subscribe("t") as events:
            hub.publish("t", "1")
            next(events)
        hub.subscribe("t")

    # Each turn collects twice; what the suite has loaded is left out.
    gc.freeze()
    try:
        for turn in range(6):
            threads()
            asyncio.run(coroutines())
            gc.collect()
            if turn == 1:
                before = descriptors()
    finally:
        gc.unfreeze()
    assert descriptors() <= before
    assert hub.stats().connections == 0


def test_a_subscription_without_references_is_closed() -> None:
    hub = Hub()
    hub.subscribe("t")
    gc.collect()
    assert hub.stats().connections == 0

    async def main() -> None:
        hub.subscribe("t")
        gc.collect()
        assert hub.stats().connections == 0
        # Its loop hears of it in its own time.
        await asyncio.sleep(0)
        assert hub.__dict__["_loop_connections"] == {}

    asyncio.run(main())


def test_a_subscription_may_be_collected_in_another_thread() -> None:
    hub = Hub()

    async def main() -> None:
        events = [hub.subscribe("t")]
        collector = threading.Thread(target=events.clear)
        collector.start()
        collector.join()
        await asyncio.sleep(0)
        assert hub.stats().connections == 0
        assert hub.__dict__["_loop_connections"] == {}

    asyncio.run(main())


def test_hubs_and_their_loops_go_with_their_last_reference() -> None:
    gone: list[weakref.ref[object]] = []

    async def use(hub: Hub) -> None:
        async with hub.subscribe("t") as events:
            hub.publish("t", "1")
            await anext(events)
            gone.append(weakref.ref(asyncio.get_running_loop()))
            gone.append(weakref.ref(hub.__dict__["_loop_connections"][asyncio.get_running_loop()]))

    def make() -> None:
        hub = Hub()
        gone.append(weakref.ref(hub))
        asyncio.run(use(hub))
        with hub.subscribe("t") as events:
            gone.append(weakref.ref(events))

    make()
    gc.collect()
    assert [reference() for reference in gone] == [None] * 4


def test_a_loop_that_is_closed_with_streams_open_is_let_go_of_by_the_next_one() -> None:
    hub = Hub()
    gone: list[weakref.ref[object]] = []

    async def leave() -> None:
        gone.append(weakref.ref(asyncio.get_running_loop()))
        await asyncio.sleep(0)
        hub.__dict__.setdefault("left", []).append(hub.subscribe("t"))

    asyncio.run(leave())
    hub.__dict__.pop("left").clear()

    async def use() -> None:
        async with hub.subscribe("t"):
            pass

    asyncio.run(use())
    gc.collect()
    assert gone[0]() is None
    assert hub.stats().connections == 0


def test_event_loops_of_several_threads_come_and_go_while_another_begins() -> None:
    hub = Hub()
    begun, done = threading.Event(), threading.Event()
    others: list[threading.Thread] = []

    async def hold() -> None:
        async with hub.subscribe("t"):
            begun.set()
            await asyncio.to_thread(done.wait)

    class Loop(asyncio.SelectorEventLoop):
        """It is asked whether it is closed while the loops are looked through."""

        def is_closed(self) -> bool:
            if threading.current_thread() is newest and not others:
                others.append(threading.Thread(target=asyncio.run, args=(hold(),)))
                others[0].start()
                assert begun.wait(PATIENCE)
            return super().is_closed()

    async def look() -> None:
        async with hub.subscribe("t") as events:
            hub.publish("t", "1")
            assert (await anext(events)).data == "1"

    def run() -> None:
        try:
            asyncio.run(look())
        except BaseException as error:
            failures.append(error)

    failures: list[BaseException] = []
    newest = threading.Thread(target=run)
    with asyncio.Runner(loop_factory=Loop) as runner:

        async def main() -> None:
            async with hub.subscribe("t"):
                newest.start()
                await asyncio.to_thread(newest.join)

        runner.run(main())
    done.set()
    others[0].join(PATIENCE)
    assert failures == []
    assert hub.stats().connections == 0


def test_a_private_queue_is_closed_with_its_connections() -> None:
    from ssecast import _native

    hub = Hub()
    before = descriptors()
    deliveries = _native.DeliveryQueue(hub)
    for _ in range(10):
        deliveries.open(("t",), None)
    assert hub.stats().connections == 10
    del deliveries
    until(lambda: hub.stats().connections == 0)
    assert descriptors() == before
