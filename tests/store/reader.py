"""A client that goes to the next server whenever its connection ends. It parses by itself: what reads must not be what is tested."""

import contextlib
import http.client
import itertools
import socket
import threading

SECONDS = 60


class Reader:
    """What it has seen is `events`, each the lines of a block: of the whole blocks, across all its connections."""

    def __init__(self, servers, path="/"):
        self.servers, self.path = itertools.cycle(servers), path
        self.events, self.data, self.last_id, self.problem, self.status = [], [], None, None, None
        self.changed = threading.Condition()
        self.socket, self.ended = None, False
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def wait(self, what, condition):
        with self.changed:
            found = self.changed.wait_for(lambda: self.problem or condition(self), SECONDS)
            assert not self.problem, self.problem
            assert found, f"a client waited for {what}, and has {self.data}"

    def cut(self):
        """Ends the connection where it is: the next server gets its last event ID."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)

    def end(self):
        self.ended = True
        self.cut()
        self.thread.join(SECONDS)

    def _run(self):
        try:
            while not self.ended:
                self._read(next(self.servers))
        except Exception as problem:
            with self.changed:
                self.problem = f"{type(problem).__name__}: {problem}"
                self.changed.notify_all()

    def _read(self, server):
        connection = http.client.HTTPConnection(*server, timeout=SECONDS)
        # A cut may come at any moment: it is an error of the socket's, or an end within the head or a chunk.
        with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException, ValueError):
            connection.connect()
            self.socket = connection.sock
            headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": self.last_id} if self.last_id else {})
            connection.request("GET", self.path, headers=headers)
            response = connection.getresponse()
            assert response.status in (200, 204), f"status {response.status}"
            with self.changed:
                self.status = response.status
                self.changed.notify_all()
            self.ended |= response.status == 204
            self._take(response)

    def _take(self, response):
        block = []
        while line := response.readline():
            text = line.decode().removesuffix("\n")
            if text:
                block.append(text)
                continue
            fields = dict(each.partition(": ")[::2] for each in block)
            with self.changed:
                if fields.get("event") == "reset":
                    self.problem = f"a client was told of a loss: {block}"
                if fields.get("id"):
                    self.last_id = fields["id"]
                if "data" in fields:
                    self.events.append(block)
                    self.data.append(fields["data"])
                self.changed.notify_all()
            block = []
