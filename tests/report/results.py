"""What suites without a runner of their own say of their tests: a line each in a file of the folder that REPORTS names."""

import os
from pathlib import Path


class Results:
    """Prints each result as it comes; `close` prints their number, writes them down, and returns the suite's exit code."""

    def __init__(self, suite):
        self.suite, self.lines, self.failed = suite, [], 0

    def passed(self, name):
        print(f"ok {name}", flush=True)
        self.lines.append(f"ok {name}")

    def fail(self, name, detail=""):
        print(f"FAILED {name}\n{detail}", flush=True)
        self.lines.append(f"failed {name}".replace("\n", " "))
        self.failed += 1

    def skip(self, why):
        print(f"skipped: {why}", flush=True)
        self.lines.append(f"ignored {why}")

    def close(self):
        print(f"{self.suite}: {len(self.lines)} results, {self.failed} failed", flush=True)
        folder = os.environ.get("REPORTS")
        if folder:
            Path(folder, f"{self.suite}.results").write_text("".join(f"{line}\n" for line in self.lines))
        return 1 if self.failed else 0
