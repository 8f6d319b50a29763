"""From the engine to Python: what is to be done for the connections of one event loop, or of one thread.

The engine fills a queue and makes a descriptor readable. The event loop, or the thread, takes what there is and calls
the receiver of each connection. One wake-up serves all connections, however many events there are.
"""
