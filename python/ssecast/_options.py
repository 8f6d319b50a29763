"""Options by keyword, which a ``TypedDict`` lists once for several functions."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Literal, TypeVar

__all__ = ["Replay", "lists"]

Replay = int | Literal["all"]
"""What a client without a last event ID begins with: so many of the last events, or all that are kept."""

F = TypeVar("F", bound=Callable[..., Any])


def lists(options: type) -> Callable[[F], F]:
    """Has ``help`` and ``inspect.signature`` list each option of a function that takes ``**options: Unpack[...]``. The
    default is an ellipsis: what a left-out option means is in its documentation."""

    def decorate(function: F) -> F:
        signature = inspect.signature(function)
        *own, _ = signature.parameters.values()
        taken = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=..., annotation=annotation)
            for name, annotation in options.__annotations__.items()
        ]
        function.__signature__ = signature.replace(parameters=[*own, *taken])  # type: ignore[attr-defined]
        return function

    return decorate
