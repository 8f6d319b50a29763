"""What `EventSource` and `AsyncEventSource` have in common: everything but the I/O, which is httpx's."""

from __future__ import annotations

import contextlib
import socket
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from threading import RLock
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from ssecast._native import Event, Loss, Retry, Source
from ssecast.errors import InvalidOptionError

if TYPE_CHECKING:
    import httpx

Headers = Mapping[str, str] | Sequence[tuple[str, str]]
CREDENTIALS = ("Authorization", "Proxy-Authorization", "Cookie")
CONNECT_SECONDS = 10.0


class EventSourceError(ConnectionError):
    """The server refuses: its answer is no event stream, and the source is closed."""

    def __init__(self, loss: Loss) -> None:
        super().__init__(str(loss))
        self.loss = loss
        """Why: with ``cause``, ``status`` and ``content_type``."""


def load_httpx() -> Any:
    try:
        import httpx
    except ModuleNotFoundError as error:
        if error.name != "httpx":
            raise
        raise ModuleNotFoundError(
            "ssecast.EventSource needs httpx, which is not installed: pip install 'ssecast[client]'", name="httpx"
        ) from None
    return httpx


class SourceOptions(TypedDict, total=False):
    """What both sources take, by keyword. Where nothing else is said it is httpx's, and means what it means there."""

    method: str
    """Default ``"GET"``."""
    auth: Any
    params: Any
    cookies: Any
    content: Any
    data: Any
    files: Any
    json: Any
    timeout: Any
    extensions: Mapping[str, Any] | None
    retry: Retry | None
    """When a lost connection is made again."""
    idle: float | None
    """Seconds without a byte after which a connection is given up. Default None: never."""
    max_event_bytes: int | None
    """An event of more costs the connection. Default 16 MiB."""
    last_event_id: str
    """What to resume from to begin with."""
    on_open: Callable[[], object] | None
    """Called when a connection stands."""
    on_error: Callable[[Loss], object] | None
    """Called when a connection is lost."""


class Connector:
    """The state machine, the updates that were not reported yet, and what each request is made of."""

    def __init__(
        self,
        url: str,
        *,
        client: Any,
        own: bool,
        headers: Any,
        method: str = "GET",
        last_event_id: str = "",
        retry: Retry | None = None,
        idle: float | None = None,
        max_event_bytes: int | None = 16 << 20,
        on_open: Callable[[], object] | None = None,
        on_error: Callable[[Loss], object] | None = None,
        **request: Any,
    ) -> None:
        for name, handler in (("on_open", on_open), ("on_error", on_error)):
            if handler is not None and not callable(handler):
                raise TypeError(f"{name} must be a function, not {type(handler).__name__}")
        self.httpx = load_httpx()
        self.client = client
        self.own = own
        # The client's base URL and parameters count once; what a redirect names is taken as it is.
        try:
            first = client.build_request("GET", url, params=request.get("params"))
        except self.httpx.InvalidURL as error:
            raise InvalidOptionError("url", f"is no URL: {error}") from None
        self.source = Source(
            str(first.url),
            method=method,
            last_event_id=last_event_id,
            retry=retry,
            idle=idle,
            max_event_bytes=max_event_bytes,
        )
        self.url = self.source.url
        self.headers = headers
        self.on_open = on_open
        self.on_error = on_error
        self.auth = {"auth": request["auth"]} if request.get("auth") is not None else {}
        self.body = {
            name: request[name] for name in ("content", "data", "files", "json") if request.get(name) is not None
        }
        self.cookies = request.get("cookies")
        self.extensions = dict(request.get("extensions") or {})
        self.timeout = self._timeout(request.get("timeout"), idle)
        self.ready: deque[Event | Loss | None] = deque()
        """Events, losses, and ``None`` where a connection was opened."""
        self.response: httpx.Response | None = None
        self.wait = 0.0
        """The seconds before the next request."""
        self.closed = False
        self._lock = RLock()
        """For the state machine, which takes one call at a time, and the socket."""
        self._socket: socket.socket | None = None

    def _timeout(self, given: Any, idle: float | None) -> httpx.Timeout:
        timeout: httpx.Timeout
        if given is not None:
            timeout = self.httpx.Timeout(given)
        elif self.own:
            timeout = self.httpx.Timeout(CONNECT_SECONDS, read=None)
        else:
            # A client's usual 5 s would end every stream that is quiet.
            timeout = self.httpx.Timeout(self.client.timeout)
            timeout.read = None
        if idle is not None:
            timeout.read = float(idle)
        return timeout

    @property
    def state(self) -> Literal["connecting", "open", "closed"]:
        with self._lock:
            return self.source.state

    @property
    def last_event_id(self) -> str:
        with self._lock:
            return self.source.last_event_id

    def make(self, headers: Headers | None) -> tuple[httpx.Request, dict[str, Any]]:
        """The next request, and how it is sent."""
        with self._lock:
            url, method, body, credentials, ours = self.source.request()
        extensions = self.extensions
        if (trace := self._trace(extensions.get("trace"))) is not None:
            extensions = {**extensions, "trace": trace}
        request = self.client.build_request(
            method,
            url,
            headers=headers,
            cookies=self.cookies,
            timeout=self.timeout,
            extensions=extensions,
            **(self.body if body else {}),
        )
        request.url = self.httpx.URL(url)
        auth: dict[str, Any] = self.auth
        if not credentials:
            auth = {"auth": None}
            for name in CREDENTIALS:
                request.headers.pop(name, None)
        for name, value in ours:
            # As UTF-8.
            request.headers[name] = value
        return request, {"stream": True, "follow_redirects": False, **auth}

    def _trace(self, given: Any) -> Any:
        """Finds out the socket of a connection that is being made, so that `close` can end the wait for its answer."""

        if isinstance(self.client, self.httpx.AsyncClient):
            return given

        def trace(name: str, info: Mapping[str, Any]) -> None:
            if name in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
                self._hold(info["return_value"])
            if given is not None:
                given(name, info)

        return trace

    def _hold(self, stream: Any) -> None:
        held = stream.get_extra_info("socket") if stream is not None else None
        with self._lock:
            self._socket = held if isinstance(held, socket.socket) else None
            if self.closed:
                self._shut_down()

    def respond(self, response: httpx.Response) -> bool:
        """Takes the head of an answer. Whether its body is read."""
        header = response.headers.get
        head = (header("Content-Type"), header("Location"), header("Retry-After"), header("Date"))
        with self._lock:
            step = self.source.respond(response.status_code, *head)
        if isinstance(step, Loss):
            self.lost(step)
        elif step:
            self.response = response
            # A connection of HTTP/2 may carry other requests.
            if response.http_version.startswith("HTTP/1") and isinstance(self.client, self.httpx.Client):
                self._hold(response.extensions.get("network_stream"))
            self.ready.append(None)
        return step is True

    def feed(self, chunk: bytes) -> bool:
        """Takes a chunk. Whether there is more to read."""
        with self._lock:
            events, loss = self.source.feed(chunk)
        self.ready += events
        if loss is not None:
            self.lost(loss)
        return loss is None

    def failed(self, error: Exception | None) -> None:
        """The connection failed; without an error the answer ended."""
        if isinstance(error, (self.httpx.LocalProtocolError, self.httpx.UnsupportedProtocol)):
            # Such as a header that can't be sent: it will be no better the next time.
            self.close()
            raise error
        if error is None:
            self.lose("ended")
        elif isinstance(error, self.httpx.ReadTimeout):
            self.lose("idle")
        else:
            self.lose("network", str(error) or type(error).__name__)

    def lose(self, cause: Literal["ended", "idle", "network"], problem: str = "") -> None:
        with self._lock:
            loss = self.source.lose(cause, problem)
        self.lost(loss)

    def lost(self, loss: Loss) -> None:
        if not self.closed:
            self.ready.append(loss)
        self.wait = loss.retry_in or 0.0

    def report(self, update: Loss | None) -> None:
        """Tells the caller's handlers. What they raise is the caller's."""
        if update is None:
            if self.on_open is not None:
                self.on_open()
            return
        if self.on_error is not None:
            self.on_error(update)
        if update.retry_in is None and update.status != 204 and not self.closed:
            raise EventSourceError(update)

    def close(self) -> None:
        """Final: nothing follows. Whichever thread waits for the server is woken."""
        with self._lock:
            self.closed = True
            self.source.close()
            self._shut_down()

    def _shut_down(self) -> None:
        if self._socket is not None:
            # Not that of an `SSLSocket`, which another thread may be reading.
            with contextlib.suppress(OSError):
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def release(self) -> httpx.Response | None:
        """The answer that is to be closed, if there is one."""
        with self._lock:
            self._socket = None
        response, self.response = self.response, None
        return response
