"""The scenarios of tests/client for scenarios.c: as a table in C, and with the scripted server that they run against."""

import json
import socket
import ssl
import subprocess
import threading
from contextlib import contextmanager, suppress
from pathlib import Path

folder = Path(__file__).resolve().parents[3] / "tests/client"


def entry(logged):
    """An entry of the log as scenarios.c writes it."""
    if isinstance(logged, str):
        return logged
    if "error" in logged:
        return " ".join(["error", logged["error"], *(str(logged[key]) for key in ("status",) if key in logged)])
    data = logged["data"]
    return " ".join([logged["event"], f"{data['length']} bytes" if isinstance(data, dict) else data, logged["lastEventId"]])


def row(scenario):
    options = scenario.get("options", {})
    retry = options.get("retry", {})
    statuses = retry.get("statuses", [])
    assert len(statuses) <= 1, "scenarios.c knows one status"
    values = {
        "name": scenario["name"],
        "tls": int(scenario.get("tls", False)),
        "method": options.get("method"),
        "body": options.get("body"),
        "headers": "".join(f"{name}: {value}\r\n" for name, value in options.get("headers", {}).items()),
        "last_event_id": options.get("lastEventId"),
        "idle_ms": options.get("idle"),
        "max_event_bytes": options.get("maxEventBytes"),
        "retry_first_ms": retry.get("first"),
        "retry_longest_ms": retry.get("longest"),
        "retry_growth_percent": int(retry["growth"] * 100) if "growth" in retry else None,
        "retry_jitter_percent": int(retry.get("jitter", 0) * 100),
        "retry_status": statuses[0] if statuses else None,
        "close_after": options.get("closeAfter"),
        "expected": "".join(f"{entry(logged)}\n" for logged in scenario["log"]),
    }
    # What JSON escapes in a text, C reads the same way.
    return "{" + ", ".join(f".{name} = {json.dumps(value)}" for name, value in values.items() if value is not None) + "}"


def table():
    rows = ",\n".join(map(row, json.loads((folder / "scenarios.json").read_text())))
    return f"static const struct scenario scenarios[] = {{\n{rows}\n}};\n"


@contextmanager
def serving():
    """The server's port, and one that leads to its TLS port: TLS is the transport's, and plain sockets have none."""
    command = ["node", str(folder / "server.mjs")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        try:
            ports = json.loads(server.stdout.readline())
            with socket.create_server(("127.0.0.1", 0)) as listener:
                threading.Thread(target=accept, args=(listener, ports["https"]), daemon=True).start()
                yield ports["http"], listener.getsockname()[1]
        finally:
            server.kill()


def accept(listener, port):
    context = ssl.create_default_context(cafile=str(folder / "../../npm/test/support/localhost.pem"))
    with suppress(OSError):
        while True:
            plain, _ = listener.accept()
            secure = context.wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname="127.0.0.1")
            for pair in ((plain, secure), (secure, plain)):
                threading.Thread(target=forward, args=pair, daemon=True).start()


def forward(source, target):
    with suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
    for end in (source, target):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
