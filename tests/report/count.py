#!/usr/bin/env python3
"""count.py FOLDER: the tests that the suites' reports in a folder tell of, as `N passed, N failed, N skipped`, and on stderr
which failed and why.

A report is JUnit's XML (node:test, pytest), or a file of results with a line a test: `ok`, `failed` or `ignored`, and its name
(libtest, and tests/report/results.py).
"""

import sys
from pathlib import Path
from xml.etree import ElementTree

RESULTS = {"ok": "passed", "failed": "failed", "ignored": "skipped"}


# Of what a failed test says: enough for an assertion's message and the place.
SHOWN = 1500


def outcomes(report):
    """Yields each test's outcome, and what is to be said of one that failed."""
    if report.suffix == ".results":
        for line in report.read_text(errors="replace").splitlines():
            result, name = line.split(" ", 1)
            yield RESULTS[result], name
        return
    for case in ElementTree.parse(report).iter("testcase"):
        failure = next((case.find(kind) for kind in ("failure", "error") if case.find(kind) is not None), None)
        if failure is not None:
            yield "failed", f"{case.get('name')}\n{(failure.text or failure.get('message') or '').strip()[:SHOWN]}"
        else:
            yield "skipped" if case.find("skipped") is not None else "passed", ""


def main():
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for report in sorted(Path(sys.argv[1]).iterdir()):
        for outcome, said in outcomes(report):
            counts[outcome] += 1
            if outcome == "failed":
                print(f"\nfailed in {report.stem}: {said}", file=sys.stderr)
    print(", ".join(f"{number} {outcome}" for outcome, number in counts.items()))


if __name__ == "__main__":
    main()
