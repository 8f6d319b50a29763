"""The listener: a hub that is its own server."""

from __future__ import annotations

import atexit
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self, TypedDict

from ssecast import _native
from ssecast._native import Request
from ssecast._options import Replay

__all__ = ["Cors", "Limits", "Listener", "Refusal", "Request", "Topics"]

logger = logging.getLogger("ssecast")


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """What a client is answered that gets no stream.

    >>> Refusal(status=401, headers={"WWW-Authenticate": "Bearer"}, body="Sign in first.").status
    401
    >>> Refusal(status=303, headers={"Location": "/sign-in"}).body is None
    True
    """

    status: int
    """From 400 to 599; 204, by which a browser stays away; or 301, 302, 303, 307 or 308 with a ``Location``."""
    headers: Mapping[str, str] | None = None
    """Headers besides those of every answer. Those of CORS are set by the option ``cors``."""
    body: str | bytes | None = None
    """The body, 64 KiB at most: plain text, unless the headers have another ``Content-Type``. None says the status in
    words."""


Topics = Sequence[str] | Callable[[Request], Sequence[str] | int | Refusal]
"""Topics, or a function of the request that returns them, or a status from 400 to 599, or 204, by which a browser
stays away, or a :class:`Refusal` with headers and a body."""


Cors = bool | str | Sequence[str] | Callable[[str, Request], bool]
"""Which pages of other origins may read the streams: all, an origin such as ``https://app.example``, several, or those
that a function of the origin and the request says True for."""


class Limits(TypedDict, total=False):
    """A listener's limits."""

    max_head_bytes: int
    """The most bytes of a request's head; a longer one is answered 431. Default 16 KiB."""
    max_headers: int
    """The most headers of a request; more are answered 431. Default 100."""
    head_time: float | None
    """Seconds that a head may take; then it is answered 408. Default 10."""
    answer_time: float | None
    """Seconds that a request may wait for ``cors`` and ``topics``, which answer one after the other. Default 30."""
    max_pending: int
    """The most connections that have no stream yet, or whose stream has ended. Default 4096."""


class Listener:
    """An HTTP/1.1 endpoint of a hub, made by :meth:`Hub.listen`. It listens until it or the hub is closed, or the
    interpreter exits, which does not wait for it. In a child of ``os.fork`` it does nothing.
    """

    def __init__(
        self,
        hub: _native.Hub,
        address: tuple[str, int],
        topics: Topics | None,
        query_topics: bool,
        path: str | None,
        headers: Mapping[str, str] | None,
        cors: Cors,
        credentials: bool,
        replay: Replay,
        limits: Limits,
    ) -> None:
        if not isinstance(address, tuple) or len(address) != 2:
            raise TypeError(f"address must be a host and a port, such as ('127.0.0.1', 3000), not {address!r}")
        if (topics is None) is not query_topics:
            raise TypeError("topics must be given, or query_topics=True, and not both")
        if isinstance(topics, (str, bytes)):
            raise TypeError("topics must be a sequence of strings, not a string; wrap it in a list")
        if isinstance(cors, str):
            cors = [cors]
        decide = _decide_by(cors) if callable(cors) else None
        origins: tuple[str, ...] | None = None
        if isinstance(cors, bool):
            origins = ("*",) if cors else None
        elif isinstance(cors, Sequence) and not isinstance(cors, bytes):
            origins = tuple(cors)
        elif decide is None:
            what = "a bool, an origin, a sequence of origins, or a function of an origin and a request"
            raise TypeError(f"cors must be {what}, not {type(cors).__name__}")
        self._native = _native.Listener(
            hub,
            address,
            _answer_by(topics) if callable(topics) else None,
            decide,
            topics=None if topics is None or callable(topics) else tuple(topics),
            query_topics=query_topics,
            path=path,
            headers=list(headers.items()) if headers else [],
            origins=origins,
            credentials=credentials,
            replay=_native.replay_count(replay),
            **limits,
        )
        self._siblings: set[Self] = vars(hub).setdefault("_listeners", set())
        self._siblings.add(self)
        # Its thread may call `topics`, which needs an interpreter.
        atexit.register(self.close)

    @classmethod
    def open_of(cls, hub: _native.Hub) -> list[Self]:
        """A hub's listeners that are not closed."""
        return list(vars(hub).get("_listeners", ()))

    @property
    def address(self) -> tuple[str, int]:
        """The address and the port that it listens on."""
        return self._native.address

    def close(self) -> None:
        """Closes the listener, and waits until the port is free: for a quarter of a second at most, beyond a call of
        ``topics`` that is under way. Clients without a stream are answered 503; streams go on until the hub is closed.
        Closing twice is fine.
        """
        self._siblings.discard(self)
        atexit.unregister(self.close)
        self._native.close(True)

    def _stop(self) -> None:
        """Closes it without waiting."""
        self._native.close(False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Listener: {self.address[0]}:{self.address[1]}>"


def _answer_by(
    topics: Callable[[Request], Sequence[str] | int | Refusal],
) -> Callable[[Request, _native.Responder], None]:
    def answer(request: Request, responder: _native.Responder) -> None:
        try:
            answer = topics(request)
            if isinstance(answer, int):
                responder.refuse(answer)
            elif isinstance(answer, Refusal):
                body = answer.body.encode() if isinstance(answer.body, str) else answer.body
                responder.refuse(answer.status, list((answer.headers or {}).items()), body)
            elif isinstance(answer, (str, bytes)):
                raise TypeError("topics must return a sequence of strings, not a string; wrap it in a list")
            else:
                responder.allow(tuple(answer))
        # Also what ends a thread: this one is the listener's.
        except BaseException:
            logger.exception("A request was answered 500, because topics failed: %s", request.path)
            responder.refuse(500)

    return answer


def _decide_by(cors: Callable[[str, Request], bool]) -> Callable[[str, Request, _native.OriginDecision], None]:
    def decide(origin: str, request: Request, decision: _native.OriginDecision) -> None:
        allowed = None
        try:
            answer = cors(origin, request)
            if not isinstance(answer, bool):
                raise TypeError(f"cors must return True or False, not {type(answer).__name__}")
            allowed = answer
        except BaseException:
            logger.exception("A request was answered 500, because cors failed: %s", request.path)
        decision.decide(allowed)

    return decide
