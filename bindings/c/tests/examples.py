#!/usr/bin/env python3
"""Builds the examples as their first lines say, runs them, and talks to them.

examples.py PREFIX WORK
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from results import Results

here = Path(__file__).resolve().parent
examples = here.parent / "examples"
SECONDS = 60


class Example:
    """A server program that says its URL on its first line."""

    def __init__(self, *command):
        self.process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        self.url = self.process.stdout.readline().strip()
        _, self.port, self.path = re.match(r"http://([^:]+):(\d+)(/.*)$", self.url).groups()
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def ask(self, target=None, headers=""):
        client = socket.create_connection(("127.0.0.1", int(self.port)), timeout=SECONDS)
        client.sendall(f"GET {target or self.path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n".encode())
        return client


def read_until(client, pattern):
    """Reads until there is a match, and returns it."""
    got = ""
    while not (found := re.search(pattern, got)):
        more = client.recv(4096)
        assert more, f"the connection ended before {pattern!r}: {got}"
        got += more.decode()
    return found


def build(prefix, work, name, *flags):
    program = work / name
    lib = prefix / "lib"
    subprocess.run(["cc", "-std=gnu11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", f"-I{prefix}/include",
                    str(examples / f"{name}.c"), "-o", str(program), f"-L{lib}", f"-Wl,-rpath,{lib}", "-lssecast", "-lpthread",
                    *flags], check=True)
    return program


class Skipped(Exception):
    pass


def libcurl(work):
    """What the compiler needs for libcurl. Where only the library is installed, its headers come as Debian's package, which is
    unpacked in the folder of what is built."""
    if shutil.which("pkg-config"):
        found = subprocess.run(["pkg-config", "--cflags", "--libs", "libcurl"], capture_output=True, text=True)
        if found.returncode == 0:
            return found.stdout.split()
    if not list(work.glob("curl/usr/include/*/curl/curl.h")) and shutil.which("apt-get") and shutil.which("dpkg-deb"):
        subprocess.run(["apt-get", "--quiet", "download", "libcurl4-openssl-dev"], cwd=work, capture_output=True, timeout=SECONDS)
        for package in work.glob("libcurl4-openssl-dev_*.deb"):
            subprocess.run(["dpkg-deb", "--extract", package, work / "curl"], check=True)
    for header in work.glob("curl/usr/include/*/curl/curl.h"):
        flags = [f"-I{header.parent.parent}", "-l:libcurl.so.4"]
        program = subprocess.run(["cc", "-x", "c", "-", "-o", "/dev/null", *flags], input=b"int main(void) { return 0; }", capture_output=True)
        if program.returncode == 0:
            return flags
    raise Skipped("libcurl's headers are not installed (Debian: apt-get install libcurl4-openssl-dev)")


def serves_and_resumes(program, address):
    with Example(program, address) as server:
        with server.ask() as client:
            first = read_until(client, r"(?s)^HTTP/1.1 200 OK\r\n.*text/event-stream.*id: (\S+)\ndata: (\d+)\n\n")
        with server.ask(headers=f"Last-Event-ID: {first[1]}\r\n") as client:
            again = read_until(client, r"(?s)^(.*?)\ndata: (\d+)\n\n")
        assert int(again[2]) == int(first[2]) + 1 and "reset" not in again[1], again[0]


def listen_is_a_whole_server(prefix, work):
    program = build(prefix, work, "listen")
    serves_and_resumes(program, "127.0.0.1:0")
    with Example(program, "127.0.0.1:0") as server, server.ask("/elsewhere") as client:
        read_until(client, r"^HTTP/1.1 404 ")


def attach_accepts_and_hands_over(prefix, work):
    program = build(prefix, work, "attach")
    serves_and_resumes(program, "0")
    with Example(program, "0") as server:
        with server.ask() as client:
            read_until(client, r"data: \d")
        assert server.process.stdout.readline() == "a client left (0)\n"


def parse_reads_standard_input(prefix, work):
    program = build(prefix, work, "parse")
    stream = "id: 7\nevent: tick\ndata: one\n\ndata: two\n\n: ignored\n\ndata: cut off"
    done = subprocess.run([program], input=stream, capture_output=True, text=True, timeout=SECONDS, check=True)
    assert done.stdout == "tick: one\nmessage: two\n2 events, the last id is '7'\n", done.stdout


def workers_share_their_clients(prefix, work):
    program = build(prefix, work, "workers")
    with tempfile.TemporaryDirectory() as folder:
        # The child ends with its parent's group.
        process = subprocess.Popen([program, f"file:{folder}/events"], stdout=subprocess.PIPE, text=True, start_new_session=True)
        try:
            ports = [int(re.search(r":(\d+)/", process.stdout.readline())[1]) for _ in range(2)]
            last = None
            for port in ports:
                with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as client:
                    resumed = f"Last-Event-ID: {last}\r\n" if last else ""
                    client.sendall(f"GET /?topic=ticks HTTP/1.1\r\nHost: localhost\r\n{resumed}\r\n".encode())
                    seen = read_until(client, r"(?s)^(.*data: child .*data: parent |.*data: parent .*data: child ).*?\n\n")[0]
                assert "reset" not in seen, seen
                numbers = [int(number) for number in re.findall(r"id: \S+-(\d+)\ndata", seen)]
                first = int(last.rpartition("-")[2]) + 1 if last else numbers[0]
                assert numbers == list(range(first, first + len(numbers))), seen
                last = re.findall(r"id: (\S+)\ndata", seen)[-1]
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            process.stdout.close()


class Scripted(BaseHTTPRequestHandler):
    """Redirects, cuts a stream within an event, and goes on where the client says that it was."""

    def do_GET(self):
        self.server.seen.append((self.path, self.headers["Accept"], self.headers["Last-Event-ID"]))
        if self.path == "/old":
            self.send_response(302)
            self.send_header("Location", "/new")
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        first = "retry: 100\nid: 1\nevent: tick\ndata: one\n\nid: 2\ndata: tw"
        self.wfile.write((first if len(self.server.seen) < 3 else "id: 2\ndata: two\n\nid: 3\ndata: three\n\n").encode())

    def log_message(self, *_):
        pass


def client_follows_redirects_and_resumes(prefix, work):
    program = build(prefix, work, "client", *libcurl(work))
    with ThreadingHTTPServer(("127.0.0.1", 0), Scripted) as server:
        server.seen = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/old"
        done = subprocess.run([program, url, "3"], capture_output=True, text=True, timeout=SECONDS, check=True)
        server.shutdown()
    assert done.stdout == "tick: one\nmessage: two\nmessage: three\n", done.stdout
    assert done.stderr == "the server ended the stream\n", done.stderr
    stream = "text/event-stream"
    assert server.seen == [("/old", stream, None), ("/new", stream, None), ("/old", stream, "1"), ("/new", stream, "1")], server.seen


def main():
    prefix, work = (Path(argument).resolve() for argument in sys.argv[1:3])
    work.mkdir(parents=True, exist_ok=True)
    results = Results("c-examples")
    for test in (listen_is_a_whole_server, attach_accepts_and_hands_over, parse_reads_standard_input,
                 workers_share_their_clients, client_follows_redirects_and_resumes):
        try:
            test(prefix, work)
            results.passed(test.__name__.replace("_", " "))
        except Skipped as why:
            results.skip(f"{test.__name__.replace('_', ' ')}: {why}")
        except (AssertionError, OSError, subprocess.SubprocessError) as error:
            results.fail(test.__name__.replace("_", " "), repr(error))
    return results.close()


if __name__ == "__main__":
    sys.exit(main())
