"""How the worker of each language is built and started. Each builder returns a command, which takes the store as one argument more, and
what it needs in its environment; it raises `Missing` if the language's tools are not there."""

import os
import shutil
import subprocess
from pathlib import Path

import toolchains

here = Path(__file__).resolve().parent
ROOT = here.parents[1]
BINDINGS = ROOT / "bindings"


class Missing(Exception):
    pass


def require(*programs):
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        raise Missing(f"{', '.join(missing)} is not installed")


def build(*command, **options):
    subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True, **options)


def folder(work, name):
    (work / name).mkdir(parents=True, exist_ok=True)
    return work / name


def linked(prefix):
    return f"-I{prefix}/include", f"-L{prefix}/lib", f"-Wl,-rpath,{prefix}/lib", "-lssecast", "-lpthread"


def c_program(source, program, prefix):
    require("cc")
    build("cc", "-std=c11", "-D_XOPEN_SOURCE=700", "-Wall", "-Wextra", "-Wpedantic", "-Werror", source, "-o", program, *linked(prefix))
    return program


def c(prefix, work):
    return [c_program(here / "worker.c", folder(work, "store") / "worker-c", prefix)], {}


def cpp(prefix, work):
    require("c++")
    program = folder(work, "store") / "worker-cpp"
    build("c++", "-std=c++17", "-Wall", "-Wextra", "-Wpedantic", "-Werror", here / "worker.cpp", "-o", program, *linked(prefix))
    return [program], {}


def go(prefix, work):
    require("go", "cc")
    program = folder(work, "store") / "worker-go"
    environment = toolchains.go_environment(prefix, folder(work, "go"))
    build("go", "build", "-o", program, here / "worker.go", cwd=BINDINGS / "go", env=environment)
    return [program], {}


def java(prefix, work):
    require("javac", "java")
    try:
        jna = toolchains.jna(folder(work, "java"))
    except OSError as error:
        raise Missing(f"JNA, from Maven Central: {error}") from error
    classes = work / "store/classes"
    sources = sorted((BINDINGS / "java/src").rglob("*.java"))
    build("javac", "--release", "17", "-encoding", "UTF-8", "-Xlint:all", "-Werror", "-cp", jna, "-d", classes, *sources,
          here / "Worker.java")
    return ["java", f"-Djna.library.path={prefix}/lib", "-Dfile.encoding=UTF-8", "-cp", f"{jna}{os.pathsep}{classes}", "Worker"], {}


def javascript(_prefix, _work):
    require("node")
    return ["node", here / "worker.mjs"], {}


def python(_prefix, _work):
    return [ROOT / "python/.venv/bin/python", here / "worker.py"], {}


# The names that the events are told apart by.
LANGUAGES = {"C": c, "C++": cpp, "Go": go, "Java": java, "JavaScript": javascript, "Python": python}
