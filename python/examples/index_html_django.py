"""The time on connecting, and then each second; for every other path there is a page that shows it.

python index_html_django.py runserver, or gunicorn index_html_django, or uvicorn index_html_django:asgi
"""

import sys
import time
from threading import Thread

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.management import execute_from_command_line
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path, re_path

from ssecast import Hub
from ssecast.django import EventSourceResponse

PAGE = """<body><script>
const source = new EventSource("/stream")
source.onmessage = event => document.body.append(event.data, document.createElement("br"))
</script>"""
hub = Hub(retry=10.0)


def stream(request: HttpRequest) -> EventSourceResponse:
    return EventSourceResponse(
        request, hub, topics=["time"], on_connect=lambda session: session.send(time.ctime(), event="connecttime")
    )


def tell_the_time() -> None:
    while True:
        time.sleep(1)
        hub.publish("time", time.ctime())


urlpatterns = [path("stream", stream), re_path("", lambda _: HttpResponse(PAGE))]
settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="of an example")
application, asgi = get_wsgi_application(), get_asgi_application()
Thread(target=tell_the_time, daemon=True).start()

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
