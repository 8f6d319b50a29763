#!/usr/bin/env python3
"""Writes the shared vectors as the lengths and bytes that vectors.c reads: each value is `<length>:<bytes>`, and `-:` if it is
left out. With the argument `refusals` those alone, for Java, which has no JSON."""

import json
import sys
from pathlib import Path

folder = Path(__file__).resolve().parents[3] / "tests/vectors"


def text(part):
    if isinstance(part, list):
        return b"".join(map(text, part))
    if isinstance(part, str):
        return part.encode()
    return bytes.fromhex(part["hex"]) if "hex" in part else text(part["repeat"]) * part["times"]


def put(value):
    out = sys.stdout.buffer
    if value is None:
        out.write(b"-:")
    else:
        value = value if isinstance(value, bytes) else str(value).encode()
        out.write(b"%d:%s" % (len(value), value))


def field(vector, name):
    return text(vector[name]) if name in vector else None


def put_items(items):
    put(len(items))
    for item in items:
        kind = next(kind for kind in ("data", "retry", "comment", "id") if kind in item)
        put({"data": 1, "id": 2, "retry": 3, "comment": 4}[kind])
        put(text(item.get("event", "message")) if kind == "data" else None)
        put(field(item, kind) if kind in ("data", "comment") else None)
        put(field(item, "id"))
        put(text(item.get("last_event_id", "")) if kind == "data" else field(item, "id"))
        put(item.get("retry", 0))


def main():
    for vector in json.loads((folder / "parse.json").read_text()):
        put("parse"), put(vector["name"]), put(text(vector["input"]))
        put_items(vector["items"])
        put(vector.get("max_event_bytes", 0))
        put(vector.get("error"))
        put(text(vector.get("last_event_id", "")))
        put(vector.get("retry"))
    for vector in json.loads((folder / "chunks.json").read_text()):
        put("chunks"), put(vector["name"]), put(len(vector["chunks"]))
        for chunk in vector["chunks"]:
            put(text(chunk["input"]))
            put_items(chunk["items"])
    for vector in json.loads((folder / "encode.json").read_text()):
        event = vector["event"]
        # C's type of retry rules out what is not a whole number of milliseconds, and holds all that is.
        if vector.get("error") == "SSECAST_INVALID_RETRY":
            continue
        put("encode"), put(vector["name"])
        for name in ("event", "id", "data", "comment"):
            put(field(event, name))
        put(event.get("retry"))
        put(field(vector, "output"))
        put(vector.get("error"))
        put(vector.get("message"))
    put_refusals()
    put("end")


def put_refusals():
    for vector in json.loads((folder / "refusals.json").read_text()):
        # In C a status that is left out has its default.
        put("refusal"), put(vector["name"]), put(vector["status"] or 1)
        headers = vector.get("headers", [])
        put(len(headers))
        for name, value in headers:
            put(name), put(value)
        put(field(vector, "body"))
        put(vector.get("field"))


if sys.argv[1:] == ["refusals"]:
    put_refusals(), put("end")
else:
    main()
