"""What the tasks of one event loop publish to a hub with a store, without keeping the loop waiting."""

from __future__ import annotations

import asyncio
import itertools
import sys
from collections.abc import Callable, Sequence
from typing import Any

from ssecast import _native

__all__ = ["LoopPublications"]

Outcome = _native.Published | Exception


class LoopPublications:
    """Those of one event loop, asyncio's or trio's. They are kept by the hub while there are any.

    The loop watches a descriptor, which a thread of the hub makes readable once for all outcomes that are there.
    Belongs to its loop's thread.
    """

    def __init__(self, hub: _native.Hub, loop: Any, siblings: dict[Any, LoopPublications]) -> None:
        self.native = _native.Publications(hub)
        self.loop = loop
        self._process = _native.process()
        self._siblings = siblings
        self._numbers = itertools.count()
        # A task that was cancelled stays here until it is known what has become of its event.
        self._waiting: dict[int, Any] = {}
        # A loop that was closed may have left some behind.
        for other in list(siblings):
            if isinstance(other, asyncio.AbstractEventLoop) and other.is_closed():
                siblings.pop(other, None)

    @classmethod
    def of(cls, hub: _native.Hub) -> LoopPublications:
        """Those of the running event loop."""
        siblings: dict[Any, LoopPublications] = vars(hub).setdefault("_publications", {})
        kind, loop = _running()
        found = siblings.get(loop)
        # A child process can't use its parent's.
        if found is None or found._process != _native.process():
            found = siblings[loop] = kind(hub, loop, siblings)
        return found

    @classmethod
    def pending(cls, hub: _native.Hub) -> Sequence[asyncio.Future[_native.Published]]:
        """What the running event loop of asyncio waits for."""
        siblings: dict[Any, LoopPublications] = vars(hub).get("_publications", {})
        found = siblings.get(asyncio.get_running_loop())
        return [] if found is None else [future for future in found._waiting.values() if not future.done()]

    async def run(self, call: Callable[[int], None]) -> _native.Published:
        """Makes a call that says its outcome under the number that it is given, and waits for that."""
        number = next(self._numbers)
        self._waiting[number] = waiting = self._new()
        try:
            call(number)
        except BaseException:
            del self._waiting[number]
            self._leave_if_empty()
            raise
        return await self._wait(waiting)

    def _take(self) -> None:
        for number, outcome in self.native.take():
            self._settle(self._waiting.pop(number), outcome)
        self._leave_if_empty()

    def _leave_if_empty(self) -> None:
        if not self._waiting and self._siblings.get(self.loop) is self:
            self._siblings.pop(self.loop, None)
            self._leave()

    # What the two kinds of loops do each in its own way.

    def _new(self) -> Any:
        """What a task waits for."""
        raise NotImplementedError

    async def _wait(self, waiting: Any) -> _native.Published:
        raise NotImplementedError

    def _settle(self, waiting: Any, outcome: Outcome) -> None:
        raise NotImplementedError

    def _leave(self) -> None:
        """Nothing more is to be watched."""
        raise NotImplementedError


class _AsyncioPublications(LoopPublications):
    def __init__(self, hub: _native.Hub, loop: asyncio.AbstractEventLoop, siblings: dict[Any, LoopPublications]):
        super().__init__(hub, loop, siblings)
        loop.add_reader(self.native.fileno(), self._take)

    def _new(self) -> asyncio.Future[_native.Published]:
        future: asyncio.Future[_native.Published] = self.loop.create_future()
        return future

    async def _wait(self, waiting: asyncio.Future[_native.Published]) -> _native.Published:
        return await waiting

    def _settle(self, waiting: asyncio.Future[_native.Published], outcome: Outcome) -> None:
        if waiting.done():
            return
        if isinstance(outcome, Exception):
            waiting.set_exception(outcome)
        else:
            waiting.set_result(outcome)

    def _leave(self) -> None:
        self.loop.remove_reader(self.native.fileno())


class _TrioPublications(LoopPublications):
    def __init__(self, hub: _native.Hub, loop: Any, siblings: dict[Any, LoopPublications]) -> None:
        super().__init__(hub, loop, siblings)
        self._trio = sys.modules["trio"]
        self._scope = self._trio.CancelScope()
        self._trio.lowlevel.spawn_system_task(self._watch)

    async def _watch(self) -> None:
        try:
            with self._scope:
                while True:
                    await self._trio.lowlevel.wait_readable(self.native.fileno())
                    self._take()
        finally:
            # Others may be there by now.
            if self._siblings.get(self.loop) is self:
                self._siblings.pop(self.loop, None)

    def _new(self) -> _Told:
        return _Told(self._trio.Event())

    async def _wait(self, waiting: _Told) -> _native.Published:
        await waiting.event.wait()
        if isinstance(waiting.outcome, Exception):
            raise waiting.outcome
        assert waiting.outcome is not None, "it was told"
        return waiting.outcome

    def _settle(self, waiting: _Told, outcome: Outcome) -> None:
        waiting.outcome = outcome
        waiting.event.set()

    def _leave(self) -> None:
        self._scope.cancel()


class _Told:
    def __init__(self, event: Any) -> None:
        self.event = event
        self.outcome: Outcome | None = None


def _running() -> tuple[type[LoopPublications], Any]:
    """The kind of event loop that runs here, and what stands for it."""
    if "trio" in sys.modules:
        try:
            return _TrioPublications, sys.modules["trio"].lowlevel.current_trio_token()
        except RuntimeError:
            pass
    return _AsyncioPublications, asyncio.get_running_loop()
