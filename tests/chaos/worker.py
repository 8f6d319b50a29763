"""A process of the run, in Python: it publishes numbered events all the time, and serves some clients."""

import json
import os
import sys
import threading

import ssecast

name, topics = os.environ["NAME"], os.environ["TOPICS"].split(",")
options = json.loads(os.environ["OPTIONS"])
hub = ssecast.Hub(
    store=os.environ["STORE"],
    history=ssecast.History(events=options["history"]["events"], seconds=options["history"]["ms"] / 1000),
    slow_client=ssecast.SlowClient(bytes=options["slowClient"]["bytes"]),
)
stopping = threading.Event()


def publish(n: int) -> None:
    print("publishing", n, flush=True)
    try:
        published = hub.publish(topics[n % len(topics)], {"from": name, "n": n})
        print("published", n, published.id, flush=True)
    except ssecast.Error as error:
        print("refused", n, type(error).__name__, flush=True)


def publish_all() -> None:
    n = 0
    while not stopping.wait(1 / float(os.environ["PER_SECOND"])):
        n += 1
        publish(n)
    # A last one of each topic.
    for last in range(n + 1, n + 1 + len(topics)):
        publish(last)
    print("stopped", flush=True)


listener = hub.listen(("127.0.0.1", 0), query_topics=True)
print("listening", listener.address[1], flush=True)
publisher = threading.Thread(target=publish_all, daemon=True)
publisher.start()

# Stops, after a last event of each topic, and says so; ends with its input.
sys.stdin.readline()
stopping.set()
sys.stdin.read()
os._exit(0)
