"""What is inside of an artefact, and what of it must not be in a release."""

import gzip
import io
import lzma
import re
import subprocess
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

#: What the files of a Unix archive begin with: static libraries and Debian's packages are such.
AR = b"!<arch>\n"
ELF = b"\x7fELF"
#: An ELF file that a loader reads, and not one for a linker.
ELF_LOADED = (2, 3)


def members(name: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    """Every file inside of an artefact with its name, also in archives in archives. What is no archive is itself."""
    if data.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            inner = [(member.filename, archive.read(member)) for member in archive.infolist() if not member.is_dir()]
    elif data.startswith((b"\x1f\x8b", b"\xfd7zXZ")):
        unpacked = gzip.decompress(data) if data.startswith(b"\x1f\x8b") else lzma.decompress(data)
        inner = list(_tar(unpacked)) if unpacked[257:262] == b"ustar" else [("", unpacked)]
    elif data.startswith(AR):
        inner = list(_ar(data))
    else:
        yield name, data
        return
    for inner_name, inner_data in inner:
        yield from members(f"{name}: {inner_name}", inner_data)


def _tar(data: bytes) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for member in archive:
            file = archive.extractfile(member) if member.isreg() else None
            if file:
                yield member.name, file.read()


def _ar(data: bytes) -> Iterator[tuple[str, bytes]]:
    at = len(AR)
    while at + 60 <= len(data):
        name, size = data[at : at + 16].decode("ascii", "replace").strip(), int(data[at + 48 : at + 58])
        yield name, data[at + 60 : at + 60 + size]
        at += 60 + size + size % 2


def machine_paths(data: bytes, folders: list[str]) -> list[str]:
    """The paths of this machine in a file, each with what is around it."""
    found = re.finditer(rb"|".join(re.escape(folder.encode()) for folder in folders), data)
    return [data[match.start() : match.start() + 120].split(b"\0")[0].decode("utf-8", "replace") for match in found]


def glibc_floor(data: bytes) -> str | None:
    """The oldest glibc that has every symbol that a program or shared library asks of glibc."""
    if not data.startswith(ELF) or data[16] not in ELF_LOADED:
        return None
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(data)
        shown = subprocess.run(
            ["readelf", "--version-info", "--wide", file.name], capture_output=True, text=True, check=True
        )
    return newest(re.findall(r"Name: GLIBC_(\d[\d.]*)", shown.stdout))


def newest(versions: list[str]) -> str | None:
    """The newest of some versions."""
    return max(versions, key=lambda version: [int(number) for number in version.split(".")], default=None)
