"""What other languages need beside their tools to be built against the C library."""

import hashlib
import os
import re
import shutil
import subprocess
import urllib.request
from pathlib import Path

# What Java calls C with. The JDK has a way of its own from version 22 on.
JNA = "https://repo1.maven.org/maven2/net/java/dev/jna/jna/5.19.1/jna-5.19.1.jar"
JNA_SHA256 = "4fb141dd8ef6b0585ffceea4bc49602fbc6312fa977e2c488794ea3e6aafecae"


def go_environment(prefix, work):
    """What go builds stays in the folder of what is built. Its cache does not look into headers of others: a flag tells it of changes."""
    header, lib = hashlib.sha256((prefix / "include/ssecast.h").read_bytes()).hexdigest(), prefix / "lib"
    return {**os.environ, "GOCACHE": str(work / "cache"), "GOFLAGS": "-mod=readonly -buildvcs=false", "GOTOOLCHAIN": "local",
            "CGO_CFLAGS": f"-g -O2 -I{prefix}/include -DSSECAST_HEADER_{header[:16]}", "CGO_LDFLAGS": f"-L{lib} -Wl,-rpath,{lib}"}


def java_with_virtual_threads():
    """The newest Java that is installed, if it is 21 or later; otherwise None."""
    found = []
    for java in {shutil.which("java"), *map(str, Path("/usr/lib/jvm").glob("*/bin/java"))} - {None}:
        said = subprocess.run([java, "-version"], capture_output=True, text=True).stderr
        version = re.search(r'version "(\d+)', said)
        if version and int(version[1]) >= 21:
            found.append((int(version[1]), java))
    return max(found)[1] if found else None


def jna(work):
    """The path of JNA's archive, which is downloaded unless it is there. Raises OSError."""
    return provide(JNA, JNA_SHA256, work / "jna.jar")


def provide(url, sha256, path):
    """Downloads a file, unless it is there and the one that is meant."""
    if not path.exists() or hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
        with urllib.request.urlopen(url, timeout=60) as answer:
            content = answer.read()
        if hashlib.sha256(content).hexdigest() != sha256:
            raise OSError(f"{url} is not the file that is meant")
        path.write_bytes(content)
    return path
