#!/usr/bin/env python3
"""Builds the examples as their first lines say, runs them, and talks to them.

examples.py PREFIX WORK
"""

import re
import socket
import subprocess
import sys
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


def build(prefix, work, name):
    program = work / name
    lib = prefix / "lib"
    subprocess.run(["cc", "-std=gnu11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", f"-I{prefix}/include",
                    str(examples / f"{name}.c"), "-o", str(program), f"-L{lib}", f"-Wl,-rpath,{lib}", "-lssecast", "-lpthread"],
                   check=True)
    return program


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


def main():
    prefix, work = (Path(argument).resolve() for argument in sys.argv[1:3])
    work.mkdir(parents=True, exist_ok=True)
    results = Results("c-examples")
    for test in (listen_is_a_whole_server, attach_accepts_and_hands_over, parse_reads_standard_input):
        try:
            test(prefix, work)
            results.passed(test.__name__.replace("_", " "))
        except (AssertionError, OSError, subprocess.SubprocessError) as error:
            results.fail(test.__name__.replace("_", " "), repr(error))
    return results.close()


if __name__ == "__main__":
    sys.exit(main())
