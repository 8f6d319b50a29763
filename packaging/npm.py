"""The npm packages: `ssecast`, one with the addon for each platform, and one of eventsource-parser's name."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import cargo
import symbols
from platforms import Platform
from release import ROOT, Artefact, Release

STAGE = ROOT / "target" / "dist" / "npm"
LICENCES = ("LICENSE-APACHE", "LICENSE-MIT")
#: What only the repository has a use for.
OF_DEVELOPMENT = ("scripts", "devDependencies", "overrides", "napi")


def build(release: Release) -> Iterator[Artefact]:
    shutil.rmtree(STAGE, ignore_errors=True)
    STAGE.mkdir(parents=True)
    source = compiled(release)
    addons = []
    for platform in release.platforms:
        with release.part(f"npm/{package(platform)}"):
            addons.append(addon(release, platform))
    yield main(release, source, [addon.platform for addon in addons])
    yield pack(release, source / "alias", read(source / "alias"))
    yield from addons


def compiled(release: Release) -> Path:
    """The package's folder as git has it, with its TypeScript compiled: nothing that was built before is in it."""
    # In a quick trial that is what was changed since the last commit, too.
    # A file that was only touched is no change, but makes `git stash` fail.
    subprocess.run(["git", "update-index", "-q", "--refresh"], cwd=ROOT, check=False)
    stash = ["git", "-c", "user.name=ssecast", "-c", "user.email=ssecast", "stash", "create"]
    changed = subprocess.run(stash, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    archive = subprocess.run(["git", "archive", changed or "HEAD", "npm"], cwd=ROOT, stdout=subprocess.PIPE, check=True)
    subprocess.run(["tar", "-x", "-C", STAGE], input=archive.stdout, check=True)
    source = STAGE / "npm"
    (source / "node_modules").symlink_to(ROOT / "npm" / "node_modules")
    release.run("node", "build.mjs", cwd=source)
    return source


def main(release: Release, source: Path, platforms: list[Platform]) -> Artefact:
    """`ssecast`, which has no addon inside: npm chooses one of its optional dependencies by the platform."""
    manifest = read(source)
    manifest["files"].remove("*.node")
    # Only here: `npm ci` in a clone would look for them in the registry, before they are there.
    manifest["optionalDependencies"] = {package(platform): release.version for platform in platforms}
    return pack(release, source, manifest)


def addon(release: Release, platform: Platform) -> Artefact:
    """The package that npm installs on `platform` alone."""
    name = package(platform)
    folder = STAGE / suffix(platform)
    folder.mkdir()
    file = f"ssecast.{suffix(platform)}.node"
    library = cargo.build(release, platform, "ssecast-node") / platform.library("ssecast_node")
    symbols.strip(release, library, file, folder / file)
    (folder / "README.md").write_text(
        f"# {name}\n\nThe addon of [ssecast](https://www.npmjs.com/package/ssecast) for {platform.name}: "
        "a dependency that npm chooses, for no use by itself.\n"
    )
    manifest = read(ROOT / "npm")
    return pack(
        release,
        folder,
        {
            "name": name,
            "version": release.version,
            "description": f"The addon of ssecast for {platform.name}",
            **{key: manifest[key] for key in ("license", "repository", "engines")},
            "os": [platform.system],
            "cpu": [platform.processor],
            **({"libc": ["musl" if platform.is_musl else "glibc"]} if platform.system == "linux" else {}),
            "main": file,
            "files": [file, *LICENCES],
            # An addon can't be loaded out of an archive.
            "preferUnplugged": True,
        },
        platform,
    )


def read(folder: Path) -> dict:
    return json.loads((folder / "package.json").read_text())


def package(platform: Platform) -> str:
    """The name of the package for `platform`, as the loader that napi generates asks for it."""
    return f"{read(ROOT / 'npm')['napi']['packageName']}-{suffix(platform)}"


def suffix(platform: Platform) -> str:
    """How the loader names a platform. Node for Windows is Microsoft's compiler's, and takes others' libraries."""
    return f"{platform.name}-msvc" if platform.system == "win32" else platform.name


def pack(release: Release, folder: Path, manifest: dict, platform: Platform | None = None) -> Artefact:
    """Packs a folder: npm writes its files in their order, with one time and without an owner."""
    kept = {key: value for key, value in manifest.items() if key not in OF_DEVELOPMENT}
    (folder / "package.json").write_text(json.dumps(kept, indent=2) + "\n")
    for licence in LICENCES:
        shutil.copy(ROOT / licence, folder / licence)
    out = release.out / "npm"
    out.mkdir(exist_ok=True)
    release.run("npm", "pack", "--silent", "--ignore-scripts", "--pack-destination", out, cwd=folder)
    note = "" if platform is None or platform.system == "linux" else "built, not run"
    return Artefact(packed(release, manifest["name"]), platform, note)


def packed(release: Release, name: str) -> Path:
    """The file that npm packs the package `name` into."""
    return release.out / "npm" / f"{name.removeprefix('@').replace('/', '-')}-{release.version}.tgz"
