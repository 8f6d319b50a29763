"""An interpreter that exits while it has a listener."""

import socket
import subprocess
import sys
import threading

PATIENCE = 30.0


def run(program: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-X", "dev", "-W", "error", "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


EXIT = """
import sys, threading, time
from ssecast import Hub
hub, asked = Hub(), threading.Semaphore(0)
def topics(request):
    asked.release()
    return ["t"]
listener = hub.listen(topics=topics)
print(listener.address[1], flush=True)
for _ in range(100):
    asked.acquire()
sys.exit(7)
"""


def test_an_interpreter_with_an_open_listener_exits_while_requests_come() -> None:
    process = run(EXIT)
    assert process.stdout is not None
    address = ("127.0.0.1", int(process.stdout.readline()))
    over = threading.Event()

    def flood() -> None:
        while not over.is_set():
            try:
                with socket.create_connection(address, timeout=PATIENCE) as client:
                    client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                    client.recv(100)
            except OSError:
                return

    clients = [threading.Thread(target=flood) for _ in range(4)]
    for client in clients:
        client.start()
    try:
        _, errors = process.communicate(timeout=PATIENCE)
    finally:
        over.set()
        process.kill()
        for client in clients:
            client.join()
    assert (process.returncode, errors) == (7, "")


UNDER_WAY = """
import sys, threading, time
from ssecast import Hub
hub, asked = Hub(), threading.Event()
def topics(request):
    asked.set()
    time.sleep(0.2)
    print("answered", flush=True)
    return ["t"]
print(hub.listen(topics=topics).address[1], flush=True)
asked.wait()
sys.exit(7)
"""


def test_an_interpreter_does_not_exit_in_the_middle_of_an_answer() -> None:
    process = run(UNDER_WAY)
    assert process.stdout is not None
    with socket.create_connection(("127.0.0.1", int(process.stdout.readline())), timeout=PATIENCE) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        output, errors = process.communicate(timeout=PATIENCE)
    assert (process.returncode, output, errors) == (7, "answered\n", "")
