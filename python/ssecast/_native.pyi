"""The extension module. What of it is for users is exported by `ssecast`; the rest serves the package itself."""

import builtins
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, Self, final

from typing_extensions import disjoint_base

__all__ = [
    "UNAVAILABLE",
    "Batch",
    "DeliveryQueue",
    "End",
    "Event",
    "Events",
    "History",
    "Hub",
    "Listener",
    "Loss",
    "OriginDecision",
    "Parser",
    "PeerTimeout",
    "Publications",
    "Published",
    "Request",
    "Responder",
    "Retry",
    "SlowClient",
    "Source",
    "Stats",
    "UnreadWatch",
    "encode",
    "inode_of",
    "install",
    "is_finished",
    "last_event_id",
    "listening_sockets",
    "process",
    "replay_count",
    "shut_down_connection",
    "stream_headers",
    "terminations",
]

_Reason = Literal["client", "server", "shutdown", "lagged", "error"]

UNAVAILABLE: frozenset[int]
"""The numbers of the errors after which a client is told to come back later."""

@final
class History:
    """What each topic keeps for clients that come back: its newest events, up to each of the caps.

    `None` turns a cap off; at least one stays on, as memory is bounded.

    >>> import ssecast
    >>> hub = ssecast.Hub(history=ssecast.History(events=100, seconds=None))
    """

    def __new__(
        cls, *, events: int | None = 1000, bytes: int | None = 8388608, seconds: float | None = 300.0
    ) -> Self: ...
    @property
    def events(self) -> int | None:
        """The most events of one topic; 0 keeps none, None sets no cap."""

    @property
    def bytes(self) -> int | None:
        """The most bytes of memory of one topic's events, each its encoded bytes and 128, or None."""

    @property
    def seconds(self) -> float | None:
        """The longest time that an event is kept, or None."""

@final
class SlowClient:
    """When a client counts as slow, and what happens to it then.

    `policy` is "disconnect" (it comes back and resumes) or "skip" (it goes on at the newest event, after a reset
    event that says how many were missed).
    """

    def __new__(
        cls,
        *,
        bytes: int = 1048576,
        seconds: float | None = 30.0,
        policy: Literal["disconnect", "skip"] = "disconnect",
    ) -> Self: ...
    @property
    def bytes(self) -> int:
        """The most bytes that may wait for one client."""

    @property
    def seconds(self) -> float:
        """The longest time in which a client that something waits for takes nothing."""

    @property
    def policy(self) -> Literal["disconnect", "skip"]:
        """What happens past either limit."""

@final
class Event:
    """An event: what is to be sent, or what a parser found.

    `data`: a str goes as it is, bytes as UTF-8, anything else as JSON; `data` is a str afterwards. `retry` is in
    milliseconds. What the protocol doesn't allow is refused when the event is encoded. Events are equal when all these
    fields are.

    >>> from ssecast import Event
    >>> Event({"now": 1}, event="tick").data
    '{"now":1}'
    """

    def __new__(
        cls,
        data: Any = None,
        *,
        event: str | None = None,
        id: str | int | None = None,
        retry: int | None = None,
        comment: str | None = None,
    ) -> Self: ...
    @property
    def data(self) -> str | None:
        """The data, lines joined with LF; None in an event that has none."""

    @property
    def event(self) -> str | None:
        """The event type. A parser says "message" where the stream has none."""

    @property
    def id(self) -> str | None:
        """The id that this event itself carries."""

    @property
    def retry(self) -> int | None:
        """The reconnection time that it carries, in milliseconds."""

    @property
    def comment(self) -> str | None:
        """The comment that it carries."""

    @property
    def last_event_id(self) -> str:
        """The last event ID of the stream at this event: its own id, or that of an event before it. Empty if there is
        none.
        """

    def json(self) -> Any:
        """Reads the data as JSON. Raises `InvalidDataError` if there is none, and `json.JSONDecodeError`, which is a
        `ValueError` too, if it is something else.
        """

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Events(Iterator[Event]):
    """What `ssecast.iter_events` returns: the events of a stream whose bytes come in chunks, until it is over or an
    error is raised. It takes a chunk when an event is asked for and all those of the chunk before it were given.
    """

    def __new__(
        cls, chunks: Iterator[builtins.bytes | bytearray | memoryview], parser: Parser, unfinished: bool
    ) -> Self: ...
    def __iter__(self) -> Events: ...
    def __next__(self) -> Event: ...

@disjoint_base
class Hub:
    """Topics, their history, and the connections that read them. `ssecast.Hub` adds what is asyncio's."""

    def __new__(
        cls,
        *,
        history: History = ...,
        slow_client: SlowClient = ...,
        heartbeat: float | None = 15.0,
        retry: float | None = 2.0,
        reset_event: str | None = "reset",
        max_connections: int = 100000,
        max_topics: int = 100000,
        max_event_bytes: int = 1048576,
        max_backlog_bytes: int = 67108864,
        keep_ended: float = 60.0,
        store: str | None = None,
        publish_timeout: float = 1.0,
        delivery: Literal["auto", "pull"] = "auto",
        threads: int | None = None,
    ) -> Self: ...
    def publish_text(
        self,
        topic: str,
        data: str | builtins.bytes,
        event: str | None = None,
        id: str | int | None = None,
        retry: int | None = None,
        comment: str | None = None,
        /,
    ) -> Published:
        """Publishes an event whose data is a str or bytes. `ssecast.Hub.publish` makes that of any data."""

    @property
    def _has_store(self) -> bool:
        """Whether its log is in a store, for which publishing waits."""

    def end_topic(self, topic: str) -> None:
        """Ends a topic, for good: nothing is published to it any more."""

    def close(self, event: Event | None = None, *, grace: float = 1.0) -> None:
        """Closes the hub: refuses publications and connections, lets every connection have what is pending for it,
        then the last event and a jittered reconnection time, and ends it. What is not out after `grace` seconds is
        given up. Returns at once; closing twice is fine.
        """

    def wait_closed(self, timeout: float | None = None) -> bool:
        """Waits until the hub was closed and its last stream has ended, for `timeout` seconds at most; None sets no
        limit. Returns whether that is so.

        It blocks the thread, so it is not for an event loop's: that is what `aclose` is for.
        """

    def _check_subscription(self, topics: tuple[str, ...], last_event_id: str, replay: int) -> None:
        """Checks whether a connection could be registered now, and registers none: what HEAD is answered. Raises what
        `DeliveryQueue.open` would raise.
        """

    def _unavailable(self, method: str, accept: str) -> bytes | int:
        """What a request gets that can't have a stream for the moment: bytes are the whole body of an event stream,
        with the status 200; a number is the seconds of a `Retry-After`, with the status 503.

        `accept` is the value of its `Accept`.
        """

    @property
    def closed(self) -> bool:
        """Whether the hub was closed."""

    def stats(self) -> Stats:
        """Reads the counters."""

    def metrics(self) -> str:
        """Writes the counters as `OpenMetrics` text, which Prometheus scrapes.

        It is the body of a response whose ``Content-Type`` is
        ``application/openmetrics-text; version=1.0.0; charset=utf-8``. The names are the same in every language.
        """

@final
class Published:
    """What became of a publication."""

    @property
    def id(self) -> str | None:
        """The event's id: the publisher's own, or `<epoch>-<sequence>`. None if the hub was closed, and nothing was
        published.
        """

    @property
    def subscribers(self) -> int:
        """The connections of this process that read the topic at that moment."""

@final
class Stats:
    """What a hub holds now and has done since it was made."""

    @property
    def connections(self) -> int:
        """Open connections."""

    @property
    def topics(self) -> int:
        """Topics that have connections or a history."""

    @property
    def published(self) -> int:
        """Events published."""

    @property
    def delivered(self) -> int:
        """Events handed over to connections, each counted once for each of them."""

    @property
    def bytes(self) -> int:
        """Bytes handed over to connections, without the framing of HTTP."""

    @property
    def history_events(self) -> int:
        """Events in the history of all topics."""

    @property
    def held_bytes(self) -> int:
        """Bytes of memory that events cost: the history, and what slow clients still need."""

    @property
    def store(self) -> Literal["unopened", "ready", "degraded"] | None:
        """Whether the store was used yet, and could be used last. None without a store."""

    @property
    def lagging(self) -> int:
        """Connections that something waits for because they did not take it yet."""

    @property
    def lag_bytes(self) -> int:
        """The bytes that wait for the slowest of them."""

    @property
    def backlog_bytes(self) -> int:
        """Bytes that were published or sent and that no thread or event loop has offered to its connections yet."""

    @property
    def refused(self) -> int:
        """Clients that were told that they can have no stream for the moment."""

    @property
    def disconnects(self) -> dict[_Reason, int]:
        """Connections ended, by reason."""

    @property
    def resets(self) -> dict[Literal["epoch", "expired", "unknown", "lagged"], int]:
        """Reset events sent, by reason."""

@final
class Listener:
    """An HTTP/1.1 endpoint of a hub, until it is closed. `ssecast.Listener` is what people see of it."""

    def __new__(
        cls,
        hub: Hub,
        address: tuple[str, int],
        answer: Callable[[Request, Responder], None] | None,
        decide: Callable[[str, Request, OriginDecision], None] | None,
        *,
        topics: tuple[str, ...] | None,
        query_topics: bool,
        path: str | None,
        headers: Sequence[tuple[str, str]],
        origins: tuple[str, ...] | None,
        credentials: bool,
        replay: int,
        max_head_bytes: int = 16384,
        max_headers: int = 100,
        head_time: float | None = 10.0,
        answer_time: float | None = 30.0,
        max_pending: int = 4096,
    ) -> Self: ...
    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""

    def close(self, wait: bool) -> None:
        """Closes the listener. If it is to `wait`, its thread has ended when this returns."""

@final
class Request:
    """A request for a stream."""

    @property
    def method(self) -> str:
        """The method: "GET", or "HEAD", which is answered like it but for the stream."""

    @property
    def path(self) -> str:
        """The path, decoded: an encoded slash is a slash here."""

    @property
    def raw_path(self) -> str:
        """The path as the client sent it."""

    @property
    def raw_query(self) -> str | None:
        """The query as the client sent it, without its question mark."""

    @property
    def query(self) -> list[tuple[str, str]]:
        """The query's names and values, decoded, in their order."""

    def query_value(self, name: str) -> str | None:
        """The first value of a name in the query."""

    @property
    def headers(self) -> list[tuple[str, str]]:
        """The headers in their order, as the client wrote their names; values are Latin-1."""

    def header(self, name: str) -> str | None:
        """The first value of a header, whatever the case of its name."""

    @property
    def peer(self) -> tuple[str, int]:
        """The address and port of the client, or of the proxy in front of it."""

    @property
    def last_event_id(self) -> str | None:
        """The id of the last event that the client has. The stream resumes there."""

@final
class Responder:
    """Answers one request, once. One that is collected without an answer answers 500."""

    def allow(self, topics: tuple[str, ...]) -> None:
        """Gives the client a stream of these topics."""

    def refuse(self, status: int, headers: list[tuple[str, str]] = ..., body: bytes | None = None) -> None:
        """Answers with a status, headers and a body."""

@final
class OriginDecision:
    """Says once whether pages of a request's origin may read the answer. One that is collected undecided answers
    500.
    """

    def decide(self, allowed: bool | None, /) -> None:
        """Whether they may; None answers 500."""

@final
class PeerTimeout:
    """The socket options by which the system ends a connection whose client vanished, for a connection that the host's
    server writes to. They are set when this is made, from the hub's `slow_client`. Engine threads do so by themselves.
    """

    def __new__(cls, hub: Hub, descriptor: int) -> Self: ...
    def restore(self, descriptor: int) -> None:
        """Sets the options back to what they were, for a server that goes on with the connection."""

@final
class UnreadWatch:
    """A producer's interest in whether a topic is read.

    When it is known how that ends the descriptor becomes readable. The thread that makes it so, the hub's, never waits
    for the interpreter.
    """

    def __new__(cls, hub: Hub, topic: str, after: float) -> Self: ...
    def fileno(self) -> int:
        """The descriptor that is readable once it is over."""

    @property
    def is_unread(self) -> bool | None:
        """Whether the topic has lost its last reader for so long; None while that is not known."""

    def close(self) -> None:
        """Ends the interest. Closing twice is fine."""

@final
class Publications:
    """What an event loop publishes without waiting for it, and what has become of that.

    When there is something to take the descriptor becomes readable. The thread that makes it readable, the hub's, never
    waits for the interpreter.
    """

    def __new__(cls, hub: Hub) -> Self: ...
    def fileno(self) -> int:
        """The descriptor that is readable when `take` has something to give."""

    def publish(
        self,
        number: int,
        topic: str,
        data: str | builtins.bytes,
        event: str | None = None,
        id: str | int | None = None,
        retry: int | None = None,
        comment: str | None = None,
        /,
    ) -> None:
        """Publishes an event behind those before. What becomes of it is told under the number, once, unless this
        raises."""

    def end_topic(self, number: int, topic: str) -> None:
        """Ends a topic, behind what was published before."""

    def take(self) -> list[tuple[int, Published | Exception]]:
        """Takes what has become of publications, each with its number, in the order of the calls."""

@final
class Parser:
    """Parses a stream that arrives in chunks of any size.

    Any bytes are a stream; the only error is an event of more than `max_event_bytes`: that is the bytes of its `data`,
    `event` and `id` lines; `None` is no limit, for a source that is trusted with all of the memory. `last_event_id` is
    the one that the stream resumes from, and `default_event` the type of events to which the stream gives none, or
    `message`. Comments are not reported. One call at a time; any thread.

    >>> from ssecast import Parser
    >>> parser = Parser()
    >>> parser.feed(b"event: tick\\ndata: 1\\n\\ndata: tw")
    [Event('1', event='tick')]
    >>> parser.feed(b"o\\n\\n")
    [Event('two', event='message')]
    """

    def __new__(
        cls, *, max_event_bytes: int | None = 16777216, last_event_id: str = "", default_event: str | None = "message"
    ) -> Self: ...
    def feed(self, chunk: bytes | bytearray | memoryview) -> list[Event]:
        """Takes a chunk and returns the events that it completes.

        `chunk` is bytes, or a bytearray or memoryview, which is read where it is: do not write to it meanwhile.
        Raises `EventTooLargeError`, once the events before that one are returned: then the next call raises, as does
        every other until `finish` or `reset`.
        """

    def finish(self) -> None:
        """Ends the stream: a block that is not complete is discarded. The parser is then at the beginning of the next
        stream, and keeps the last event ID and the reconnection time. Raises what `feed` had to raise next.
        """

    def flush(self) -> list[Event]:
        """Ends the stream as `finish` does, and returns the event that it was cut off in, if there is one: as if a line
        end and a blank line had come. For sources that leave out the last ones; by the standard it is discarded.

        >>> from ssecast import Parser
        >>> parser = Parser()
        >>> parser.feed(b"data: on")
        []
        >>> parser.flush()
        [Event('on', event='message')]
        """

    def reset(self) -> None:
        """Forgets everything but the limit."""

    @property
    def last_event_id(self) -> str:
        """The last event ID of the stream so far: what a client sends to resume. Empty if it has none."""

    @property
    def retry(self) -> int | None:
        """The reconnection time in milliseconds, if the stream has set one."""

    @property
    def max_event_bytes(self) -> int | None:
        """The most bytes that one event may have; `None` if there is no limit."""

@final
class Retry:
    """How long a source waits before it connects again, and after which answers it does.

    The first wait is the stream's own reconnection time, or `first`; never less than 0.1 s. Each further one is
    longer by
    `growth`, up to `longest`, until an event comes. `jitter` is the part of a wait by which it may be longer at
    random, from
    0 to 1. After an answer with one of `statuses` the source tries again, and honours `Retry-After`; by default after
    none,
    as browsers do. Times are in seconds.

    >>> import ssecast
    >>> ssecast.Retry(first=1, statuses=[502, 503, 504])
    Retry(first=1.0, longest=30.0, growth=2.0, jitter=0.5, statuses=(502, 503, 504))
    """

    def __new__(
        cls,
        *,
        first: float = 2.0,
        longest: float = 30.0,
        growth: float = 2.0,
        jitter: float = 0.5,
        statuses: Sequence[int] = (),
    ) -> Self: ...
    @property
    def first(self) -> float:
        """The wait while the stream has set no reconnection time, in seconds."""

    @property
    def longest(self) -> float:
        """What waits grow to, in seconds; a longer reconnection time of the stream's still holds."""

    @property
    def growth(self) -> float:
        """By how much each wait is longer than the one before."""

    @property
    def jitter(self) -> float:
        """The part of a wait by which it may be longer at random."""

    @property
    def statuses(self) -> tuple[int, ...]:
        """The statuses after which the source tries again."""

    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...

@final
class Loss:
    """Why a source has no connection, or no longer one. As text it is a sentence."""

    @property
    def cause(self) -> Literal["status", "content-type", "network", "ended", "too-large", "idle"]:
        """Why: "status", "content-type", "network", "ended", "too-large", or "idle", a silence."""

    @property
    def status(self) -> int | None:
        """The status of the answer, if that is the cause."""

    @property
    def content_type(self) -> str | None:
        """The content type of the answer, if that is the cause; empty if it had none."""

    @property
    def retry_in(self) -> float | None:
        """The seconds until the source connects again; None if it does not, and is closed."""

@final
class Source:
    """The state machine of `EventSource`: it says what to request, what an answer means and how long to wait. It does
    no I/O."""

    def __new__(
        cls,
        url: str,
        *,
        method: str,
        last_event_id: str,
        retry: Retry | None,
        idle: float | None,
        max_event_bytes: int | None,
    ) -> Self: ...
    def request(self) -> tuple[str, str, bool, bool, list[tuple[str, str]]]:
        """What to send now: the URL, the method, whether the body and the credentials go with it, and headers."""

    def respond(
        self,
        status: int,
        content_type: str | None,
        location: str | None,
        retry_after: str | None,
        date: str | None,
    ) -> bool | Loss:
        """Takes the head of the answer. Returns True if the body is to be fed, False if it is a redirect, or the
        loss."""

    def feed(self, chunk: bytes) -> tuple[list[Event], Loss | None]:
        """Takes a chunk of the body. Returns the events that it completes, and the loss if one was too large."""

    def lose(self, cause: Literal["ended", "idle", "network"], problem: str) -> Loss:
        """Notes that there is no connection, or no longer one: "ended", "idle", or "network" with what is known of
        it."""

    def close(self) -> None:
        """Closes the source for good."""

    @property
    def state(self) -> Literal["connecting", "open", "closed"]:
        """Where it is: "connecting", "open" or "closed" for good."""

    @property
    def url(self) -> str:
        """The URL that every reconnect begins at."""

    @property
    def last_event_id(self) -> str:
        """The last event ID: what the next connection resumes from. Empty if there is none."""

@final
class Batch:
    """Bytes of a stream, shared by all connections that are to get them."""

    @property
    def bytes(self) -> builtins.bytes:
        """The bytes of the event stream, for a server that frames them itself."""

    @property
    def chunk(self) -> builtins.bytes:
        """The same bytes as one chunk of HTTP/1.1's chunked transfer coding."""

@final
class End:
    """A connection has ended. If it was `cut` not all that it was given may have arrived."""

    @property
    def reason(self) -> _Reason: ...
    @property
    def cut(self) -> bool: ...

@final
class DeliveryQueue:
    """What is to be done for the connections of one event loop, or of one thread.

    When there is something to do the descriptor becomes readable: a loop watches it, a thread waits for it. The thread
    that makes it readable, a publisher's or the engine's, never waits for the interpreter.
    """

    def __new__(cls, hub: Hub, *, paced: bool = False) -> Self: ...
    def fileno(self) -> int:
        """The descriptor that is readable when `take` has something to give."""

    def wake(self) -> None:
        """Makes the descriptor readable, though there may be nothing to take."""

    def open(self, topics: tuple[str, ...], last_event_id: str | None, replay: int = 0) -> int:
        """Registers a connection and returns its number. It gets nothing before `resume` or `attach_socket`. Without a
        last event ID it begins with so many of the last events. A store may be waited for. Raises `TopicEndedError` for
        a client whose stream was finished, or that has all of topics that have ended.
        """

    def attach_socket(self, connection: int, descriptor: int, chunked: bool, released: bool) -> None:
        """Hands a connection to an engine thread, which writes to a duplicate of the descriptor. Fails when it is not
        that of a connected stream socket, or is attached already, or the hub keeps engine threads out of it; the
        connection is then as it was.
        """

    def hand_over(self, connection: int, descriptor: int, chunked: bool, head: bytes) -> None:
        """The same for a connection whose response's head has still to go out: it is sent before the stream. After
        that only the engine may write to the connection, and it looks after its end.
        """

    def take(self, limit: int) -> tuple[list[tuple[Batch | End | None, list[int]]], bool]:
        """Takes what is to be done, for at most `limit` connections: a list of pairs, each of what to do (write a
        `Batch`; an `End`; `None`, as what was sent to the connections alone is out) and a list of connections. And
        whether there is more.
        """

    def pause(self, connection: int) -> None:
        """Notes that a connection's writer is full."""

    def resume(self, connection: int) -> None:
        """Notes that a connection's writer has drained."""

    def send(
        self,
        connection: int,
        data: Any,
        *,
        event: str | None = None,
        id: str | int | None = None,
        retry: int | None = None,
        comment: str | None = None,
    ) -> bool:
        """Sends an event to one connection alone; returns whether it was taken. `None` as data is no data."""

    def pending_bytes(self, connection: int) -> int:
        """How many bytes sent to this connection alone have not gone out. If it is not zero, a batch or `None`
        follows.
        """

    def change_topics(self, connection: int, add: tuple[str, ...], remove: tuple[str, ...]) -> bool:
        """Adds and removes topics of a connection; returns whether it is still there."""

    def end(self, connection: int, reason: _Reason) -> None:
        """Ends a connection after all that was sent before; an `End` follows."""

    def finish(self, connection: int) -> None:
        """Ends a connection in the same way, and for good: the client's next request has a last event ID that
        `is_finished`.
        """

    def remove(self, connection: int, reason: _Reason) -> bool:
        """Removes a connection that is gone. Returns whether it is removed by now; otherwise an `End` follows."""

def terminations() -> int:
    """How often this process was asked to end by SIGTERM, as far as it handles that signal. The handler is called as
    before: this only counts. A process that leaves the signal to the system, or ignores it, goes on doing so.
    """

def listening_sockets() -> list[tuple[int, int, int | str | None]]:
    """The sockets that this process listens on: of each the descriptor, the number of the socket, and the port or the
    path.
    """

def inode_of(descriptor: int) -> int | None:
    """The number of the socket, or file, that a descriptor is of; None if it is closed."""

def shut_down_connection(port: int, peer: tuple[str, int]) -> bool:
    """Ends the connection of this process between a local port and a peer, whichever server holds it. Returns whether
    there is one.
    """

def encode(event: Event) -> bytes:
    """Encodes an event as it goes over the wire, ending with a blank line.

    Raises `InvalidEventError` or `InvalidIdError` for a line end or NUL in the type or the id, which would forge other
    fields; line ends in data and comments begin new lines of the same field.

    >>> from ssecast import Event, encode
    >>> encode(Event("one\\ntwo", event="tick", id=7))
    b'id: 7\\nevent: tick\\ndata: one\\ndata: two\\n\\n'
    """

def stream_headers(cache_control: str | None = None) -> list[tuple[str, str]]:
    """The headers that make a response an event stream. `cache_control` is what the application wants: what it lacks is
    added.
    """

def last_event_id(header: bytes | None) -> str | None:
    """The id of the last event that a client has, from the bytes of its header; None if it says none."""

def is_finished(last_event_id: str) -> bool:
    """Whether a last event ID says that its client's stream was finished: the answer is 204, by which it stays away."""

def replay_count(replay: int | str) -> int:
    """What a client without a last event ID begins with: a number of events, or "all", which is the greatest number."""

def process() -> int:
    """The number of this process, which no other of its line of forks has, whether or not Python knows of the fork."""

def install(text: Callable[[object], str | bytes], loads: Callable[[str], Any], errors: dict[int, Any]) -> None:
    """Called once, by the package: `text` makes a str or bytes of any data, `loads` reads JSON, and `errors` are the
    classes of the core's errors by their numbers.
    """
