"""Event streams for Litestar.

>>> from litestar import get
>>> from ssecast import Hub
>>> from ssecast.litestar import EventSourceResponse
>>> hub = Hub()
>>> @get("/stream")
... async def stream() -> EventSourceResponse:
...     return EventSourceResponse(hub, topics=["ticks"])
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Unpack

from litestar.response.base import ASGIResponse, Response

from ssecast import asgi
from ssecast._options import lists
from ssecast._streams.options import Options, Source
from ssecast.session import Delivery

if TYPE_CHECKING:
    from litestar import Litestar, Request
    from litestar.background_tasks import BackgroundTask, BackgroundTasks
    from litestar.datastructures.cookie import Cookie
    from litestar.enums import MediaType
    from litestar.types import Receive, Scope, Send, TypeEncodersMap

__all__ = ["EventSourceResponse"]


class EventSourceResponse(Response[Any]):
    """An event stream: of a hub's topics, or of an iterator's events for this client alone. Return it from a handler.

    The options are those of :class:`ssecast.asgi.EventSourceResponse`; ``background`` is a background task of Litestar.
    """

    __slots__ = ("_stream",)

    @lists(Options)
    def __init__(
        self,
        source: Source,
        *,
        headers: Mapping[str, str] | None = None,
        background: BackgroundTask | BackgroundTasks | None = None,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(None, headers=headers, background=background)
        self._stream = asgi.EventSourceResponse(source, headers=headers, **options)

    @property
    def delivery(self) -> Delivery | None:
        """How the bytes go out; None before the stream has begun."""
        return self._stream.delivery

    def to_asgi_response(
        self,
        app: Litestar | None,
        request: Request[Any, Any, Any],
        *,
        background: BackgroundTask | BackgroundTasks | None = None,
        cookies: Iterable[Cookie] | None = None,
        encoded_headers: Iterable[tuple[bytes, bytes]] | None = None,
        headers: dict[str, str] | None = None,
        is_head_response: bool = False,
        media_type: MediaType | str | None = None,
        status_code: int | None = None,
        type_encoders: TypeEncodersMap | None = None,
    ) -> ASGIResponse:
        """Called by Litestar."""
        return _Answer(
            self._stream,
            background=self.background or background,
            cookies=itertools.chain(self.cookies, cookies or ()),
            headers={**(headers or {}), **self.headers},
            media_type="text/event-stream",
            is_head_response=is_head_response,
        )


class _Answer(ASGIResponse):
    __slots__ = ("_stream",)

    _should_set_content_length = False

    def __init__(self, stream: asgi.EventSourceResponse, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._stream = stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        names = {name for name, _ in self._stream.raw_headers}
        self._stream.raw_headers += [header for header in self.encode_headers() if header[0].lower() not in names]
        await self._stream(scope, receive, send)  # type: ignore[arg-type]
        await self.after_response()
