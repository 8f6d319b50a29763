"""The crates, as crates.io gets them."""

import subprocess
from collections.abc import Iterator

from release import ROOT, Artefact, Release


def build(release: Release) -> Iterator[Artefact]:
    release.run("make", "package-crates")
    for crate in sorted((ROOT / "target" / "package").glob(f"*-{release.version}.crate")):
        copy = release.out / "crates" / crate.name
        copy.parent.mkdir(exist_ok=True)
        subprocess.run(["cp", crate, copy], check=True)
        yield Artefact(copy)
