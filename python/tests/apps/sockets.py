"""What the system has been told about a server's connections."""

import os
import socket
import stat
from contextlib import suppress


def user_timeouts() -> list[int]:
    """The ``TCP_USER_TIMEOUT`` of every connection that has one, in milliseconds."""
    found = {}
    for name in os.listdir("/dev/fd"):
        with suppress(OSError):
            if not stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                continue
            with socket.socket(fileno=os.dup(int(name))) as connection:
                # An engine thread has a duplicate of the server's descriptor.
                peer = connection.getpeername()
                if timeout := connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT):
                    found[peer] = timeout
    return list(found.values())
