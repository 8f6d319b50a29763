#!/usr/bin/env python3
"""corpus.py unpack|pack TARGET: the corpus of a fuzz target, between its one file in git and the folder that a fuzzer works on.

fuzz/corpus/TARGET.jsonl has an input a line: a JSON string whose characters U+0000 to U+00FF are the input's bytes.
"""

import json
import shutil
import sys
from hashlib import sha1
from pathlib import Path

CORPUS = Path(__file__).resolve().parent / "corpus"


def unpack(target):
    shutil.rmtree(CORPUS / target, ignore_errors=True)
    (CORPUS / target).mkdir()
    for line in (CORPUS / f"{target}.jsonl").read_text().splitlines():
        content = json.loads(line).encode("latin-1")
        (CORPUS / target / sha1(content).hexdigest()).write_bytes(content)


def pack(target):
    inputs = sorted((file.read_bytes() for file in (CORPUS / target).iterdir()), key=lambda content: (len(content), content))
    lines = [json.dumps(content.decode("latin-1")) for content in inputs]
    (CORPUS / f"{target}.jsonl").write_text("".join(f"{line}\n" for line in lines))
    shutil.rmtree(CORPUS / target)


if __name__ == "__main__":
    {"unpack": unpack, "pack": pack}[sys.argv[1]](sys.argv[2])
