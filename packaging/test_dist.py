"""`make test-dist`: tries every artefact in dist/ as a user would, each trial in a fresh folder.

usage: test_dist.py [--platforms all|host|NAME,…] [--only MODULE,…] [--dist DIST]
"""

import argparse
import importlib
import sys
import tempfile
import traceback
from pathlib import Path

import dist
import platforms
from release import ROOT
from results import Results
from trial import Dist, Skipped


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--platforms", default="all")
    kinds = sorted(path.stem for path in (Path(__file__).parent / "trials").glob("*.py"))
    parser.add_argument("--only", default=",".join(kinds))
    parser.add_argument("--dist", type=Path, default=ROOT / "dist")
    options = parser.parse_args()
    files = Dist(options.dist.resolve(), dist.version(), platforms.chosen(options.platforms))
    results = Results("test-dist")
    for kind in options.only.split(","):
        for name, trial in importlib.import_module(f"trials.{kind}").trials(files).items():
            with tempfile.TemporaryDirectory(prefix="ssecast-trial-") as folder:
                try:
                    trial(Path(folder))
                except Skipped as why:
                    results.skip(f"{name}: {why}")
                except Exception:
                    results.fail(name, traceback.format_exc())
                else:
                    results.passed(name)
    return results.close()


if __name__ == "__main__":
    sys.exit(main())
