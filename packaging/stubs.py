"""Stands in for libraries of other systems that a linker asks for, and that are on no machine but theirs.

They have no symbols: what is linked with them looks those up when it is loaded.
"""

from platforms import Platform
from release import ROOT

FOLDER = ROOT / "target" / "dist" / "stubs"
FRAMEWORKS = "/System/Library/Frameworks"
#: macOS has them under these names: `rustls-native-certs` asks them for the system's certificates, and Rust for iconv.
MACOS = {
    "Security.framework/Security.tbd": f"{FRAMEWORKS}/Security.framework/Versions/A/Security",
    "CoreFoundation.framework/CoreFoundation.tbd": f"{FRAMEWORKS}/CoreFoundation.framework/Versions/A/CoreFoundation",
    "libiconv.tbd": "/usr/lib/libiconv.2.dylib",
}
TBD = """--- !tapi-tbd
tbd-version: 4
targets: [ x86_64-macos, arm64-macos ]
install-name: '{name}'
exports: []
...
"""
#: An archive with nothing in it.
EMPTY = "!<arch>\n"


def flags(platform: Platform) -> list[str]:
    """What rustc is told to find them."""
    if platform.system != "darwin":
        return []
    for path, name in MACOS.items():
        file = FOLDER / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(TBD.format(name=name))
    return [
        f"-Clink-arg=-F{FOLDER}",
        f"-Clink-arg=-L{FOLDER}",
        # Python's module and Node's addon are linked so in any case.
        "-Clink-arg=-undefined",
        "-Clink-arg=dynamic_lookup",
    ]


def environment(platform: Platform) -> dict[str, str]:
    """Where napi's build script finds Node's library for Windows. It wants one, though all is looked up at run time."""
    if platform.system != "win32":
        return {}
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "libnode.dll").write_text("")
    for name in ("libnode.a", "libnode.dll.a"):
        (FOLDER / name).write_text(EMPTY)
    return {"LIBNODE_PATH": str(FOLDER)}
