#!/usr/bin/env python3
"""The binary interface of libssecast, and whether it is the recorded one.

abi.py PREFIX WORK          fails if an exported symbol, a prototype, a number or a structure's layout is not as in abi.txt
abi.py PREFIX WORK --write  records them; once the version is released, only for a new version
"""

import difflib
import platform
import re
import subprocess
import sys
from pathlib import Path

from header import Header

root = Path(__file__).resolve().parents[3]
recorded = root / "bindings/c/abi.txt"


def layout(header, prefix, work):
    """Sizes, offsets and numbers as the C compiler has them."""
    lines = ["#include <stdio.h>", '#include "ssecast.h"', "int main(void) {"]
    for name, _ in header.constants:
        lines.append(f'  printf("constant {name} %llu\\n", (unsigned long long){name});')
    for enum, members in sorted(header.enums.items()):
        for member, _ in members:
            lines.append(f'  printf("enum {enum} {member} %llu\\n", (unsigned long long){member});')
    for struct, fields in sorted(header.structs.items()):
        lines.append(f'  printf("struct {struct} size %zu\\n", sizeof({struct}));')
        for name, type_ in fields:
            lines.append(f'  printf("struct {struct} at %zu: {type_} {name}\\n", offsetof({struct}, {name}));')
    lines += ["  return 0;", "}"]
    source, program = work / "abi.c", work / "abi"
    source.write_text("\n".join(lines))
    subprocess.run(["cc", "-std=c11", f"-I{prefix}/include", str(source), "-o", str(program)], check=True)
    return subprocess.run([str(program)], check=True, capture_output=True, text=True).stdout.splitlines()


def symbols(prefix):
    """What the shared library exports."""
    shared = prefix / "lib/libssecast.so"
    listed = subprocess.run(["nm", "-D", "--defined-only", str(shared)], check=True, capture_output=True, text=True).stdout
    return sorted(line.split()[-1] for line in listed.splitlines())


def soname(prefix):
    shared = prefix / "lib/libssecast.so"
    dynamic = subprocess.run(["readelf", "-d", str(shared)], check=True, capture_output=True, text=True).stdout
    return re.search(r"SONAME.*\[(.+)\]", dynamic)[1]


def interface(prefix, work):
    header = Header(prefix / "include/ssecast.h")
    declared = [f"function {result} {name}({', '.join(f'{type_} {each}' for type_, each in parameters) or 'void'})"
                for name, result, parameters in sorted(header.functions)]
    callbacks = [f"callback {name} {signature}" for name, signature in sorted(header.callbacks.items())]
    exported = symbols(prefix)
    if exported != sorted(name for name, _, _ in header.functions):
        raise SystemExit(f"the header and the library differ: {set(exported) ^ {name for name, _, _ in header.functions}}")
    return header.version, [f"soname {soname(prefix)}", *declared, *callbacks, *layout(header, prefix, work)]


def is_released(version):
    heading = re.search(rf"^## \[{re.escape(version)}\] - (.+)$", (root / "CHANGELOG.md").read_text(), flags=re.M)
    return heading is None or heading[1] != "unreleased"


def main():
    prefix, work = (Path(argument).resolve() for argument in sys.argv[1:3])
    work.mkdir(parents=True, exist_ok=True)
    if platform.system() != "Linux" or platform.architecture()[0] != "64bit":
        print("skipped: the interface is recorded for 64-bit Linux")
        return 0
    version, now = interface(prefix, work)
    head, *before = recorded.read_text().splitlines() if recorded.exists() else [""]
    was = head.removeprefix("version ")
    if now == before and version == was:
        print(f"abi: {len(now)} lines are as recorded for {version}")
        return 0
    if "--write" in sys.argv[3:]:
        if now != before and version == was and is_released(version):
            print(f"abi: {version} is released with another interface; it takes a new version (Cargo.toml)", file=sys.stderr)
            return 1
        recorded.write_text("\n".join([f"version {version}", *now, ""]))
        return 0
    print(*difflib.unified_diff(before, now, f"abi.txt, of {was}", "now", lineterm="", n=0), sep="\n", file=sys.stderr)
    if now != before and version == was and is_released(version):
        print(f"abi: the interface of {version}, which is released, has changed: it takes a new version", file=sys.stderr)
    else:
        print("abi: not as recorded in bindings/c/abi.txt; if it is meant, run 'make abi' and commit it", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
