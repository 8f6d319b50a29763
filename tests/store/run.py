#!/usr/bin/env python3
"""One hub across languages: workers in all of them on one store, in a folder and in Redis. Each publishes and each serves, and
clients move between them.

run.py PREFIX WORK: PREFIX is where `make install-c` put the library, WORK a folder for what is built. A language whose tools are
missing is left out, and Redis where there is none, but not where the environment says `CI`.
"""

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import languages
from reader import SECONDS, Reader
from results import Results

here = Path(__file__).resolve().parent
# What each worker publishes in a round, and how often every client moves on.
EVENTS = 10


class Worker:
    """A program that publishes what it is told to, and serves it."""

    def __init__(self, name, command, environment, store):
        self.name, self.told, self.ids = name, 0, []
        self.process = subprocess.Popen([*map(str, command), store], env={**os.environ, **environment}, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(OSError):
                pipe.close()

    def start(self):
        url = self.process.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:"), f"the worker in {self.name} did not start: {url!r}"
        self.server = ("127.0.0.1", int(url.split(":")[2].strip("/")))

    def tell(self, events):
        lines = [f"{self.name} {self.told + at}, é€" for at in range(events)]
        self.told += events
        self.process.stdin.write("".join(f"{line}\n" for line in lines))
        self.process.stdin.flush()

    def published(self):
        """Waits until all that it was told is published."""
        while len(self.ids) < self.told:
            line = self.process.stdout.readline().strip()
            assert line, f"the worker in {self.name} ended"
            self.ids.append(line)

    def end_topic(self):
        self.process.stdin.write("!end\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "ended\n", f"the worker in {self.name} could not end the topic"

    def end(self):
        self.process.stdin.close()
        assert self.process.wait(SECONDS) == 0, f"the worker in {self.name} ended with {self.process.returncode}"


@contextlib.contextmanager
def a_folder():
    with tempfile.TemporaryDirectory() as folder:
        yield f"file:{folder}/events"


@contextlib.contextmanager
def a_redis():
    found = subprocess.run(["sh", here.parent / "redis/provide.sh"], capture_output=True, text=True)
    if found.returncode != 0:
        raise languages.Missing(found.stderr.strip())
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
        free.close()
        server = subprocess.Popen([found.stdout.strip(), "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", folder],
                                  stdout=subprocess.DEVNULL)
        try:
            end = time.monotonic() + SECONDS
            while socket.socket().connect_ex(("127.0.0.1", port)) != 0:
                assert server.poll() is None and time.monotonic() < end, "Redis does not start"
                time.sleep(0.005)
            yield f"redis://127.0.0.1:{port}"
        finally:
            server.kill()
            server.wait()


def clients_move_between_all(workers, _):
    """Each client goes from language to language while all publish, and sees what all see."""
    servers = [worker.server for worker in workers]
    # From the beginning: on a slow machine the first answer may be that the store is not open yet.
    readers = [Reader(servers[at:] + servers[:at], "/all") for at in range(len(servers))]
    try:
        for reader in readers:
            reader.wait("its stream", lambda reader: reader.status == 200)
        workers[0].tell(1)
        workers[0].published()
        for reader in readers:
            reader.wait("the first event", lambda reader: len(reader.data) == 1)
        for _ in servers:
            for worker in workers:
                worker.tell(EVENTS)
            for reader in readers:
                reader.cut()
            for worker in workers:
                worker.published()
        total = sum(worker.told for worker in workers)
        for reader in readers:
            reader.wait(f"{total} events", lambda reader: len(reader.data) >= total)
    finally:
        for reader in readers:
            reader.end()
    ids = {id for worker in workers for id in worker.ids}
    assert len(ids) == total, "two events have one id"
    for reader in readers:
        assert reader.events == readers[0].events, f"two clients saw different things: {reader.events} and {readers[0].events}"
    for worker in workers:
        expected = [[f"id: {id}", "event: said", f"data: {worker.name} {at}, é€"] for at, id in enumerate(worker.ids)]
        seen = [event for event in readers[0].events if event[2].startswith(f"data: {worker.name} ")]
        assert seen == expected, f"what {worker.name} published came as {seen}"


def new_clients_begin_with_history_everywhere(workers, _):
    """What one language's worker published before is what a new client gets first from each."""
    total = sum(worker.told for worker in workers)
    readers = [Reader([worker.server], "/all") for worker in workers]
    try:
        for reader in readers:
            reader.wait("all that is kept", lambda reader: len(reader.data) == total)
            assert reader.events == readers[0].events
    finally:
        for reader in readers:
            reader.end()


def those_that_are_killed_lose_nothing(workers, start):
    """A second worker in each language is killed while it publishes. What it said it had published is there, and nothing is twice."""
    with contextlib.ExitStack() as stack:
        killed = start(stack)
        for worker in killed:
            worker.start()
        for worker in killed:
            worker.tell(100)
        for worker in killed:
            while len(worker.ids) < 5:
                worker.ids.append(worker.process.stdout.readline().strip())
    workers[0].tell(1)
    workers[0].published()
    readers = [Reader([worker.server], "/all") for worker in workers]
    try:
        for reader in readers:
            reader.wait("the last event", lambda reader: reader.last_id == workers[0].ids[-1])
            assert reader.events == readers[0].events
    finally:
        for reader in readers:
            reader.end()
    for worker in killed:
        seen = [int(data.split()[-2].strip(",")) for data in readers[0].data if data.startswith(f"{worker.name} ")]
        assert len(seen) >= len(worker.ids) and seen == list(range(len(seen))), f"of what {worker.name} published came {seen}"
    assert {id for worker in killed for id in worker.ids} <= {event[0].removeprefix("id: ") for event in readers[0].events}


def a_topic_that_ends_ends_everywhere(workers, _):
    """One language's worker ends it: the clients of all get what is left, and wherever they come back they are told to stay away."""
    servers = [worker.server for worker in workers]
    live = [Reader(servers[at:] + servers[:at]) for at in range(len(servers))]
    try:
        for reader in live:
            reader.wait("its stream", lambda reader: reader.status == 200)
        workers[-1].tell(1)
        workers[-1].published()
        workers[-1].end_topic()
        late = [Reader(servers[at:] + servers[:at], "/all") for at in range(len(servers))]
        for readers in (live, late):
            for reader in readers:
                reader.wait("the answer 204", lambda reader: reader.status == 204)
                assert reader.events == readers[0].events
        assert len(live[0].data) == 1 and late[0].events[-1] == live[0].events[0]
    finally:
        for reader in live:
            reader.end()


def processes_of_c(results, prefix, work, url):
    """What bindings/c/tests/store.c tests in a folder, in Redis."""
    program = languages.c_program(languages.BINDINGS / "c/tests/store.c", work / "store/processes", prefix)
    done = subprocess.run([program, url], capture_output=True, text=True, timeout=SECONDS)
    for line in done.stdout.splitlines():
        results.passed(f"{line.removeprefix('ok ')}, in Redis")
    assert done.returncode == 0, done.stdout + done.stderr


TESTS = [clients_move_between_all, new_clients_begin_with_history_everywhere, those_that_are_killed_lose_nothing,
         a_topic_that_ends_ends_everywhere]


def main():
    prefix, work = (Path(argument).resolve() for argument in sys.argv[1:3])
    work.mkdir(parents=True, exist_ok=True)
    results = Results("store")
    commands = {}
    for name, build in languages.LANGUAGES.items():
        try:
            commands[name] = build(prefix, work)
        except languages.Missing as why:
            (results.fail if os.environ.get("CI") else results.skip)(f"a worker in {name}: {why}")
        except subprocess.CalledProcessError as error:
            results.fail(f"the worker in {name} is not built", f"{error}\n{error.stdout}\n{error.stderr}")
    for kind, store in [("in a folder", a_folder), ("in Redis", a_redis)]:
        try:
            with store() as url, contextlib.ExitStack() as stack:
                def start(stack, suffix="", url=url):
                    return [stack.enter_context(Worker(name + suffix, *command, url)) for name, command in commands.items()]

                workers = start(stack)
                for worker in workers:
                    worker.start()
                for test in TESTS:
                    test(workers, lambda stack: start(stack, "-killed"))
                    results.passed(f"{test.__name__.replace('_', ' ')}, {kind}: {', '.join(commands)}")
                for worker in workers:
                    worker.end()
                if url.startswith("redis:"):
                    processes_of_c(results, prefix, work, url)
        except languages.Missing as why:
            (results.fail if os.environ.get("CI") else results.skip)(f"the store {kind}: {why}")
        except (AssertionError, OSError, subprocess.SubprocessError) as error:
            results.fail(f"the store {kind}", f"{type(error).__name__}: {error}")
    return results.close()


if __name__ == "__main__":
    sys.exit(main())
