"""The archive of the Java classes with the library for each platform in it, so that one dependency is all."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import archive
import library
from release import ROOT, TEMPORARY, Artefact, Missing, Release

sys.path.insert(0, str(ROOT / "tests" / "consumers"))
import toolchains

SOURCES = ROOT / "bindings" / "java"
#: The oldest Java that runs the classes, and the one that has another way to call C.
OLDEST, FOREIGN = "17", "22"
#: Where the classes look: ssecast.NativeLibrary.
NATIVE = "ssecast/native"
MANIFEST = (
    "Manifest-Version: 1.0\nAutomatic-Module-Name: ssecast\nImplementation-Version: {version}\nMulti-Release: true\n\n"
)

Files = dict[str, bytes]


def build(release: Release) -> Iterator[Artefact]:
    out = release.out / "java"
    out.mkdir()
    stage = TEMPORARY / "jar"
    shutil.rmtree(stage, ignore_errors=True)
    stage.mkdir(parents=True)
    try:
        jna = toolchains.jna(stage)
    except OSError as error:
        raise Missing(f"Maven does not get JNA: {error}") from error
    newer = toolchains.newest_java(int(FOREIGN))
    if not newer and not release.quick:
        raise Missing(f"it needs a JDK of version {FOREIGN} or later in /usr/lib/jvm, besides {OLDEST}")
    classes = compiled(release, stage / "classes", OLDEST, "src", jna)
    sources = below(SOURCES / "src")
    if newer:
        foreign = compiled(release, stage / "foreign", FOREIGN, "src22", f"{jna}:{stage / 'classes'}", newer)
        classes |= versioned(foreign)
        sources |= versioned(below(SOURCES / "src22"))
    platforms = []
    for platform in filter(library.is_for, release.platforms):
        with release.part(f"java/library for {platform.name}"):
            name = platform.library("ssecast")
            classes[f"{NATIVE}/{platform.name}/{name}"] = (library.stripped(release, platform) / name).read_bytes()
            platforms.append(platform)
    classes[f"{NATIVE}/platforms"] = "".join(f"{platform.name}\n" for platform in platforms).encode()
    command = [
        "-quiet",
        "-Xdoclint:none",
        "-encoding",
        "UTF-8",
        "-notimestamp",
        "-classpath",
        jna,
        "-d",
        stage / "javadoc",
    ]
    release.run("javadoc", *command, *sorted((SOURCES / "src").rglob("*.java")))
    note = f"for {', '.join(platform.name for platform in platforms)}" + (
        "" if newer else f"; without the calls of Java {FOREIGN}"
    )
    name = f"ssecast-{release.version}"
    yield jar(release, out / f"{name}.jar", classes, note)
    yield jar(release, out / f"{name}-sources.jar", sources)
    yield jar(release, out / f"{name}-javadoc.jar", below(stage / "javadoc"))
    shutil.copy(SOURCES / "pom.xml", out / f"{name}.pom")
    yield Artefact(out / f"{name}.pom")


def compiled(
    release: Release, folder: Path, version: str, name: str, path: Path | str, jdk: Path | None = None
) -> Files:
    files = sorted((SOURCES / name).rglob("*.java"))
    javac = jdk / "javac" if jdk else "javac"
    release.run(javac, "--release", version, "-encoding", "UTF-8", "-classpath", path, "-d", folder, *files)
    return below(folder)


def below(folder: Path) -> Files:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def versioned(files: Files) -> Files:
    """Files that older versions of Java do not see, nor tools that can't read their format."""
    return {f"META-INF/versions/{FOREIGN}/{name}": data for name, data in files.items()}


def jar(release: Release, path: Path, files: Files, note: str = "") -> Artefact:
    licences = {f"META-INF/{name}": (ROOT / name).read_bytes() for name in library.LICENCES}
    # The manifest has to be the first of all.
    first = {"META-INF/MANIFEST.MF": MANIFEST.format(version=release.version).encode()}
    path.write_bytes(archive.zip(first | licences | dict(sorted(files.items())), release.epoch))
    return Artefact(path, note=note)
