from collections.abc import Iterable
from typing import Any

from backlog import LIMIT, Backlog
from ssecast import Hub, SlowClient
from ssecast.wsgi import EventSourceResponse
from sync_worker import serve

hub = Hub(slow_client=SlowClient(bytes=LIMIT))
backlog = Backlog(hub)


def app(environ: Any, start_response: Any) -> Iterable[bytes]:
    return EventSourceResponse(hub, topics=["bench"])(environ, start_response)


serve(app, backlog.publish, lambda: hub.stats().connections, backlog.waiting)
