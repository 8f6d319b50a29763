"""The date each second. One sync worker has room for thousands of clients.

gunicorn dates_flask:app
"""

import time
from threading import Thread

from flask import Flask, request

from ssecast import Hub
from ssecast.wsgi import EventSourceResponse

hub = Hub()
app = Flask(__name__)


@app.get("/sendMessage")
def send_message() -> EventSourceResponse:
    return EventSourceResponse(hub, topics=["dates"], environ=request.environ)


def tell_the_date() -> None:
    while True:
        time.sleep(1)
        hub.publish("dates", str(int(time.time() * 1000)))


Thread(target=tell_the_date, daemon=True).start()
