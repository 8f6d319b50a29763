"""Real servers as processes of their own, and how they are ended."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

HERE = Path(__file__).parent
APPS = HERE / "apps"
# For localhost and 127.0.0.1, until 2126; the key and the certificate.
CERTIFICATE = HERE.parents[1] / "npm/test/support/localhost.pem"
# What is long past anything that works.
PATIENCE = 30.0
# Servers end within two seconds; a machine that has much else to do takes longer. Left alone, they would wait for ever.
SOON = 6.0

# The command lines, for an app and a port. Each is run by this interpreter with `-m` or `-c`.
ASGI: dict[str, Sequence[str]] = {
    "uvicorn-httptools": ("uvicorn", "{app}", "--port={port}", "--http=httptools", "--loop=asyncio"),
    "uvicorn-h11": ("uvicorn", "{app}", "--port={port}", "--http=h11", "--loop=asyncio"),
    "uvicorn-uvloop": ("uvicorn", "{app}", "--port={port}", "--http=httptools", "--loop=uvloop"),
    "uvicorn-uvloop-h11": ("uvicorn", "{app}", "--port={port}", "--http=h11", "--loop=uvloop"),
    "hypercorn": ("hypercorn", "{app}", "--bind=127.0.0.1:{port}"),
    "granian": ("granian", "{app}", "--interface=asgi", "--port={port}", "--workers=1"),
    "daphne": ("daphne", "{app}", "--port={port}"),
    "gunicorn-uvicorn": (
        "gunicorn",
        "{app}",
        "--bind=127.0.0.1:{port}",
        "--worker-class=uvicorn.workers.UvicornWorker",
    ),
    "gunicorn-asgi": ("gunicorn", "{app}", "--bind=127.0.0.1:{port}", "--worker-class=asgi"),
}
# werkzeug's server is called, not run: it has no command line of its own.
WERKZEUG = """
import sys, importlib, werkzeug.serving
module, name = "{app}".split(":")
app = getattr(importlib.import_module(module), name)
werkzeug.serving.run_simple("127.0.0.1", {port}, app, threaded={threaded}, processes={processes}, ssl_context={tls})
"""
# ssecast is imported before Python's waits are replaced, or after that.
GREENLETS = {
    "gevent": """
{first}
from gevent import monkey; monkey.patch_all()
{then}
import importlib
from gevent.pywsgi import WSGIServer
module, name = "{{app}}".split(":")
WSGIServer(("127.0.0.1", {{port}}), getattr(importlib.import_module(module), name), log=None).serve_forever()
""",
    "eventlet": """
{first}
import warnings; warnings.simplefilter("ignore")
# Its resolver would load trio, which does not bear its patches.
import os; os.environ["EVENTLET_NO_GREENDNS"] = "yes"
import eventlet; eventlet.monkey_patch()
{then}
import importlib
from eventlet import wsgi
module, name = "{{app}}".split(":")
wsgi.server(eventlet.listen(("127.0.0.1", {{port}})), getattr(importlib.import_module(module), name))
""",
}
WSGI: dict[str, Sequence[str]] = {
    "gunicorn-sync": ("gunicorn", "{app}", "--bind=127.0.0.1:{port}", "--no-control-socket"),
    "gunicorn-gthread": (
        "gunicorn",
        "{app}",
        "--bind=127.0.0.1:{port}",
        "--no-control-socket",
        "--worker-class=gthread",
        "--threads=4",
    ),
    "waitress": ("waitress", "--listen=127.0.0.1:{port}", "{app}"),
    "werkzeug": ("-c", WERKZEUG.replace("{threaded}", "False").replace("{processes}", "1")),
    "werkzeug-threaded": ("-c", WERKZEUG.replace("{threaded}", "True").replace("{processes}", "1")),
}
# It is a program of its own, and loads the application before it forks.
UWSGI = """
import os, pathlib, sys
uwsgi = str(pathlib.Path(sys.executable).with_name("uwsgi"))
os.execv(uwsgi, [uwsgi, "--http-socket=127.0.0.1:{port}", "--module={app}", "--master", "--need-app", "--die-on-term",
    "--processes=2", "--threads=4", "--enable-threads", "--worker-reload-mercy=1", "--virtualenv=" + sys.prefix])
"""
FORKING_WSGI: dict[str, Sequence[str]] = {"uwsgi": ("-c", UWSGI)}
# Their threads are greenlets, and their sockets not Python's own: so they keep their connections.
GREENLET_WSGI: dict[str, Sequence[str]] = {
    "gunicorn-gevent": ("gunicorn", "{app}", "--bind=127.0.0.1:{port}", "--no-control-socket", "--worker-class=gevent"),
    "gevent": ("-c", GREENLETS["gevent"].format(first="", then="import ssecast.wsgi")),
    "gevent-late": ("-c", GREENLETS["gevent"].format(first="import ssecast.wsgi", then="")),
    "eventlet": ("-c", GREENLETS["eventlet"].format(first="", then="import ssecast.wsgi")),
    "eventlet-late": ("-c", GREENLETS["eventlet"].format(first="import ssecast.wsgi", then="")),
}
# Of which each request has a process of its own: for tests of that alone.
WERKZEUG_PROCESSES = ("-c", WERKZEUG.replace("{threaded}", "False").replace("{processes}", "4"))
TLS: dict[str, Sequence[str]] = {
    "uvicorn": ("--ssl-certfile={certificate}", "--ssl-keyfile={certificate}"),
    "hypercorn": ("--certfile={certificate}", "--keyfile={certificate}"),
    "granian": ("--ssl-certificate={certificate}", "--ssl-keyfile={certificate}"),
    "gunicorn": ("--certfile={certificate}", "--keyfile={certificate}"),
}


# Below those that the system gives to clients. Each of the two processes that run tests has its own.
FIRST = 20_000 + 6_000 * (os.environ.get("PYTEST_XDIST_WORKER") == "gw1")
PORTS = iter(range(FIRST + os.getpid() % 4_000, FIRST + 6_000))


def free_port() -> int:
    """A port at which no process listens."""
    for port in PORTS:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no port is free")


class Server:
    """A server process that takes connections at ``port``."""

    def __init__(
        self, arguments: Sequence[str], port: int, output: IO[bytes], *, tls: bool = False, **environment: str
    ) -> None:
        self.port = port
        self.tls = tls
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
        self._output = output
        self.process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=APPS,
            env={**os.environ, "PYTHONUNBUFFERED": "1", "PORT": str(port), **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
            # A group of its own: what a server forks can be ended with it.
            start_new_session=True,
        )
        try:
            self._wait()
        except BaseException:
            self.kill()
            raise

    def _wait(self) -> None:
        """Waits until it takes connections."""
        until = time.monotonic() + PATIENCE
        while True:
            assert self.process.poll() is None, f"the server did not start:\n{self.output}"
            assert time.monotonic() < until, f"the server does not listen:\n{self.output}"
            with suppress(ConnectionRefusedError):
                return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE).close()
            time.sleep(0.02)

    @property
    def output(self) -> str:
        """What the server has written."""
        # The process has the same place in the file.
        return os.pread(self._output.fileno(), 1 << 20, 0).decode(errors="replace")

    def connect(self) -> socket.socket:
        """A connection, with TLS if it is that kind of server."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
        if not self.tls:
            return connection
        context = ssl.create_default_context(cafile=CERTIFICATE)
        context.set_alpn_protocols(["http/1.1"])
        return context.wrap_socket(connection, server_hostname="localhost")

    def get(self, path: str, *, method: str = "GET", headers: dict[str, str] | None = None) -> Any:
        """The JSON that an ordinary request is answered with."""
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        client.sock = self.connect()
        try:
            client.request(method, path, headers={"Connection": "close", **(headers or {})})
            response = client.getresponse()
            body = response.read()
            assert response.status == 200, (response.status, body, self.output)
            return json.loads(body or "null")
        finally:
            client.close()

    def eventually(self, path: str, expected: Any) -> None:
        """Waits until a request is answered with this."""
        until = time.monotonic() + PATIENCE
        while (answer := self.get(path)) != expected:
            assert time.monotonic() < until, f"{path} is {answer}, not {expected}:\n{self.output}"
            time.sleep(0.02)

    def logged(self, text: str) -> None:
        """Waits until the server has written this."""
        until = time.monotonic() + PATIENCE
        while text not in self.output:
            assert time.monotonic() < until, f"{text!r} was not written:\n{self.output}"
            time.sleep(0.02)

    def terminate(self, how: signal.Signals = signal.SIGTERM) -> float:
        """Asks the server to end, waits until it has, and returns the seconds that it took."""
        begin = time.monotonic()
        self.process.send_signal(how)
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the server does not end:\n{self.output}") from None
        return time.monotonic() - begin

    def kill(self) -> None:
        """Ends it, and whatever it has forked."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@contextmanager
def serve(arguments: Sequence[str], *, tls: bool = False, **environment: str) -> Iterator[Server]:
    """Runs ``python *arguments``; ``{port}`` in an argument is the port. It listens there when the block begins."""
    port = free_port()
    with tempfile.TemporaryFile() as output:
        server = Server([argument.format(port=port) for argument in arguments], port, output, tls=tls, **environment)
        try:
            yield server
        finally:
            server.kill()


@contextmanager
def serve_asgi(name: str, app: str, *extra: str, tls: bool = False, **environment: str) -> Iterator[Server]:
    """Runs an app (``module:name``, in tests/apps) on a server of ``ASGI``."""
    if name == "aiohttp":
        certificate = {"CERTIFICATE": str(CERTIFICATE)} if tls else {}
        with serve(["aiohttp_server.py"], tls=tls, **certificate, **environment) as server:
            yield server
        return
    command = [*ASGI[name], *extra]
    if tls:
        command += TLS[name.partition("-")[0]]
    values = {"app": app, "port": "{port}", "certificate": CERTIFICATE}
    with serve(["-m", *(argument.format(**values) for argument in command)], tls=tls, **environment) as server:
        yield server


@contextmanager
def serve_wsgi(name: str, app: str, *extra: str, tls: bool = False, **environment: str) -> Iterator[Server]:
    """Runs an app (``module:name``, in tests/apps) on a server of one of these tables."""
    known = {**WSGI, **FORKING_WSGI, **GREENLET_WSGI, "werkzeug-processes": WERKZEUG_PROCESSES}
    first, *rest = (*known[name], *extra)
    if tls and first != "-c":
        rest += TLS[name.partition("-")[0]]
    certificate = f"({str(CERTIFICATE)!r}, {str(CERTIFICATE)!r})" if first == "-c" and tls else CERTIFICATE
    values = {"app": app, "port": "{port}", "certificate": certificate, "tls": certificate if tls else None}
    command = ["-c", *rest] if first == "-c" else ["-m", first, *rest]
    with serve([argument.format(**values) for argument in command], tls=tls, **environment) as server:
        yield server
