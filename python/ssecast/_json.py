"""How data that is neither a string nor bytes becomes JSON."""

import dataclasses
import datetime
import json
import uuid


def _default(value: object) -> object:
    """What people put into events besides JSON's own types."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    # Pydantic's models, whichever version; nothing is imported for it.
    if callable(dump := getattr(value, "model_dump", None)):
        return dump(mode="json")
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, uuid.UUID):
        return str(value)
    raise TypeError(f"JSON has no {type(value).__name__}")


# As JSON.stringify writes it: without spaces, and text as text. NaN is not JSON.
serialise = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_default).encode
