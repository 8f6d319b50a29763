"""The hub, and what asyncio needs of it."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any, Unpack

from ssecast import _native
from ssecast._delivery import wait
from ssecast._delivery.publications import LoopPublications
from ssecast._json import text
from ssecast._options import Replay, lists
from ssecast.listener import Cors, Limits, Listener, Topics
from ssecast.subscription import Subscription
from ssecast.unread_watch import UnreadWatch

__all__ = ["Hub"]


class Hub(_native.Hub):
    """Topics, their history, and the connections that read them.

    Every method may be called from any thread and any event loop. No thread starts before the first connection.
    A hub that is made before a server forks its workers works in each of them. In a child of a fork, also of one that
    Python does not know of, it starts anew: with the same options and no connections. Without a ``store`` it has no
    history, and other ids.

    Options; ``None`` turns off what can be turned off:

    - ``history``: what each topic keeps for clients that come back, a :class:`History`.
    - ``slow_client``: when a client counts as slow, and what happens then, a :class:`SlowClient`.
    - ``heartbeat``: seconds of silence on a connection after which it is sent a heartbeat. Default 15.
    - ``retry``: the reconnection time in seconds that clients are told. Default 2.
    - ``reset_event``: the type of the event that tells a client of lost events. Default ``"reset"``.
    - ``max_connections``, ``max_topics``, ``max_event_bytes``: limits; one more is refused.
    - ``max_backlog_bytes``: the most bytes of events that wait to be offered to connections; one more event is refused
      with :class:`BacklogFullError`. Default 64 MiB.
    - ``keep_ended``: seconds that a topic which has ended is kept. Default 60.
    - ``store``: where the log is kept, so that every process which has the same store has the same topics, events and
      ids, also after a restart: ``"file:./events"`` is a folder of this machine, ``"redis://host:6379/0"`` a server.
      Default ``None``: the memory of each process. It is opened by the first event or connection, in each process by
      itself.
    - ``publish_timeout``: seconds that an event waits for the store at most; then it is refused with
      :class:`StoreTimedOutError`. Default 1.
    - ``delivery``: ``"auto"``, or ``"pull"`` to keep the engine's threads from writing to sockets.
    - ``threads``: so many engine threads for this hub, instead of the shared ones: one fewer than
      there are cores, at least one and at most four.

    >>> from ssecast import Hub
    >>> hub = Hub(heartbeat=10.0)
    >>> hub.publish("ticks", {"now": 1}, event="tick").subscribers
    0
    """

    def publish(
        self,
        topic: str,
        data: Any,
        *,
        event: str | None = None,
        id: str | int | None = None,
        retry: int | None = None,
        comment: str | None = None,
    ) -> _native.Published:
        """Publishes an event to every connection that reads the topic, and keeps it for those that come back.

        The cost does not depend on how many there are, and no slow one is waited for. May be called from any thread and
        any event loop. On a closed hub nothing is published, and ``id`` is None. With a ``store`` it waits until that
        has the event, with the interpreter free for other threads, but with this thread's event loop standing still:
        that is what :meth:`publish_async` is for.

        ``data``: a str goes as it is, bytes as UTF-8, anything else as JSON. ``retry`` is in milliseconds. Raises an
        :class:`Error` that names the field, and then nothing is published; ``TypeError`` for a value of the wrong type.

        >>> hub = Hub()
        >>> hub.publish("ticks", {"now": 1}, event="tick").subscribers
        0
        """
        return self.publish_text(topic, data if type(data) is str else text(data), event, id, retry, comment)

    async def publish_async(
        self,
        topic: str,
        data: Any,
        *,
        event: str | None = None,
        id: str | int | None = None,
        retry: int | None = None,
        comment: str | None = None,
    ) -> _native.Published:
        """Publishes as :meth:`publish` does, and has only the task wait for the ``store``, under asyncio or trio.
        Events that wait are appended together, in the order of the calls, also of those of ``publish``. A task that is
        cancelled meanwhile does not hear whether its event was published.

        >>> import asyncio
        >>> hub = Hub()
        >>> asyncio.run(hub.publish_async("ticks", {"now": 1})).subscribers
        0
        """
        text_of_data = data if type(data) is str else text(data)
        if not self._has_store:
            return self.publish_text(topic, text_of_data, event, id, retry, comment)
        publications = LoopPublications.of(self)
        publish = publications.native.publish
        return await publications.run(lambda number: publish(number, topic, text_of_data, event, id, retry, comment))

    def end_topic(self, topic: str) -> None:
        """Ends a topic, for good: nothing is published to it any more (:class:`TopicEndedError`). Its connections get
        what is left, and those whose topics have all ended end. An ``EventSource`` that has everything is answered 204,
        by which it stays away. After ``keep_ended`` seconds the topic is forgotten: its name is that of another topic.
        It waits for a ``store`` as :meth:`publish` does.

        >>> hub = Hub()
        >>> _ = hub.publish("answer-7", "all of it")
        >>> hub.end_topic("answer-7")
        >>> [event.data for event in hub.subscribe("answer-7", replay="all")]
        ['all of it']
        """
        super().end_topic(topic)

    async def end_topic_async(self, topic: str) -> None:
        """Ends a topic as :meth:`end_topic` does, behind what :meth:`publish_async` was called with before, and has
        only the task wait for the ``store``.
        """
        if not self._has_store:
            return self.end_topic(topic)
        publications = LoopPublications.of(self)
        await publications.run(lambda number: publications.native.end_topic(number, topic))
        return None

    def when_unread(self, topic: str, *, after: float = 10.0) -> UnreadWatch:
        """Watches whether a topic is read, for a producer that may stop when it is not: the watch tells when the topic
        has had a reader since this call, and then had none for ``after`` seconds, in no process that shares the
        ``store``. While there has never been a reader it does not tell. May be called from any thread.

        >>> hub = Hub()
        >>> with hub.when_unread("answer-7", after=0.01) as watch:
        ...     hub.subscribe("answer-7").close()
        ...     watch.wait(timeout=10)
        True
        """
        return UnreadWatch(self, topic, after)

    async def wait_unread(self, topic: str, *, after: float = 10.0) -> bool:
        """Waits, under asyncio or trio, until a topic has lost its last reader, as :meth:`when_unread` has it. Returns
        False when the topic has ended or the hub was closed.

        >>> async def produce(hub, events):
        ...     async with asyncio.TaskGroup() as tasks:
        ...         producing = tasks.create_task(publish_all(hub, events))
        ...         if await hub.wait_unread("answer-7"):
        ...             producing.cancel()
        """
        with self.when_unread(topic, after=after) as watch:
            return await watch._wait_async()

    def subscribe(self, *topics: str, last_event_id: str | None = None, replay: Replay = 0) -> Subscription:
        """Reads topics in this process: iterate over the events with ``for`` or ``async for``.

        It is registered now, not when the iteration begins, and until it is closed or collected. A ``for`` blocks its
        thread, so inside of a coroutine it has to be ``async for``. Without a ``last_event_id`` it begins live, or with
        so many of the last events as ``replay`` says, or with ``"all"`` that are kept. Raises :class:`TopicEndedError`
        when all of the topics have ended and nothing is left to get.

        >>> hub = Hub()
        >>> with hub.subscribe("ticks") as events:
        ...     _ = hub.publish("ticks", "1")
        ...     next(events).data
        '1'
        """
        return Subscription(self, topics, last_event_id, replay)

    @lists(Limits)
    def listen(
        self,
        address: tuple[str, int] = ("127.0.0.1", 0),
        *,
        topics: Topics | None = None,
        query_topics: bool = False,
        path: str | None = None,
        headers: Mapping[str, str] | None = None,
        cors: Cors = False,
        credentials: bool = False,
        replay: Replay = 0,
        **limits: Unpack[Limits],
    ) -> Listener:
        """Listens for clients by itself, for programs that have no HTTP server. Threads of the engine read the requests
        and write the streams, by HTTP/1.1. For TLS and HTTP/2, put a proxy in front of it.

        - ``address``: a host and a port; port 0 is any that is free.
        - ``topics``: those of every stream, or a function that is called with each :class:`Request`, on the listener's
          thread, one after the other, and must return soon: topics, or a status such as 403. What it raises is logged,
          and answers 500.
        - ``query_topics``: instead, a client reads what it names, as in ``/?topic=ticks&topic=news``. Any client
          that reaches the listener may then read all topics there are, and make new ones.
        - ``path``: the only path that there is; any other is answered 404. By default every path will do.
        - ``headers``: more headers for the responses that are streams.
        - ``cors``: whether pages of other origins may read the streams: all (``True``), these, or those for which a
          function of the origin and the :class:`Request` returns True; it is called as ``topics`` is, for preflights
          and refusals too. ``credentials``: with cookies, for which the origins must be named, or decided on.
        - ``replay``: what a client without a last event ID begins with: so many of its topics' last events, or
          ``"all"`` that are kept.
        - ``limits``: what it bears, :class:`ssecast.listener.Limits`.

        Raises :class:`InvalidOptionError` also for an address that can't be listened on.

        >>> hub = Hub()
        >>> def topics(request):
        ...     return ["ticks"] if request.path == "/ticks" else 404
        >>> with hub.listen(("127.0.0.1", 0), topics=topics) as listener:
        ...     host, port = listener.address
        """
        return Listener(self, address, topics, query_topics, path, headers, cors, credentials, replay, limits)

    def close(self, event: _native.Event | None = None, *, grace: float = 1.0) -> None:
        """Closes the hub and its listeners: refuses publications and connections, lets every connection have what is
        pending for it, then the last event and a jittered reconnection time, and ends it. What is not out after
        ``grace`` seconds is given up. Returns at once; closing twice is fine.
        """
        super().close(event, grace=grace)
        for listener in Listener.open_of(self):
            listener._stop()

    def wait_closed(self, timeout: float | None = None) -> bool:
        """Waits until the hub was closed and its last stream has ended, for ``timeout`` seconds at most; None sets no
        limit. Returns whether that is so.

        It blocks the thread, so it is not for an event loop's: that is what :meth:`aclose` is for.
        """
        if not wait.are_replaced():
            return super().wait_closed(timeout)
        begin, step = time.monotonic(), 0.001
        while not super().wait_closed(0.0):
            left = step if timeout is None else timeout - (time.monotonic() - begin)
            if left <= 0:
                return False
            time.sleep(min(step, left))
            step = min(2 * step, 0.02)
        return True

    async def aclose(self, event: _native.Event | None = None, *, grace: float = 1.0) -> None:
        """Closes the hub, as :meth:`close` does, and waits until every stream has ended. What the tasks of this event
        loop of asyncio publish at the moment is published before.
        """
        if publishing := LoopPublications.pending(self):
            await asyncio.wait(publishing)
        self.close(event, grace=grace)
        # A cancelled wait leaves a thread behind, for no longer than this.
        while not await asyncio.to_thread(self.wait_closed, 0.25):
            pass
