"""`make dist`: every artefact of a release into one folder, with a table of them and their SHA-256 sums.

usage: dist.py [--platforms all|host|NAME,…] [--only MODULE,…] [--out DIST] [--quick] [--complete]

What this machine lacks a tool for is left out, and the table says so. What fails does not end the rest; it is named at
the end, and the exit status is 1.
"""

import argparse
import hashlib
import importlib
import shutil
import subprocess
import tomllib
from pathlib import Path

import cargo
import contents
import platforms
from release import ROOT, TEMPORARY, Artefact, Release

#: One module for each registry or kind of user; each has `build(release)`, which yields artefacts.
#: The wheels are the last: maturin has a linker of its own, so that cargo builds all anew before and after it.
KINDS = ("crates", "npm", "library", "golang", "jar", "wheels")

#: What an artefact may ask for that has libraries for several platforms.
NEWEST_GLIBC = contents.newest([platform.glibc for platform in platforms.PLATFORMS if platform.glibc])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--platforms", default="all")
    parser.add_argument("--only", default=",".join(KINDS))
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    parser.add_argument(
        "--quick", action="store_true", help="for a trial: libraries that are built quickly and run slowly"
    )
    parser.add_argument("--complete", action="store_true", help="what is left out is an error, too")
    options = parser.parse_args()
    if not options.quick:
        refuse_what_is_not_committed()
    if subprocess.run(["node", ROOT / "tests/lint/version.mjs"]).returncode != 0:
        raise SystemExit("make dist: a release has one version")

    kinds = options.only.split(",")
    out = options.out.resolve()
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    release = Release(version(), epoch(), platforms.chosen(options.platforms), out, options.quick)
    artefacts: list[Artefact] = []
    for kind in kinds:
        print(f"\n== {kind}", flush=True)
        with release.part(kind):
            for artefact in importlib.import_module(kind).build(release):
                artefacts.append(artefact)
    artefacts += [Artefact(path, note="for debuggers") for path in sorted(out.glob("symbols/*"))]
    floors, problems = check(artefacts)
    table = describe(artefacts, floors, release)
    (out / "ARTEFACTS.md").write_text(table)
    sums = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(out)}"
        for path in sorted(artefact.path for artefact in artefacts)
    ]
    (out / "SHA256SUMS").write_text("\n".join(sums) + "\n")
    print(f"\n{table}")
    problems += release.failed + (release.left_out if options.complete else [])
    if problems:
        raise SystemExit("make dist: this is no release:\n" + "\n".join(problems))


def refuse_what_is_not_committed() -> None:
    """A release is of a commit: what is in no commit could not be made again."""
    changed = subprocess.run(["git", "status", "--porcelain"], cwd=ROOT, capture_output=True, text=True, check=True)
    if changed.stdout:
        raise SystemExit(f"make dist: commit or remove what is in no commit first:\n{changed.stdout}")


def version() -> str:
    return tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]


def epoch() -> int:
    """When the commit was made, in seconds since 1970."""
    shown = subprocess.run(["git", "show", "-s", "--format=%ct"], cwd=ROOT, capture_output=True, text=True, check=True)
    return int(shown.stdout)


def check(artefacts: list[Artefact]) -> tuple[dict[Path, str | None], list[str]]:
    """Returns the oldest glibc that runs each artefact, and why some are not released: they name a folder of this
    machine, or ask for more than their platform promises."""
    # Libraries may name the system's folder for temporary files itself.
    within = [f"{folder}/" for folder in (Path.home(), Path.home().resolve(), TEMPORARY)]
    folders = [*map(str, cargo.folders()), *within]
    floors, problems = {}, []
    for artefact in artefacts:
        measured = []
        for name, data in contents.members(artefact.path.name, artefact.path.read_bytes()):
            problems += [f"{name} has a path of this machine: {path}" for path in contents.machine_paths(data, folders)]
            measured += filter(None, [contents.glibc_floor(data)])
        promised = artefact.platform.glibc if artefact.platform else NEWEST_GLIBC
        floors[artefact.path] = floor = contents.newest(measured)
        if floor and contents.newest([floor, promised or "0"]) != promised:
            problems.append(f"{artefact.path.name} needs glibc {floor}, and {promised or 'none'} is promised")
    return floors, problems


def describe(artefacts: list[Artefact], floors: dict[Path, str | None], release: Release) -> str:
    """The table of the release, in Markdown, with what was left out."""
    lines = ["| Artefact | Size | Platform | Oldest glibc | |", "|---|---:|---|---|---|"]
    for artefact in artefacts:
        size = f"{artefact.path.stat().st_size / 1024:,.0f} KiB"
        platform = artefact.platform.name if artefact.platform else "every one"
        glibc = floors.get(artefact.path) or ""
        lines.append(f"| {artefact.path.relative_to(release.out)} | {size} | {platform} | {glibc} | {artefact.note} |")
    for what, parts in (("Left out", release.left_out), ("Failed", release.failed)):
        lines += ["", f"{what}:", ""] * bool(parts) + [f"- {part}" for part in parts]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
