"""The errors that ssecast raises: one class for each kind, the same kinds as in every other language.

Each is also the built-in exception that fits, so that ``except ValueError`` sees an invalid id.

>>> import ssecast
>>> try:
...     ssecast.encode(ssecast.Event("text", event="two\\nlines"))
... except ssecast.InvalidEventError as error:
...     print(error.code, error.field)
SSECAST_INVALID_EVENT event
"""

from typing import ClassVar

__all__ = [
    "AttachedError",
    "BacklogFullError",
    "ClosedError",
    "Error",
    "EventTooLargeError",
    "InternalError",
    "InvalidDataError",
    "InvalidEventError",
    "InvalidIdError",
    "InvalidOptionError",
    "InvalidRetryError",
    "InvalidSocketError",
    "InvalidTopicError",
    "StoreFormatError",
    "StoreFullError",
    "StoreTimedOutError",
    "StoreUnavailableError",
    "TooManyConnectionsError",
    "TooManyDescriptorsError",
    "TooManyTopicsError",
    "TopicEndedError",
]


class Error(Exception):
    """What all errors of ssecast have in common. Nothing was published, sent or registered."""

    code: ClassVar[str]
    """The stable name, the same in every language: ``SSECAST_INVALID_ID``."""
    number: ClassVar[int]
    """The stable number: the result code of the C library."""

    # There is no code of Python's in making one, as that happens in the midst of the engine.

    @property
    def field(self) -> str:
        """What it is about: a field of an event, an option, or something of the hub's."""
        return str(self.args[0])

    @property
    def problem(self) -> str:
        """What is wrong with it, and how to mend it."""
        return str(self.args[1])

    def __str__(self) -> str:
        return f"{self.field} {self.problem}"


class InvalidEventError(Error, ValueError):
    """An event's type holds CR, LF or NUL."""

    code, number = "SSECAST_INVALID_EVENT", 1


class InvalidIdError(Error, ValueError):
    """An event's id holds CR, LF or NUL, is that of a retained event, or is reserved."""

    code, number = "SSECAST_INVALID_ID", 2


class InvalidRetryError(Error, ValueError):
    """A reconnection time is not a whole number of milliseconds, zero or more."""

    code, number = "SSECAST_INVALID_RETRY", 3


class InvalidDataError(Error, ValueError):
    """Data is not text: bytes that are not UTF-8, or a value that JSON has no form for."""

    code, number = "SSECAST_INVALID_DATA", 4


class InvalidTopicError(Error, ValueError):
    """A topic is empty or longer than 256 bytes."""

    code, number = "SSECAST_INVALID_TOPIC", 5


class InvalidOptionError(Error, ValueError):
    """An option is out of its range."""

    code, number = "SSECAST_INVALID_OPTION", 6


class EventTooLargeError(Error, ValueError):
    """An event is larger than the limit."""

    code, number = "SSECAST_EVENT_TOO_LARGE", 7


class TooManyTopicsError(Error, RuntimeError):
    """The hub has as many topics as it may have."""

    code, number = "SSECAST_TOO_MANY_TOPICS", 8


class TooManyConnectionsError(Error, RuntimeError):
    """The hub has as many connections as it may have."""

    code, number = "SSECAST_TOO_MANY_CONNECTIONS", 9


class ClosedError(Error, RuntimeError):
    """The hub is closed, or closing."""

    code, number = "SSECAST_CLOSED", 10


class InternalError(Error, RuntimeError):
    """A defect in ssecast itself; please report it."""

    code, number = "SSECAST_INTERNAL", 11


class InvalidSocketError(Error, ValueError):
    """A descriptor is not that of a connected stream socket."""

    code, number = "SSECAST_INVALID_SOCKET", 12


class AttachedError(Error, RuntimeError):
    """The connection is written by the engine already."""

    code, number = "SSECAST_ATTACHED", 13


class TooManyDescriptorsError(Error, RuntimeError):
    """The process has no descriptor left."""

    code, number = "SSECAST_TOO_MANY_DESCRIPTORS", 14


class BacklogFullError(Error, RuntimeError):
    """More waits than could be offered to connections yet: publish again later."""

    code, number = "SSECAST_BACKLOG_FULL", 15


class StoreUnavailableError(Error, RuntimeError):
    """The store can't be used: it can't be reached, or not by this process."""

    code, number = "SSECAST_STORE_UNAVAILABLE", 16


class StoreTimedOutError(Error, RuntimeError):
    """The store was not free, or did not answer, in time."""

    code, number = "SSECAST_STORE_TIMED_OUT", 17


class StoreFullError(Error, RuntimeError):
    """There is no room left where the store is."""

    code, number = "SSECAST_STORE_FULL", 18


class StoreFormatError(Error, RuntimeError):
    """What is in the store is not a log, is damaged, or was made by a newer version."""

    code, number = "SSECAST_STORE_FORMAT", 19


class TopicEndedError(Error, RuntimeError):
    """The topic has ended: nothing is published to it any more. A client whose topics have all ended, and that has
    everything of them, gets no stream: it is answered 204."""

    code, number = "SSECAST_TOPIC_ENDED", 20


CLASSES: dict[int, type[Error]] = {error.number: error for error in Error.__subclasses__()}
