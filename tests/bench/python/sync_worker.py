"""Runs a WSGI application in one sync worker of gunicorn, as people run it, and publishes from a thread of the worker
when it is told to. The commands are those of server.py."""

import gc
import os
import sys
from collections.abc import Callable, Iterable
from threading import Thread
from time import monotonic_ns, sleep
from typing import Any

from gunicorn.app.base import BaseApplication

from server import AHEAD, answer, marked, report

__all__ = ["serve"]


class Server(BaseApplication):
    def __init__(self, app: Callable[..., Iterable[bytes]], commands: Callable[[], None]) -> None:
        self._app = app
        self._commands = commands
        super().__init__()

    def load_config(self) -> None:
        self.cfg.set("bind", "127.0.0.1:0")
        self.cfg.set("workers", 1)
        self.cfg.set("worker_class", "sync")
        self.cfg.set("loglevel", "warning")
        self.cfg.set("post_worker_init", self._begin)

    def load(self) -> Callable[..., Iterable[bytes]]:
        return self._app

    def _begin(self, worker: Any) -> None:
        Thread(target=self._commands, daemon=True).start()
        # The worker is what is measured, and not the process that started it.
        answer(port=worker.sockets[0].getsockname()[1], worker=os.getpid())


def serve(
    app: Callable[..., Iterable[bytes]],
    publish: Callable[[str], object],
    count: Callable[[], int],
    waiting: Callable[[int], float],
) -> None:
    """As that of server.py."""

    def commands() -> None:
        for line in sys.stdin:
            match line.split():
                case ["publish", size, rate, milliseconds]:
                    answer(**_publish_for(publish, waiting, int(size), float(rate), float(milliseconds)))
                case ["count"]:
                    answer(count=count())
                case ["gc"]:
                    gc.collect()
                    answer()
        # The parent process is gone, or done.
        os._exit(0)

    Server(app, commands).run()


def _publish_for(publish: Any, waiting: Any, size: int, rate: float, milliseconds: float) -> dict[str, Any]:
    calls: list[int] = []
    start = monotonic_ns()
    published = 0
    while (elapsed := (monotonic_ns() - start) / 1e9) < milliseconds / 1000:
        due = published / rate - elapsed if rate else 0
        if due > 0:
            sleep(due)
        elif not rate and waiting(size) > AHEAD * size:
            sleep(0.001)
            continue
        data = marked(published, size)
        begin = monotonic_ns()
        publish(data)
        calls.append(monotonic_ns() - begin)
        published += 1
    return report(published, calls, calls, [])
