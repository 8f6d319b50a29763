"""Event streams for Django, under WSGI and ASGI, from views of both kinds.

>>> from ssecast import Hub
>>> hub = Hub()
>>> def stream(request):
...     from ssecast.django import EventSourceResponse
...     return EventSourceResponse(request, hub, topics=["ticks"])

Under WSGI the connection is handed over to the engine where the server allows it, as ``ssecast.wsgi`` says. Under ASGI
Django itself writes, so that ``delivery`` is ``send``.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable, Mapping
from typing import Any, Unpack

from django.http import HttpRequest, StreamingHttpResponse

from ssecast._options import lists
from ssecast._streams.async_body import AsyncBody, answer_async
from ssecast._streams.body import answer, delivery_of
from ssecast._streams.handover import Head
from ssecast._streams.head import stream_headers
from ssecast._streams.options import Options, StreamOptions, ThreadOptions, refuse_unknown
from ssecast.hub import Hub
from ssecast.session import Delivery

__all__ = ["EventSourceResponse"]


class EventSourceResponse(StreamingHttpResponse):
    """An event stream as the response to a request of Django's.

    ``source`` and the options are those of ``ssecast.wsgi.EventSourceResponse``; ``topics`` may be a function of the
    request. Under ASGI ``source`` may be asynchronous as well, and ``on_connect`` gets a :class:`ssecast.Session`.
    """

    @lists(Options)
    def __init__(
        self,
        request: HttpRequest,
        source: Hub | AsyncIterable[Any] | Iterable[Any],
        *,
        headers: Mapping[str, str] | None = None,
        **given_options: Unpack[Options],
    ) -> None:
        refuse_unknown(given_options)
        kind = StreamOptions if hasattr(request, "scope") else ThreadOptions
        topics: Any = given_options.get("topics")
        if callable(topics):
            given_options["topics"] = topics(request)
        options = kind(source, **given_options)
        given = stream_headers(headers)
        if isinstance(options, ThreadOptions):
            status, given, self._body = answer(options, request.environ, given, self._head)
        else:
            status, given, self._body = answer_async(options, request.META, request.scope, given)
        super().__init__(self._body, status=int(status[:3]), headers=dict(given))

    @property
    def delivery(self) -> Delivery | None:
        """How the bytes go out, once the stream has begun."""
        return "send" if isinstance(self._body, AsyncBody) else delivery_of(self._body)

    def _head(self) -> Head:
        """What middleware did to the response since."""
        cookies = (("Set-Cookie", cookie.output(header="")) for cookie in self.cookies.values())
        return f"{self.status_code} {self.reason_phrase}", [*self.items(), *cookies]
