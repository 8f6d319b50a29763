"""The platforms that a release has artefacts for."""

import platform as machine
import sys
from dataclasses import dataclass


@dataclass(frozen=True)
class Platform:
    """One kind of machine, and how what is made for it can be run where the release is made."""

    #: As npm names it: system, processor and, on Linux, C library.
    name: str
    #: As Rust names it.
    target: str
    #: The oldest glibc that runs it; `None` where there is no glibc.
    glibc: str | None = None

    @property
    def system(self) -> str:
        """`linux`, `darwin` or `win32`."""
        return self.name.split("-")[0]

    @property
    def processor(self) -> str:
        """`x64` or `arm64`."""
        return self.name.split("-")[1]

    @property
    def is_musl(self) -> bool:
        return self.name.endswith("-musl")

    def library(self, name: str) -> str:
        """How Rust names the file of the shared library `name`."""
        return {"linux": f"lib{name}.so", "darwin": f"lib{name}.dylib", "win32": f"{name}.dll"}[self.system]

    @property
    def is_host(self) -> bool:
        """Whether it is the machine that runs this, and so needs neither an emulator nor a root of its own."""
        processor = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64"}.get(machine.machine().lower())
        libc = "-gnu" if sys.platform == "linux" else ""
        return self.name == f"{sys.platform}-{processor}{libc}"


PLATFORMS = (
    Platform("linux-x64-gnu", "x86_64-unknown-linux-gnu", glibc="2.17"),
    Platform("linux-arm64-gnu", "aarch64-unknown-linux-gnu", glibc="2.17"),
    Platform("linux-x64-musl", "x86_64-unknown-linux-musl"),
    Platform("linux-arm64-musl", "aarch64-unknown-linux-musl"),
    Platform("darwin-x64", "x86_64-apple-darwin"),
    Platform("darwin-arm64", "aarch64-apple-darwin"),
    Platform("win32-x64", "x86_64-pc-windows-gnu"),
)


def chosen(words: str) -> tuple[Platform, ...]:
    """The platforms that `words` names: `all`, `host`, or names with commas between them."""
    if words == "all":
        return PLATFORMS
    if words == "host":
        return tuple(platform for platform in PLATFORMS if platform.is_host)
    by_name = {platform.name: platform for platform in PLATFORMS}
    unknown = [word for word in words.split(",") if word not in by_name]
    if unknown:
        raise SystemExit(f"PLATFORMS: {unknown[0]!r} is none of all, host, {', '.join(by_name)}")
    return tuple(by_name[word] for word in words.split(","))
