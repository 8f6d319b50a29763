"""What other languages need beside their tools to be built against the C library."""

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# What the classes of Java stand on.
POM = ROOT / "bindings/java/pom.xml"
MAVEN_COPIES = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"


def go_environment(prefix, work):
    """What go builds stays in the folder of what is built. Its cache does not look into headers of others: a flag tells it of changes."""
    header, lib = hashlib.sha256((prefix / "include/ssecast.h").read_bytes()).hexdigest(), prefix / "lib"
    return {**os.environ, "GOCACHE": str(work / "cache"), "GOFLAGS": "-mod=readonly -buildvcs=false", "GOTOOLCHAIN": "local",
            "CGO_CFLAGS": f"-g -O2 -I{prefix}/include -DSSECAST_HEADER_{header[:16]}", "CGO_LDFLAGS": f"-L{lib} -Wl,-rpath,{lib}"}


def newest_java(least):
    """The programs of the newest JDK that is installed, as a folder, if it is of the version `least` or later; otherwise None."""
    found = []
    # GitHub's machines name each by a variable.
    named = [f"{home}/bin/java" for name, home in os.environ.items() if name.startswith("JAVA_HOME") and Path(home, "bin/java").exists()]
    for java in {shutil.which("java"), *named, *map(str, Path("/usr/lib/jvm").glob("*/bin/java"))} - {None}:
        said = subprocess.run([java, "-version"], capture_output=True, text=True).stderr
        version = re.search(r'version "(\d+)', said)
        if version and int(version[1]) >= least and Path(java).with_name("javac").exists():
            found.append((int(version[1]), java))
    return Path(max(found)[1]).parent if found else None


def jna(work):
    """The path of JNA's archive, which Maven gets as the pom says, unless it is there. Raises OSError."""
    version = re.search(r"<artifactId>jna</artifactId>\s*<version>(.+?)</version>", POM.read_text())[1]
    # Maven's own program takes seconds to say that nothing is to be done.
    for path in (Path.home() / f".m2/repository/net/java/dev/jna/jna/{version}/jna-{version}.jar", work / f"jna-{version}.jar"):
        if path.exists():
            return path
    command = ["mvn", "-q", "-B", "-ntp", "-f", POM, MAVEN_COPIES, f"-DoutputDirectory={work}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if done.returncode != 0 or not path.exists():
        raise OSError(f"mvn ended with {done.returncode}:\n{done.stdout}")
    return path
