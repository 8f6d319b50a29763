"""Runs an example server as it is and is its client: every one of them serves the numbers 0, 1, 2, ... as `tick` at /stream."""

import http.client
import subprocess
import threading
from urllib.parse import urlsplit

SECONDS = 30
CLIENTS = 20


def serves(command, **options):
    """Starts the program with a free port, checks its streams, and ends it. Raises AssertionError or OSError."""
    server = subprocess.Popen([*command, "0"], stdout=subprocess.PIPE, text=True, **options)
    watchdog = threading.Timer(2 * SECONDS, server.kill)
    watchdog.start()
    try:
        url = urlsplit(server.stdout.readline().strip())
        assert url.path == "/stream", f"the first line that it prints is no address: {url.geturl()!r}"
        streams = [Stream(url) for _ in range(CLIENTS)]
        first = streams[0].tick()
        last = first
        for expected in range(int(first.data) + 1, int(first.data) + 3):
            last = streams[0].tick()
            assert int(last.data) == expected, f"{last.data} came after {expected - 1}"
        for stream in streams[1:]:
            tick = stream.tick()
            while tick.id != last.id:
                assert int(tick.data) < int(last.data), f"{tick.data} came before {last.data}"
                tick = stream.tick()
            assert tick.data == last.data, "another event has the same id"
            stream.close()
        resumed = Stream(url, last_event_id=first.id)
        tick = resumed.tick()
        assert int(tick.data) == int(first.data) + 1, f"it resumed after {first.data} with {tick.data}"
        resumed.close()
        streams[0].close()
        assert server.poll() is None, f"the server ended with {server.returncode}"
    finally:
        watchdog.cancel()
        server.kill()
        server.wait()
        server.stdout.close()


class Event:
    def __init__(self):
        self.id, self.event, self.data = None, None, None


class Stream:
    """One client. It parses by itself: what it reads with must not be what it tests."""

    def __init__(self, url, last_event_id=None):
        self.connection = http.client.HTTPConnection(url.hostname, url.port, timeout=SECONDS)
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last_event_id} if last_event_id else {})
        self.connection.request("GET", url.path, headers=headers)
        self.response = self.connection.getresponse()
        assert self.response.status == 200, f"status {self.response.status}"
        assert self.response.headers["Content-Type"] == "text/event-stream; charset=utf-8"

    def tick(self):
        """The next event of the type `tick`."""
        event = Event()
        while True:
            line = self.response.readline()
            assert line, "the stream ended"
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if name in ("id", "event", "data"):
                setattr(event, name, value)
            elif name == "":
                if event.event == "tick":
                    return event
                event = Event()

    def close(self):
        self.response.close()
        self.connection.close()
