"""What a request's query says."""

from collections.abc import Mapping
from typing import Any


def replay(query: Mapping[str, str]) -> Any:
    """What its stream is to begin with."""
    given = query.get("replay", "0")
    return given if given == "all" else int(given)
