"""Makes the reference of the Java classes: ``javadoc.py OUTPUT WORK``, where WORK is a folder for the library that they stand on."""

import subprocess
import sys
from pathlib import Path

import toolchains

output, work = sys.argv[1], Path(sys.argv[2]) / "java"
work.mkdir(parents=True, exist_ok=True)
sources = sorted(str(path) for path in Path("bindings/java/src/ssecast").glob("*.java"))
command = ["javadoc", "-quiet", "-Xdoclint:none", "-encoding", "UTF-8", "-notimestamp", "-cp", str(toolchains.jna(work))]
sys.exit(subprocess.run([*command, "-d", output, *sources], check=False).returncode)
