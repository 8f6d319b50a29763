#!/usr/bin/env python3
"""count.py FOLDER: the tests that the suites' reports in a folder tell of, as `N passed, N failed, N skipped`.

A report is JUnit's XML (node:test, pytest), or a file of results with a line a test: `ok`, `failed` or `ignored`, and its name
(libtest, and tests/report/results.py).
"""

import sys
from pathlib import Path
from xml.etree import ElementTree

RESULTS = {"ok": "passed", "failed": "failed", "ignored": "skipped"}


def outcomes(report):
    if report.suffix == ".results":
        for line in report.read_text(errors="replace").splitlines():
            yield RESULTS[line.split(" ", 1)[0]]
        return
    for case in ElementTree.parse(report).iter("testcase"):
        failed = case.find("failure") is not None or case.find("error") is not None
        yield "failed" if failed else "skipped" if case.find("skipped") is not None else "passed"


def main():
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for report in sorted(Path(sys.argv[1]).iterdir()):
        for outcome in outcomes(report):
            counts[outcome] += 1
    print(", ".join(f"{number} {outcome}" for outcome, number in counts.items()))


if __name__ == "__main__":
    main()
