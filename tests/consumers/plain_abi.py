#!/usr/bin/env python3
"""The plain ABI through ctypes: what another language's foreign functions see, with no header and no compiler.

plain_abi.py LIBRARY
"""

import ctypes
import select
import sys
from ctypes import CFUNCTYPE, POINTER, byref, c_bool, c_char, c_char_p, c_int, c_size_t, c_uint32, c_uint64, c_void_p, sizeof

OK, INVALID_EVENT, INVALID_TOPIC, CLOSED, NULL_POINTER, WOULD_BLOCK, ENDED = 0, 1, 5, 10, 100, 103, 104
ITEM_EVENT, REASON_SHUTDOWN = 1, 2
PATIENCE_MS = 30_000


class Slice(ctypes.Structure):
    # Held as a number, so that what Python is given back is never mistaken for a text that ends with a zero byte.
    _fields_ = [("data", c_void_p), ("len", c_size_t)]

    @classmethod
    def of(cls, text):
        slice = cls(ctypes.cast(c_char_p(text), c_void_p), len(text))
        slice.kept = text
        return slice

    def bytes(self):
        return ctypes.string_at(self.data, self.len) if self.data else None


class Error(ctypes.Structure):
    _fields_ = [("result", c_uint32), ("os_error", c_int), ("limit", c_uint64), ("field", c_char * 60), ("option", c_char * 60),
                ("problem", c_char * 200), ("message", c_char * 256)]


class Event(ctypes.Structure):
    _fields_ = [("size", c_size_t), ("event", Slice), ("id", Slice), ("data", Slice), ("comment", Slice), ("retry", c_uint64)]


class Item(ctypes.Structure):
    _fields_ = [("size", c_size_t), ("kind", c_uint32), ("reserved", c_uint32), ("event", Slice), ("data", Slice), ("id", Slice),
                ("last_event_id", Slice), ("retry", c_uint64)]


class Published(ctypes.Structure):
    _fields_ = [("size", c_size_t), ("subscribers", c_uint64), ("id", c_char * 56)]


class SubscriptionConfig(ctypes.Structure):
    _fields_ = [("size", c_size_t), ("topics", POINTER(Slice)), ("topics_len", c_size_t), ("last_event_id", Slice),
                ("framing", c_uint32), ("reserved", c_uint32)]


ItemCallback = CFUNCTYPE(c_int, c_void_p, POINTER(Item))
HANDLE = c_void_p

FUNCTIONS = {
    "ssecast_version": (c_char_p,),
    "ssecast_result_text": (c_char_p, c_uint32),
    "ssecast_slice_of": (Slice, c_char_p),
    "ssecast_event_init": (c_uint32, POINTER(Event), c_size_t),
    "ssecast_event_encode": (c_uint32, POINTER(Event), c_char_p, c_size_t, POINTER(c_size_t), POINTER(Error)),
    "ssecast_parser_new": (c_uint32, c_size_t, POINTER(HANDLE), POINTER(Error)),
    "ssecast_parser_feed": (c_uint32, HANDLE, Slice, ItemCallback, c_void_p, POINTER(Error)),
    "ssecast_parser_free": (None, HANDLE),
    "ssecast_hub_new": (c_uint32, c_void_p, POINTER(HANDLE), POINTER(Error)),
    "ssecast_hub_publish": (c_uint32, HANDLE, Slice, POINTER(Event), POINTER(Published), POINTER(Error)),
    "ssecast_hub_subscribe": (c_uint32, HANDLE, POINTER(SubscriptionConfig), POINTER(HANDLE), POINTER(Error)),
    "ssecast_hub_close": (c_uint32, HANDLE, POINTER(Event), c_uint64, POINTER(Error)),
    "ssecast_hub_is_closed": (c_bool, HANDLE),
    "ssecast_hub_free": (None, HANDLE),
    "ssecast_subscription_config_init": (c_uint32, POINTER(SubscriptionConfig), c_size_t),
    "ssecast_subscription_descriptor": (c_int, HANDLE),
    "ssecast_subscription_next": (c_uint32, HANDLE, POINTER(Slice), POINTER(Error)),
    "ssecast_subscription_reason": (c_uint32, HANDLE, POINTER(c_uint32), POINTER(Error)),
    "ssecast_subscription_free": (None, HANDLE),
}


def load(path):
    library = ctypes.CDLL(path)
    for name, (result, *arguments) in FUNCTIONS.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def check(condition, what):
    if not condition:
        sys.exit(f"FAILED {what}")


def succeed(result, error):
    check(result == OK, error.message.decode())


def event_of(library, **fields):
    event = Event()
    check(library.ssecast_event_init(byref(event), sizeof(event)) == OK and event.retry == 0, "an event is initialized")
    for name, value in fields.items():
        setattr(event, name, Slice.of(value))
    event.kept = fields
    return event


def encodes_into_the_callers_buffer(library):
    error, length = Error(), c_size_t()
    event = event_of(library, event=b"tick", data=b"one\ntwo")
    succeed(library.ssecast_event_encode(byref(event), None, 0, byref(length), byref(error)), error)
    buffer = ctypes.create_string_buffer(length.value)
    succeed(library.ssecast_event_encode(byref(event), buffer, length.value, byref(length), byref(error)), error)
    check(buffer.raw == b"event: tick\ndata: one\ndata: two\n\n", "the bytes of an event")


def says_what_is_wrong_with_an_argument(library):
    error, length = Error(), c_size_t(7)
    event = event_of(library, event=b"a\nb")
    result = library.ssecast_event_encode(byref(event), None, 0, byref(length), byref(error))
    check(result == error.result == INVALID_EVENT and length.value == 7, "the result of a bad event")
    check(error.field == b"event" and error.message.startswith(b"event"), "the detail of a bad event")
    check(library.ssecast_result_text(result) == b"SSECAST_INVALID_EVENT", "the result's name")
    check(library.ssecast_hub_publish(None, Slice.of(b"t"), byref(event), None, None) == NULL_POINTER, "no hub")


def calls_back_for_each_item_that_is_parsed(library):
    error, parser, seen = Error(), HANDLE(), []
    succeed(library.ssecast_parser_new(0, byref(parser), byref(error)), error)

    @ItemCallback
    def on_item(_, item):
        item = item.contents
        check(item.size == sizeof(Item), f"an item of {item.size} bytes")
        seen.append((item.kind, item.event.bytes(), item.data.bytes(), item.id.bytes(), item.last_event_id.bytes()))
        return 0

    wire = b"id: 7\nevent: tick\ndata: one\n\ndata: two\n\n"
    for at in range(0, len(wire), 5):
        succeed(library.ssecast_parser_feed(parser, Slice.of(wire[at:at + 5]), on_item, None, byref(error)), error)
    library.ssecast_parser_free(parser)
    check(seen == [(ITEM_EVENT, b"tick", b"one", b"7", b"7"), (ITEM_EVENT, b"message", b"two", None, b"7")], f"items: {seen}")


def gives_a_subscriber_what_is_published_and_the_end(library):
    error, hub, subscription, published = Error(), HANDLE(), HANDLE(), Published(size=sizeof(Published))
    succeed(library.ssecast_hub_new(None, byref(hub), byref(error)), error)
    config, topics = SubscriptionConfig(), (Slice * 1)(library.ssecast_slice_of(b"ticks"))
    check(library.ssecast_subscription_config_init(byref(config), sizeof(config)) == OK, "a configuration is initialized")
    config.topics, config.topics_len = topics, 1
    succeed(library.ssecast_hub_subscribe(hub, byref(config), byref(subscription), byref(error)), error)
    topic, event, late = Slice.of(b"ticks"), event_of(library, data=b"one"), event_of(library, data=b"late")
    succeed(library.ssecast_hub_publish(hub, topic, byref(event), byref(published), byref(error)), error)
    check(published.subscribers == 1 and published.id.count(b"-") == 1, "what became of the publication")

    poll, wire, result = select.poll(), b"", OK
    poll.register(library.ssecast_subscription_descriptor(subscription), select.POLLIN)

    def read():
        nonlocal wire, result
        check(poll.poll(PATIENCE_MS), "the descriptor becomes readable")
        bytes, result = Slice(), OK
        while result == OK:
            wire += bytes.bytes() or b""
            result = library.ssecast_subscription_next(subscription, byref(bytes), byref(error))
        check(result in (WOULD_BLOCK, ENDED), error.message.decode())

    while b"data: one\n\n" not in wire:
        read()
    check(b"id: " + published.id + b"\n" in wire, "the event's id")
    succeed(library.ssecast_hub_close(hub, None, 1000, byref(error)), error)
    check(library.ssecast_hub_is_closed(hub), "the hub is closed")
    check(library.ssecast_hub_publish(hub, topic, byref(late), None, byref(error)) == CLOSED, "a closed hub takes nothing")
    while result != ENDED:
        read()
    reason = c_uint32()
    succeed(library.ssecast_subscription_reason(subscription, byref(reason), byref(error)), error)
    check(reason.value == REASON_SHUTDOWN, "why the stream ended")
    library.ssecast_subscription_free(subscription)
    library.ssecast_hub_free(hub)


def main():
    library = load(sys.argv[1])
    check(library.ssecast_version().count(b".") == 2, "the version")
    for test in (encodes_into_the_callers_buffer, says_what_is_wrong_with_an_argument,
                 calls_back_for_each_item_that_is_parsed, gives_a_subscriber_what_is_published_and_the_end):
        test(library)
        print("ok", test.__name__.replace("_", " "), flush=True)


if __name__ == "__main__":
    main()
