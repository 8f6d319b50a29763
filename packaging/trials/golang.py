"""The Go module in a fresh program, which gets it by `go get` from a proxy that is a folder."""

import shutil
import sys
from pathlib import Path

import golang
import library
import roots
from platforms import Platform
from release import ROOT, TOOLS
from trial import Dist, Skipped, Trials, check_server, environment, run

PROGRAM = """package main

import (
	"bufio"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"time"

	ssecast "github.com/ssecast/ssecast/bindings/go"
)

func main() {
	hub, err := ssecast.NewHub(ssecast.Config{})
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	http.Handle("/stream", hub.Handler("lines"))
	go http.Serve(listener, nil)
	fmt.Printf("http://%s/stream\\n", listener.Addr())
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		if _, err := hub.Publish("lines", ssecast.Event{Data: lines.Bytes()}); err != nil {
			log.Fatal(err)
		}
	}
	if err := hub.Close(5 * time.Second); err != nil {
		log.Fatal(err)
	}
}
"""


def trials(dist: Dist) -> Trials:
    found: Trials = {}
    for platform in dist.platforms:
        if not library.is_for(platform):
            continue
        if platform.is_host:
            found["a fresh Go program serves a stream by go get alone"] = lambda folder: here(dist, folder)
            found["Go's vendor folder has the library"] = lambda folder: vendored(dist, folder)
            found["without cgo a Go program is told so, by one error"] = lambda folder: without_cgo(dist, folder)
            found["a Go program for a system that has no library is told so"] = lambda folder: without_library(
                dist, folder
            )
            found["Go gets the module from the tag of a release"] = lambda folder: from_tag(dist, folder)
        elif platform.system == "linux":
            name = f"a Go program is linked and run for {platform.name}"
            found[name] = lambda folder, p=platform: elsewhere(dist, p, folder)
    return found


def program(dist: Dist, folder: Path) -> dict[str, str]:
    """Makes a program that got the module; returns the environment for Go, whose cache all trials share."""
    if not shutil.which("go"):
        raise Skipped("Go is not installed")
    served = folder / "proxy" / golang.MODULE / "@v"
    served.mkdir(parents=True)
    version = f"v{dist.version}"
    shutil.copy(dist.file("go/ssecast-go-*.zip"), served / f"{version}.zip")
    (served / f"{version}.info").write_text(f'{{"Version": "{version}"}}')
    shutil.copy(golang.SOURCES / "go.mod", served / f"{version}.mod")
    (served / "list").write_text(f"{version}\n")
    env = {
        "GOPROXY": (folder / "proxy").as_uri(),
        "GOSUMDB": "off",
        "GOTOOLCHAIN": "local",
        "GOFLAGS": "-modcacherw",
        "GOMODCACHE": str(folder / "modules"),
        "GOCACHE": str(ROOT / "target/dist/go"),
        "GOWORK": "off",
    }
    (app := folder / "app").mkdir()
    (app / "main.go").write_text(PROGRAM)
    run("go", "mod", "init", "example.com/app", cwd=app, env=env)
    run("go", "get", f"{golang.MODULE}@{version}", cwd=app, env=env)
    return env


def here(dist: Dist, folder: Path) -> None:
    env = program(dist, folder)
    run("go", "build", "-o", "app", ".", cwd=folder / "app", env=env)
    check_server(folder / "app/app", cwd=folder)


def vendored(dist: Dist, folder: Path) -> None:
    env = program(dist, folder)
    run("go", "mod", "vendor", cwd=folder / "app", env=env)
    shutil.rmtree(folder / "modules")
    run("go", "build", "-mod=vendor", ".", cwd=folder / "app", env=env | {"GOPROXY": "off"})


def fails(folder: Path, env: dict[str, str], reason: str) -> None:
    """Whether the build of the program fails, and says nothing but this."""
    try:
        run("go", "build", ".", cwd=folder / "app", env=env)
    except AssertionError as failure:
        errors = [line for line in str(failure).splitlines()[1:] if not line.startswith("# ")]
        assert len(errors) == 1, errors
        assert reason in errors[0], errors
    else:
        raise AssertionError("it was built")


def without_cgo(dist: Dist, folder: Path) -> None:
    fails(folder, program(dist, folder) | {"CGO_ENABLED": "0"}, "needs cgo: set CGO_ENABLED=1")


def without_library(dist: Dist, folder: Path) -> None:
    env = program(dist, folder) | {"CGO_ENABLED": "1", "GOARCH": "386"}
    listed = run("go", "list", "-f", "{{.GoFiles}}{{.CgoFiles}}", golang.MODULE, cwd=folder / "app", env=env)
    assert "other.go" in listed, listed
    assert "library_" not in listed, listed


def from_tag(dist: Dist, folder: Path) -> None:
    """The commit that `make publish-github` tags, made in a copy of the repository, has what the zip has."""
    repository = folder / "repository"
    run("git", "clone", "--quiet", "--local", "--no-hardlinks", ROOT, repository, cwd=folder)
    # What is tried may not be committed yet.
    shutil.copytree(
        ROOT / "packaging", repository / "packaging", dirs_exist_ok=True, ignore=shutil.ignore_patterns(".*")
    )
    before = run("git", "rev-parse", "HEAD", cwd=repository)
    identity = {
        f"GIT_{who}_{what}": "trial@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }
    run(sys.executable, "packaging/golang.py", "tag", dist.path, cwd=repository, env=identity)
    tag = f"{golang.FOLDER}/v{dist.version}"
    tree = run("git", "ls-tree", "-r", "--name-only", tag, cwd=repository).splitlines()
    for name in ("other.go", "include/ssecast.h", "lib/linux_amd64/libssecast.a", "LICENSE-MIT"):
        assert f"{golang.FOLDER}/{name}" in tree, f"{tag} has no {name}"
    assert (
        run("git", "rev-parse", f"{tag}^", cwd=repository) == before == run("git", "rev-parse", "HEAD", cwd=repository)
    )


def elsewhere(dist: Dist, platform: Platform, folder: Path) -> None:
    """By zig's compiler. What is static needs no root, and only an emulator for another processor."""
    env = program(dist, folder)
    target = platform.target.replace("-unknown", "") + (f".{platform.glibc}" if platform.glibc else "")
    env |= {
        "CGO_ENABLED": "1",
        "GOARCH": golang.PROCESSORS[platform.processor],
        "CC": f"{TOOLS / 'python-zig'} cc -target {target}",
        # zig has LLVM's unwinder where other compilers have GCC's.
        "CGO_LDFLAGS": "-lunwind",
        "ZIG_GLOBAL_CACHE_DIR": str(ROOT / "target/dist/zig"),
        "ZIG_LOCAL_CACHE_DIR": str(folder / "zig"),
    }
    static = ["-tags", "musl,netgo,osusergo", "-ldflags", "-linkmode external -extldflags -static"]
    run("go", "build", *(static if platform.is_musl else []), "-o", "app", ".", cwd=folder / "app", env=env)
    built = folder / "app/app"
    try:
        command = [*roots.emulator(platform), built] if platform.is_musl else roots.placed(platform, built)
    except roots.Missing as missing:
        raise Skipped(f"it was linked, and not run: {missing}") from missing
    check_server(*command, cwd=folder, env=environment())
