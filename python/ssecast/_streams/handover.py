"""Taking a connection from a WSGI server, whose worker or thread is free from then on.

The engine gets a duplicate of the connection's descriptor, and a socket that is dead takes the place of the server's.
The server finds that its client has left, closes what it has, and turns to the next request. Not a byte of its own
reaches the connection any more.

A server is recognised by the exact class of what it has put into the environ. Nothing of a server is imported, and
an unknown object is left alone.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from email.utils import formatdate
from typing import Any

from ssecast import _native
from ssecast._streams.servers import is_exactly, owner, variable
from ssecast._streams.thread_session import ThreadSession
from ssecast.errors import TooManyDescriptorsError

__all__ = ["Head", "close_connection", "hand_over", "limit_silence", "require_descriptors"]

Head = tuple[str, Sequence[tuple[str, str]]]
"""The status, with its phrase, and the headers of a response."""

# Headers of a body of another kind: the connection stays the server's.
FRAMING = {"content-length", "content-encoding"}
# Headers that are the server's to decide, and here the engine's.
HOP_BY_HOP = {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}


def hand_over(session: ThreadSession, environ: dict[str, Any], head: Head) -> bool:
    """Hands a request's connection over to the engine, which sends the head and then the stream. Returns whether it
    did: if not, nothing has changed, and the response is the server's."""
    protocol = environ.get("SERVER_PROTOCOL")
    if protocol not in ("HTTP/1.0", "HTTP/1.1"):
        return False
    chunked = protocol == "HTTP/1.1"
    place = _gunicorn(environ, head, chunked) or _waitress(environ, head) or _werkzeug(environ, head)
    if place is None:
        return False
    connection, head = place
    # A socket of a derived class has TLS, or belongs to another library.
    if not is_exactly(connection, "socket", "socket"):
        return False
    encoded = _encode(protocol, head, chunked)
    if encoded is None:
        return False
    try:
        dead, peer = socket.socketpair()
    except OSError:
        return False
    with dead:
        peer.close()
        descriptor = connection.fileno()
        if not session.hand_over(descriptor, chunked=chunked, head=encoded):
            return False
        os.dup2(dead.fileno(), descriptor, inheritable=False)
    return True


def require_descriptors() -> None:
    """Raises if the process has not the few descriptors left that a hand-over takes: the worker would have to write the
    stream itself then, and answer no other request."""
    descriptors: list[int] = []
    try:
        # One for the engine, one for the server, and what is needed for a moment.
        descriptors += os.pipe()
        descriptors += os.pipe()
    except OSError as error:
        raise TooManyDescriptorsError("socket", "can't be duplicated: the process has no descriptor left") from error
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def limit_silence(hub: _native.Hub, environ: dict[str, Any]) -> Callable[[], None] | None:
    """Has the system end a connection that stays the server's when its client vanished. Returns what undoes that."""
    connection = environ.get("gunicorn.socket") or environ.get("werkzeug.socket")
    channel: Any = owner(environ.get("waitress.client_disconnected"))
    if connection is None and is_exactly(channel, "waitress.channel", "HTTPChannel"):
        connection = channel.socket
    if connection is None or connection.fileno() < 0:
        return None
    timeout = _native.PeerTimeout(hub, connection.fileno())

    def restore() -> None:
        if connection.fileno() >= 0:
            timeout.restore(connection.fileno())

    return restore


def close_connection(environ: dict[str, Any]) -> None:
    """Closes the connection of a response that is complete. gunicorn would wait for the client to, before it ends."""
    connection = environ.get("gunicorn.socket")
    if isinstance(connection, socket.socket):
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)


def _encode(protocol: str, head: Head, chunked: bool) -> bytes | None:
    """The head as it goes out: the end of the connection is the stream's."""
    status, headers = head
    names = {name.lower() for name, _ in headers}
    if not names.isdisjoint(FRAMING):
        return None
    lines = [f"{protocol} {status}"]
    lines += [f"{name}: {value}" for name, value in headers if name.lower() not in HOP_BY_HOP]
    if "date" not in names:
        lines.append(f"Date: {formatdate(usegmt=True)}")
    if chunked:
        lines.append("Transfer-Encoding: chunked")
    lines.append("Connection: close")
    # A line end inside of a line would be another header: that is for the server to refuse.
    if any(forbidden in line for line in lines for forbidden in "\r\n\0"):
        return None
    try:
        return "\r\n".join([*lines, "", ""]).encode("latin-1")
    except UnicodeEncodeError:
        return None


Place = tuple[socket.socket, Head]
"""A server's socket, and the head as the server knows it."""


def _gunicorn(environ: dict[str, Any], head: Head, chunked: bool) -> Place | None:
    """gunicorn's workers ``sync`` and ``gthread``. Its response has seen what a middleware did to the head."""
    connection = environ.get("gunicorn.socket")
    hints: Callable[..., object] | None = environ.get("wsgi.early_hints")
    if connection is not None and hints is None:
        # Before version 25, which speaks HTTP/1 alone.
        return connection, head
    if connection is None or not _is_function(
        hints, "gunicorn.http.wsgi", "_make_early_hints_callback.<locals>.send_early_hints"
    ):
        return None
    response: Any = variable(hints, "resp")
    if not is_exactly(response, "gunicorn.http.wsgi", "Response"):
        return None
    # It speaks uWSGI's protocol too, and then doesn't frame the body.
    if response.status is None or response.headers_sent or response.chunked is not chunked:
        return None
    return connection, (response.status, response.headers)


def _waitress(environ: dict[str, Any], head: Head) -> Place | None:
    channel: Any = owner(environ.get("waitress.client_disconnected"))
    if not is_exactly(channel, "waitress.channel", "HTTPChannel"):
        return None
    # Something is to be written before the response; or the main thread reads, and may close, the socket meanwhile.
    if channel.total_outbufs_len or channel.adj.channel_request_lookahead:
        return None
    return channel.socket, head


def _werkzeug(environ: dict[str, Any], head: Head) -> Place | None:
    connection = environ.get("werkzeug.socket")
    # With a process for each request, there is no engine any more when the request is over.
    return None if connection is None or environ.get("wsgi.multiprocess") else (connection, head)


def _is_function(value: object, module: str, name: str) -> bool:
    return (getattr(value, "__module__", None), getattr(value, "__qualname__", None)) == (module, name)
