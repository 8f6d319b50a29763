"""What the application's own code raises, where nothing of the application's is there to catch it."""

import logging
import threading

__all__ = ["contain"]

logger = logging.getLogger("ssecast")


def contain(problem: str, error: BaseException) -> None:
    """Logs an error, of whatever kind: it ends one stream, and neither the thread nor the server that it came up in.

    An interrupt of the main thread alone goes on: that is the user's.
    """
    logger.error(problem, exc_info=error)
    if isinstance(error, KeyboardInterrupt) and threading.current_thread() is threading.main_thread():
        raise error
