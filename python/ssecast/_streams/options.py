"""What a response is made with, the same for every framework."""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Sequence
from typing import Any, Literal, TypedDict, TypeVar, Unpack

from ssecast._delivery.receiver import Reason
from ssecast._native import Event, Parser, SlowClient, last_event_id, replay_count
from ssecast._options import Replay
from ssecast._streams.source import BACKLOG, of_values, release
from ssecast.errors import InvalidOptionError
from ssecast.hub import Hub
from ssecast.session import BaseSession

__all__ = ["Choice", "Options", "Source", "StreamOptions", "ThreadOptions", "Topics", "refuse_unknown", "settle"]

T = TypeVar("T")

Source = Hub | AsyncIterable[Any] | Iterable[Any]
"""A hub, or the events of a private stream: strings, bytes, dicts with ``data``, events, or any data for JSON."""

Topics = Sequence[str] | Callable[[Any], Sequence[str] | Awaitable[Sequence[str]]]
"""Topics, or a function of the request that returns them."""

Choice = Literal["auto", "transport", "send"]
"""Which delivery: the best that the server allows, or one that leaves the engine's threads out of it."""


class Options(TypedDict, total=False):
    """What the responses of all frameworks take, by keyword."""

    topics: Topics | None
    """Which of the hub's topics the client gets: a list, or a function of the request."""
    replay: Replay
    """What a client without a last event ID begins with: so many of the topics' last events, or ``"all"`` that are
    kept. Default 0: it begins live."""
    ping: float | None
    """Of an iterator's stream: seconds of silence before a heartbeat. Default 15; 0 for none."""
    send_timeout: float | None
    """Of an iterator's stream: seconds in which the client may take nothing. Default 30."""
    max_event_bytes: int | None
    """Of an iterator's stream: the most bytes of one event. Default 16 MiB, what a parser takes."""
    finish: bool
    """Of an iterator's stream: when it has no more, the client does not come back for another stream. Default False."""
    last_event_id: str | None
    """Where to continue, if not where the client says in its header."""
    delivery: Choice
    """``"transport"`` or ``"send"`` keep the engine's threads out of it. Default ``"auto"``."""
    farewell: Event | None
    """What the client gets at last when the server shuts down."""
    on_connect: Callable[[Any], object] | None
    """Called with the session when the stream has begun. If it is async it is cancelled when the stream ends."""
    on_close: Callable[[Reason], object] | None
    """Called with the reason when the stream has ended."""


# Of private streams: seconds.
PING = 15.0
SEND_TIMEOUT = 30.0
MAX_EVENT_BYTES = Parser().max_event_bytes


# What a hub has for the options of a private stream.
OF_HUB = {"heartbeat": "ping", "seconds": "send_timeout", "slow_client.seconds": "send_timeout"}


def _number(option: str, value: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{option} must be a number, not {type(value).__name__}")
    return value


@functools.lru_cache(maxsize=64)
def _private_hub(ping: float, send_timeout: float, max_event_bytes: int) -> Hub:
    try:
        # The source waits for its client, but one event is sent whole.
        slow_client = SlowClient(bytes=max(max_event_bytes, 0) + BACKLOG, seconds=send_timeout)
        # A ping of 0 is none.
        return Hub(heartbeat=ping or None, slow_client=slow_client, max_event_bytes=max_event_bytes, retry=None)
    except InvalidOptionError as error:
        raise InvalidOptionError(OF_HUB.get(error.field, error.field), error.problem) from None


async def settle(value: T | Awaitable[T]) -> T:
    """The value, waited for if it has to be."""
    return await value if inspect.isawaitable(value) else value


def topic_names(topics: Any) -> tuple[str, ...]:
    """The topics that were given, or that a function has returned."""
    if isinstance(topics, (str, bytes)):
        raise TypeError("topics must be a sequence of strings, not a string; wrap it in a list")
    if not isinstance(topics, Iterable):
        raise TypeError(f"topics must be a sequence of strings, not {type(topics).__name__}")
    names = tuple(topics)
    for index, name in enumerate(names):
        if not isinstance(name, str):
            raise TypeError(f"topics must be strings, and topics[{index}] is of the type {type(name).__name__}")
    return names


def refuse_unknown(options: Iterable[str]) -> None:
    """Raises for options that a response does not have."""
    known = Options.__annotations__
    for name in options:
        if name not in known:
            raise TypeError(
                f"EventSourceResponse has no option {name!r}; it has {', '.join(sorted(known))} and headers"
            )


def _described(source: object) -> str:
    """What was given for a source, and what to do with it."""
    if isinstance(source, type):
        return f"the class {source.__name__}; make one: {source.__name__}()"
    if inspect.iscoroutine(source):
        source.close()
        return "a coroutine; a function that yields is called without await"
    if callable(source):
        return f"{type(source).__name__}; call it"
    hint = "; wrap it in a list" if isinstance(source, (str, bytes, dict)) else ""
    return type(source).__name__ + hint


class StreamOptions:
    """The options, checked."""

    def __init__(
        self,
        source: Source,
        topics: Topics | None = None,
        replay: Replay = 0,
        ping: float | None = None,
        send_timeout: float | None = None,
        max_event_bytes: int | None = None,
        finish: bool = False,
        last_event_id: str | None = None,
        delivery: Choice = "auto",
        farewell: Event | None = None,
        on_connect: Callable[[Any], object] | None = None,
        on_close: Callable[[Reason], object] | None = None,
    ) -> None:
        self.events: AsyncIterable[Any] | Iterable[Any] | None = None
        self._topics: Topics = ()
        if isinstance(source, Hub):
            if (ping, send_timeout, max_event_bytes) != (None, None, None):
                raise TypeError(
                    "ping, send_timeout and max_event_bytes are the hub's: heartbeat, slow_client and max_event_bytes"
                )
            if topics is None:
                raise TypeError("topics is missing: which of the hub's topics does the client get?")
            replay_count(replay)
            self.hub = source
            self._topics = topics if callable(topics) else topic_names(topics)
        elif not isinstance(source, (AsyncIterable, Iterable)) or isinstance(source, (str, bytes, dict)):
            raise TypeError(f"source must be a Hub or an iterator of events, not {_described(source)}")
        else:
            if topics is not None:
                raise TypeError("topics are a hub's, and source is an iterator")
            if replay != 0:
                raise TypeError("replay is of a hub's topics, and source is an iterator")
            self.hub = _private_hub(
                PING if ping is None else _number("ping", ping),
                SEND_TIMEOUT if send_timeout is None else _number("send_timeout", send_timeout),
                MAX_EVENT_BYTES if max_event_bytes is None else int(_number("max_event_bytes", max_event_bytes)),
            )
            # A sequence never waits, so it needs no thread.
            self.events = of_values(source) if isinstance(source, Sequence) else source
        if not isinstance(finish, bool):
            raise TypeError(f"finish must be a bool, not {type(finish).__name__}")
        if finish and self.events is None:
            raise TypeError("finish is for an iterator; a hub's stream is ended for good by session.finish()")
        self.finish = finish
        self.replay = replay
        if delivery not in ("auto", "transport", "send"):
            raise ValueError(f"delivery must be 'auto', 'transport' or 'send', not {delivery!r}")
        if farewell is not None and not isinstance(farewell, Event):
            raise TypeError(f"farewell must be an Event, not {type(farewell).__name__}")
        for name, callback in (("on_connect", on_connect), ("on_close", on_close)):
            if callback is not None and not callable(callback):
                raise TypeError(f"{name} must be a function, not {type(callback).__name__}")
        if last_event_id is not None and not isinstance(last_event_id, str):
            raise TypeError(f"last_event_id must be a string, not {type(last_event_id).__name__}")
        self._last_event_id = last_event_id
        self.delivery = delivery
        self.farewell = farewell
        self.on_connect = on_connect
        self.on_close = on_close

    def last_event_id(self, header: bytes | None) -> str:
        """Where a client continues: as the application says, or as the request's header does."""
        return (last_event_id(header) or "") if self._last_event_id is None else self._last_event_id

    async def topics(self, request: Any) -> Sequence[str]:
        """The topics that a request's stream reads."""
        if not callable(self._topics):
            return self._topics
        return topic_names(await settle(self._topics(request)))

    def given_topics(self, request: Any) -> Sequence[str]:
        """The same where nothing can be waited for."""
        topics = self._topics(request) if callable(self._topics) else self._topics
        if inspect.isawaitable(topics):
            if inspect.iscoroutine(topics):
                topics.close()
            raise TypeError("topics is asynchronous, and can't be waited for here; give a function that is not")
        return topic_names(topics)

    def check(self, topics: Sequence[str], last_event_id: str) -> None:
        """Raises what a stream would be refused with now: HEAD is answered as GET is, and gets no stream."""
        self.hub._check_subscription(tuple(topics), last_event_id, replay_count(self.replay))

    def end(self, session: BaseSession) -> None:
        """Ends a stream whose iterator has no more."""
        if self.finish:
            session.finish()
        else:
            session.close()

    async def release(self) -> None:
        """Closes the iterator of a stream that did not begin."""
        if self.events is not None:
            await release(self.events)


class ThreadOptions(StreamOptions):
    """Those of a stream that a server's thread opens."""

    def __init__(self, source: Source, **options: Unpack[Options]) -> None:
        if isinstance(source, AsyncIterable):
            raise TypeError("source is asynchronous, and WSGI is not")
        # An iterator is what is given its turn, value by value, and is closed.
        if isinstance(source, Sequence) and not isinstance(source, (str, bytes)):
            source = iter(source)
        super().__init__(source, **options)

    @property
    def values(self) -> Iterable[Any] | None:
        """The events of a private stream."""
        return self.events if isinstance(self.events, Iterable) else None
