"""How any data becomes the text of an event."""

import dataclasses
import datetime
import enum
import inspect
import json
import os
import re
import uuid
from collections.abc import AsyncIterable, Iterable, Iterator

from ssecast._native import Event
from ssecast.errors import InvalidDataError

__all__ = ["text"]


def text(data: object) -> str | bytes:
    """A str and bytes go as they are, other buffers of bytes too, and anything else as JSON.

    It is called before the engine is: what runs here, such as a model's methods, is the application's code.
    """
    if isinstance(data, (str, bytes)):
        return data
    if not isinstance(data, (dict, list, int, float)):
        try:
            view = memoryview(data)  # type: ignore[arg-type]
        except TypeError:
            pass
        except Exception as cause:
            raise InvalidDataError("data", f"can't be read: {_said(cause)}") from cause
        else:
            with view:
                if view.ndim == 1 and view.format.lstrip("@=<>!") in ("B", "c"):
                    return view.tobytes()
    try:
        encoded = _encode(data)
    except Exception as cause:
        if inspect.iscoroutine(data):
            # Python would warn as well that it was never awaited.
            data.close()
        raise InvalidDataError("data", f"can't be serialised: {_said(cause)}") from cause
    if encoded.isascii():
        return encoded
    try:
        return encoded.encode()
    except UnicodeEncodeError:
        return _SURROGATES.sub(_escape, encoded)


def _said(cause: Exception) -> str:
    """What an exception says, if it does."""
    try:
        said = str(cause)
    except Exception:
        return type(cause).__name__
    # The encoder says no more than this.
    return f"{said}; write None, or a str" if "not JSON compliant" in said else said


def _default(value: object) -> object:
    """What people put into events besides JSON's own types."""
    if isinstance(value, type):
        raise TypeError(f"JSON has no classes, such as {value.__name__}")
    if dataclasses.is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    # Pydantic's models, of version 2 and 1; nothing is imported for it.
    if callable(dump := getattr(value, "model_dump", None)):
        return dump(mode="json")
    if hasattr(value, "__fields__") and callable(dump := getattr(value, "json", None)):
        return json.loads(dump())
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, uuid.UUID):
        return str(value)
    raise TypeError(f"JSON has no {type(value).__name__}; {_instead(value)}")


def _instead(value: object) -> str:
    """What to write in the place of a value that JSON has no form for."""
    if isinstance(value, Event):
        return "pass its fields: event.data, event=event.event, id=event.id"
    # By its name: its module takes long to import.
    if type(value).__name__ == "Decimal":
        return "write str(value), or float(value)"
    if isinstance(value, datetime.timedelta):
        return "write value.total_seconds()"
    if isinstance(value, enum.Enum):
        return "write value.value"
    if isinstance(value, os.PathLike):
        return "write str(value)"
    if isinstance(value, (bytes, bytearray, memoryview)):
        return "write value.decode(), or base64"
    if inspect.isawaitable(value):
        return "await it first"
    if isinstance(value, (AsyncIterable, Iterator)):
        return "publish each of its values, or collect them in a list"
    if hasattr(value, "tolist"):
        return "write value.tolist()"
    if isinstance(value, Iterable):
        return "write list(value)"
    if callable(value):
        return "call it first"
    return "write a dict, a list, a str or a number"


# As JSON.stringify writes it: without spaces, and text as text. NaN is not JSON.
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_default).encode

# As JSON.stringify does it too: a pair is a character, and half of one is escaped.
_SURROGATES = re.compile("[\ud800-\udbff][\udc00-\udfff]|[\ud800-\udfff]")


def _escape(found: re.Match[str]) -> str:
    surrogates = found[0]
    if len(surrogates) == 2:
        return surrogates.encode("utf-16", "surrogatepass").decode("utf-16")
    return f"\\u{ord(surrogates):x}"
