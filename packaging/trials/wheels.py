"""The wheels in fresh environments: a FastAPI app, the client, the types; and the sdist, built without a network."""

import json
import os
import re
import shutil
import struct
import sys
import tarfile
import venv
import zipfile
from functools import partial
from pathlib import Path

import cargo
import roots
from platforms import Platform
from release import ROOT, TOOLS
from trial import Dist, Skipped, Trials, check_server, run

SERVER = """
import socket
import sys
import threading

import uvicorn
from fastapi import FastAPI
from ssecast import Hub
from ssecast.asgi import EventSourceResponse

app = FastAPI()
hub = Hub()

@app.get("/stream")
async def stream() -> EventSourceResponse:
    return EventSourceResponse(hub, topics=["lines"])

listening = socket.create_server(("127.0.0.1", 0))
server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))

def publish() -> None:
    for line in sys.stdin:
        hub.publish("lines", line.rstrip())
    hub.close()
    hub.wait_closed()
    server.should_exit = True

print(f"http://127.0.0.1:{listening.getsockname()[1]}/stream", flush=True)
threading.Thread(target=publish, daemon=True).start()
server.run(sockets=[listening])
"""
CLIENT = """
import ssecast

hub = ssecast.Hub()
hub.publish("lines", "one")
with hub.listen(topics=["lines"], replay="all") as listener:
    with ssecast.EventSource(f"http://127.0.0.1:{listener.address[1]}/") as source:
        hub.publish("lines", "two")
        print(next(source).data)
"""
#: What the types are for: these are errors, and everything else is none.
MISUSE = """
from ssecast import Hub, Published

published: Published = Hub().publish("lines", {"now": 1}, event="tick")
Hub(heartbeat="15")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
"""
PYRIGHT = {
    "typeCheckingMode": "strict",
    # mypy and pyright have comments of their own, and one that hides nothing is an error.
    "enableTypeIgnoreComments": False,
    "reportUnnecessaryTypeIgnoreComment": "error",
    # The programs of a README leave out what is not about ssecast.
    "reportUndefinedVariable": False,
}


def trials(dist: Dist) -> Trials:
    def of(platform: Platform) -> Trials:
        found: Trials = {}
        if platform.is_host:
            found[f"a fresh FastAPI app serves a stream from the wheel ({platform.name})"] = partial(
                app, dist, platform
            )
            found["mypy and pyright find the README's programs right"] = partial(types, dist, platform)
            found["pip builds the sdist without a network once cargo has its crates"] = partial(sdist, dist)
        elif platform.glibc:
            name = f"a fresh FastAPI app serves a stream in a root of {platform.name}"
            found[name] = partial(elsewhere, dist, platform)
        if platform.system == "linux":
            found[f"the wheel asks for its C library alone ({platform.name})"] = partial(needs, dist, platform)
        return found

    return {name: trial for platform in dist.platforms for name, trial in of(platform).items()}


def wheel(dist: Dist, platform: Platform) -> Path:
    libc = "musllinux" if platform.is_musl else "manylinux"
    return dist.file(f"python/ssecast-{dist.version}-cp311-abi3-{libc}*_{roots.machine(platform)}.whl")


def install(folder: Path, *what: str | Path) -> Path:
    """Makes an environment that has what is named, and nothing else."""
    venv.create(folder / "env", with_pip=True)
    python = folder / "env/bin/python"
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *what, cwd=folder)
    return python


def app(dist: Dist, platform: Platform, folder: Path) -> None:
    python = install(folder, f"ssecast[client] @ {wheel(dist, platform).as_uri()}", "fastapi", "uvicorn")
    (folder / "server.py").write_text(SERVER)
    check_server(python, "-I", "-W", "error", "server.py", cwd=folder)
    (folder / "client.py").write_text(CLIENT)
    assert run(python, "-I", "-W", "error", "client.py", cwd=folder) == "one\n"


def elsewhere(dist: Dist, platform: Platform, folder: Path) -> None:
    """An app that is installed here for another platform, and run in a folder that has the platform's C library."""
    try:
        root = roots.with_python(platform)
    except roots.Missing as missing:
        raise Skipped(str(missing)) from missing
    built = wheel(dist, platform)
    # pip asks for each name that a wheel of this age may have.
    oldest = f"manylinux_{platform.glibc.replace('.', '_')}_{roots.machine(platform)}"
    accepted = [f"--platform={tag}" for tag in (oldest, f"manylinux2014_{roots.machine(platform)}")]
    run(
        sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary=:all:",
        f"--python-version={roots.PYTHON}", *accepted, "--target", folder / "packages",
        f"ssecast[client] @ {built.as_uri()}", "fastapi", "uvicorn", cwd=folder,
    )  # fmt: skip
    (folder / "server.py").write_text(SERVER)
    (folder / "client.py").write_text(CLIENT)
    shutil.rmtree(root / "app", ignore_errors=True)
    shutil.copytree(folder, root / "app")
    python = roots.command(platform, root, f"/usr/bin/python{roots.PYTHON}", "-W", "error")
    # The certificates of this machine are not in there.
    packages = {"PYTHONPATH": "/app/packages", "PYTHONDONTWRITEBYTECODE": "1", "SSL_CERT_FILE": "", "SSL_CERT_DIR": ""}
    check_server(*python, "/app/server.py", cwd=folder, env=packages)
    assert run(*python, "/app/client.py", cwd=folder, env=packages) == "one\n"


def types(dist: Dist, platform: Platform, folder: Path) -> None:
    python = install(folder, wheel(dist, platform), "fastapi", "flask", "httpx", "mypy", "pyright[nodejs]")
    readmes = [(ROOT / path).read_text() for path in ("README.md", "python/README.md")]
    programs = [program for readme in readmes for program in re.findall(r"```python.*?\n(.*?)```", readme, re.DOTALL)]
    assert programs
    for number, program in enumerate([*programs, MISUSE]):
        (folder / f"program{number}.py").write_text(program)
    files = sorted(path.name for path in folder.glob("program*.py"))
    run(python, "-m", "mypy", "--strict", "--allow-untyped-defs", "--allow-untyped-calls", *files, cwd=folder)
    (folder / "pyrightconfig.json").write_text(json.dumps({"include": ["program*.py"], **PYRIGHT}))
    run(python, "-m", "pyright", "--pythonpath", python, cwd=folder)


def sdist(dist: Dist, folder: Path) -> None:
    with tarfile.open(dist.file(f"python/ssecast-{dist.version}.tar.gz")) as archive:
        archive.extractall(folder, filter="data")
    source = folder / f"ssecast-{dist.version}"
    # A machine that builds has Rust; a quick build says as much about what the sdist lacks.
    rust = {
        "PATH": f"{TOOLS}{os.pathsep}{os.environ['PATH']}",
        **cargo.QUICK,
        "CARGO_TARGET_DIR": str(cargo.TARGET / "sdist"),
    }
    run("cargo", "fetch", "--locked", cwd=source, env=rust)
    no_network = ("unshare", "--map-root-user", "--net")
    try:
        run(*no_network, "true", cwd=folder)
    except (AssertionError, OSError) as error:
        raise Skipped("unshare gives no network namespace here") from error
    run(
        *no_network,
        "maturin",
        "build",
        "--release",
        "--locked",
        "--out",
        folder,
        cwd=source,
        env={**rust, "CARGO_NET_OFFLINE": "true"},
    )
    (built,) = folder.glob("*.whl")
    python = install(folder, built)
    assert (
        run(python, "-I", "-c", "import ssecast; print(ssecast.encode(ssecast.Event('x')))", cwd=folder)
        == "b'data: x\\n\\n'\n"
    )


def needs(dist: Dist, platform: Platform, folder: Path) -> None:
    with zipfile.ZipFile(wheel(dist, platform)) as archive:
        library = Path(archive.extract("ssecast/_native.abi3.so", folder))
    machine = struct.unpack_from("<H", library.read_bytes(), 18)[0]
    assert machine == {"x64": 62, "arm64": 183}[platform.processor], f"it is for the ELF machine {machine}"
    asked = set(re.findall(r"Shared library: \[(.*?)\]", run("readelf", "--dynamic", "--wide", library, cwd=folder)))
    if platform.is_musl:
        allowed = {"libc.so", f"libc.musl-{roots.machine(platform)}.so.1"}
    else:
        allowed = {"libc.so.6", "libpthread.so.0", "libdl.so.2", "libm.so.6", "librt.so.1", "libgcc_s.so.1"}
        allowed |= {"ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}
    assert asked <= allowed, f"it asks for {sorted(asked - allowed)}"
    if platform.is_musl:
        check_symbols(library, platform, folder)
    assert b"PyInit__native" in library.read_bytes(), "it is no extension module"


def check_symbols(library: Path, platform: Platform, folder: Path) -> None:
    """Whether musl has all that the library asks for, besides what is the interpreter's.

    No registry that is used here has a CPython for musl, so the wheel is not run there.
    """
    try:
        root = roots.root(platform)
    except roots.Missing as missing:
        raise Skipped(str(missing)) from missing
    (musl,) = (root / "lib").glob("ld-musl-*.so.1")
    if musl.is_symlink() and musl.readlink().is_absolute():
        musl = root / musl.readlink().relative_to("/")

    def symbols(path: Path, which: str) -> set[str]:
        lines = run("nm", "--dynamic", which, path, cwd=folder).splitlines()
        return {line.split()[-1].split("@")[0] for line in lines}

    weak = {"__cxa_thread_atexit_impl", "__gmon_start__", "_ITM_deregisterTMCloneTable", "_ITM_registerTMCloneTable"}
    asked = {name for name in symbols(library, "--undefined-only") if not name.startswith(("Py", "_Py"))}
    missing = asked - symbols(musl, "--defined-only") - weak
    assert not missing, f"musl has no {', '.join(sorted(missing))}"
