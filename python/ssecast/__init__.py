"""The native engine for Server-Sent Events: broadcast, resume and parse ``text/event-stream``.

>>> from ssecast import Hub
>>> hub = Hub()
>>> hub.publish("ticks", {"now": 1}, event="tick").subscribers
0

The response for your server is in ``ssecast.asgi`` (Starlette, FastAPI, any ASGI), ``ssecast.wsgi`` (Flask, any WSGI),
``ssecast.django``, ``ssecast.aiohttp`` or ``ssecast.litestar``.
"""

import json

from ssecast import _json, _native, errors
from ssecast._client import EventSourceError
from ssecast._native import Event, History, Loss, Parser, Published, Retry, SlowClient, Stats, encode
from ssecast.errors import (
    AttachedError,
    BacklogFullError,
    ClosedError,
    Error,
    EventTooLargeError,
    InternalError,
    InvalidDataError,
    InvalidEventError,
    InvalidIdError,
    InvalidOptionError,
    InvalidRetryError,
    InvalidSocketError,
    InvalidTopicError,
    StoreFormatError,
    StoreFullError,
    StoreTimedOutError,
    StoreUnavailableError,
    TooManyConnectionsError,
    TooManyDescriptorsError,
    TooManyTopicsError,
    TopicEndedError,
)
from ssecast.event_source import AsyncEventSource, EventSource
from ssecast.hub import Hub
from ssecast.listener import Listener, Refusal, Request
from ssecast.session import Session
from ssecast.stream import Decoder, aiter_events, iter_events
from ssecast.subscription import Subscription
from ssecast.unread_watch import UnreadWatch

_native.install(_json.text, json.loads, errors.CLASSES)

__all__ = [
    "AsyncEventSource",
    "AttachedError",
    "BacklogFullError",
    "ClosedError",
    "Decoder",
    "Error",
    "Event",
    "EventSource",
    "EventSourceError",
    "EventTooLargeError",
    "History",
    "Hub",
    "InternalError",
    "InvalidDataError",
    "InvalidEventError",
    "InvalidIdError",
    "InvalidOptionError",
    "InvalidRetryError",
    "InvalidSocketError",
    "InvalidTopicError",
    "Listener",
    "Loss",
    "Parser",
    "Published",
    "Refusal",
    "Request",
    "Retry",
    "Session",
    "SlowClient",
    "Stats",
    "StoreFormatError",
    "StoreFullError",
    "StoreTimedOutError",
    "StoreUnavailableError",
    "Subscription",
    "TooManyConnectionsError",
    "TooManyDescriptorsError",
    "TooManyTopicsError",
    "TopicEndedError",
    "UnreadWatch",
    "aiter_events",
    "encode",
    "iter_events",
]
