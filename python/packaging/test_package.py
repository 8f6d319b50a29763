"""What is uploaded, as a user gets it: built, installed where nothing else is, and used from somewhere else.

The wheel's platform tag is that of the machine that builds it; wheels for other platforms are made at a release.
"""

import os
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

PYTHON = Path(__file__).parents[1]
ROOT = PYTHON.parent
PACKAGE = PYTHON / "ssecast"
VERSION = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
LICENCES = {"LICENSE-APACHE", "LICENSE-MIT"}
# The tools are this environment's. Cargo has all that it needs since the package was built for the other tests, and
# compiles beside what it compiled then.
ENVIRONMENT = {
    **os.environ,
    "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    "CARGO_NET_OFFLINE": "true",
    "CARGO_TARGET_DIR": str(ROOT / os.environ.get("CARGO_TARGET_DIR", "target")),
}
SMOKE = """
import asyncio, importlib.metadata, socket, sys
import ssecast, ssecast.asgi, ssecast.wsgi
from ssecast import Event, Hub, Parser, _native, encode, iter_events

assert Parser().feed(encode(Event({"now": 1}, event="tick"))) == [Event('{"now":1}', event="tick")]
assert [event.data for event in iter_events([b"data: on", b"e\\n\\n"])] == ["one"]

hub = Hub()
with hub.subscribe("ticks") as events:
    published = hub.publish("ticks", "1")
    assert next(events).id == published.id

async def main():
    async with hub.subscribe("ticks", last_event_id="0-0") as events:
        assert (await anext(events)).event == "reset"
asyncio.run(main())

ours, theirs = socket.socketpair()
deliveries = _native.DeliveryQueue(hub)
deliveries.attach_socket(deliveries.open(("ticks",), None), ours.fileno(), False, False)
hub.publish("ticks", "2")
received = b""
while b"data: 2" not in received:
    received += theirs.recv(1000)

try:
    ssecast.EventSource("http://localhost")
except ModuleNotFoundError as error:
    assert "ssecast[client]" in str(error)

try:
    hub.publish("ticks", "1", id="two\\nlines")
except ssecast.InvalidIdError as error:
    print(ssecast.__file__, importlib.metadata.version("ssecast"), error.code)
"""


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def use(wheel: Path, folder: Path) -> None:
    """Installs a wheel where nothing else is, and runs the smoke test there."""
    venv.create(folder / "clean")
    python = folder / "clean/bin/python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-index", wheel, cwd=folder)
    where, version, code = run(python, "-I", "-W", "error", "-c", SMOKE, cwd=folder).split()
    assert Path(where).is_relative_to(folder)
    assert (version, code) == (VERSION, "SSECAST_INVALID_ID")


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sdist")
    run("maturin", "sdist", "--out", folder, cwd=PYTHON)
    return folder / f"ssecast-{VERSION}.tar.gz"


def modules() -> set[str]:
    """The package's own files, as they are in the repository."""
    found = (path for path in PACKAGE.rglob("*") if path.suffix in {".py", ".pyi"} or path.name == "py.typed")
    return {str(path.relative_to(PYTHON)) for path in found}


def test_the_wheel_has_types_and_licences_and_works_in_a_clean_environment(tmp_path: Path) -> None:
    run("maturin", "build", "--release", "--locked", "--out", tmp_path, cwd=PYTHON)
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.name.startswith(f"ssecast-{VERSION}-cp311-abi3-")
    files = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/sboms/" not in name}
    metadata = f"ssecast-{VERSION}.dist-info"
    assert files == modules() | {"ssecast/_native.abi3.so"} | {
        f"{metadata}/{name}" for name in ("METADATA", "WHEEL", "RECORD", *(f"licenses/{name}" for name in LICENCES))
    }
    assert {"ssecast/py.typed", "ssecast/_native.pyi"} <= files
    use(wheel, tmp_path)


def test_the_sdist_has_the_crates_it_needs_and_no_more(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        assert all(member.isfile() for member in archive)
        files = {member.name.removeprefix(f"ssecast-{VERSION}/") for member in archive}
    # Cargo wants the optional ones, too.
    names = ("client", "codec", "engine", "hub", "listener", "ssecast", "store-file", "store-redis")
    crates = {"bindings/python", *(f"crates/{name}" for name in names)}
    assert {path.removesuffix("/Cargo.toml") for path in files if path.endswith("/Cargo.toml")} == crates
    assert {"Cargo.toml", "Cargo.lock", "PKG-INFO", "pyproject.toml", "README.md"} | LICENCES | modules() <= files
    assert not [path for path in files if path.startswith(("tests/", "packaging/", "npm/"))]


def test_the_sdist_builds_and_works_in_a_clean_environment(sdist: Path, tmp_path: Path) -> None:
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    # Its files are older than what cargo has compiled from the repository's, and would not be looked at.
    for path in tmp_path.rglob("*.rs"):
        path.touch()
    # Without isolation, as the requirements of the build are there already.
    arguments = ("--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--wheel-dir", tmp_path)
    run(sys.executable, "-m", "pip", "wheel", *arguments, tmp_path / f"ssecast-{VERSION}", cwd=tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    use(wheel, tmp_path)
