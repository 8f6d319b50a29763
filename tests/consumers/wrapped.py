"""Which functions of include/ssecast.h the C++ wrapper leaves out, though it should have all of them."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bindings/c/tests"))

from header import Header  # noqa: E402

# What C++ has in another way.
OTHERWISE = {
    "ssecast_slice_of": "slice() makes one of a view",
    "ssecast_event_init": "the constructor of Event sets every field",
    "ssecast_connection_user_data": "the functions that a stream is given capture what they need",
}


def left_out():
    text = (ROOT / "include/ssecast.hpp").read_text()
    used = set(re.findall(r"\bssecast_\w+", re.sub(r"//[^\n]*", "", text)))
    declared = {name for name, _, _ in Header().functions}
    stale = sorted(name for name in OTHERWISE if name not in declared or name in used)
    return sorted(declared - used - OTHERWISE.keys()) + [f"{name}, which is listed as an exception" for name in stale]
