"""The classes of the extension: none can be changed, copied by accident, or half made."""

from __future__ import annotations

import copy
import copyreg
import pickle
from typing import Any

import pytest

import ssecast
from ssecast import Event, Hub, Parser, _native


class Plain:
    """A class of Python's."""


def classes() -> list[type]:
    return [value for value in vars(_native).values() if isinstance(value, type)]


@pytest.mark.parametrize("kind", classes())
def test_no_class_of_the_extension_can_be_changed(kind: Any) -> None:
    """One that can would make objects whose fields were never written, which end the process."""
    for change in (
        lambda: setattr(kind, "__new__", staticmethod(lambda cls: object.__new__(cls))),
        lambda: type.__setattr__(kind, "__init__", None),
        lambda: delattr(kind, "__doc__"),
        lambda: setattr(kind, "__class__", type("Meta", (type,), {})),
        lambda: setattr(kind, "__bases__", (Plain,)),
        lambda: object.__new__(kind),
        lambda: copyreg._reconstructor(kind, object, None),  # type: ignore[attr-defined]
        lambda: setattr(Plain(), "__class__", kind),
    ):
        with pytest.raises(TypeError):
            change()
    if kind is not _native.Hub:
        with pytest.raises(TypeError):
            type("Kind", (kind,), {})


def test_a_class_that_is_derived_from_the_hub_makes_no_half_made_hub() -> None:
    class Half(Hub):
        def __new__(cls) -> Half:
            return object.__new__(cls)

    with pytest.raises(TypeError, match="not safe"):
        Half()
    hub = Hub()
    with pytest.raises(TypeError):
        hub.__class__ = Plain  # type: ignore[assignment]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_what_cannot_be_copied_says_so(protocol: int) -> None:
    for value in (Event("1"), Hub(), ssecast.History(), Hub().publish("t", "1"), Hub().stats(), Parser()):
        for make in (copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value, protocol))):
            with pytest.raises(TypeError):
                make(value)  # type: ignore[no-untyped-call]
