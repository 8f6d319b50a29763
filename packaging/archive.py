"""Archives that have the same bytes whoever makes them, and whenever."""

import gzip
import io
import tarfile
import time
import zipfile
from pathlib import Path


def tar(folder: Path, name: str, epoch: int, form: int = tarfile.GNU_FORMAT) -> bytes:
    """A compressed archive of all that is in `folder`, as if it were called `name`. All of it belongs to root."""
    unpacked, packed = io.BytesIO(), io.BytesIO()
    with tarfile.open(fileobj=unpacked, mode="w", format=form) as archive:
        for path in [folder, *sorted(folder.rglob("*"))]:
            within = path.relative_to(folder).as_posix()
            member = archive.gettarinfo(path, name if within == "." else f"{name}/{within}")
            member.uid = member.gid = 0
            member.uname = member.gname = "root"
            member.mtime = epoch
            member.mode = 0o755 if member.isdir() else 0o644
            if member.isreg():
                # A second name of a file is a file of its own.
                member.type, member.linkname = tarfile.REGTYPE, ""
                with path.open("rb") as file:
                    archive.addfile(member, file)
            else:
                archive.addfile(member)
    with gzip.GzipFile("", "wb", fileobj=packed, mtime=epoch) as file:
        file.write(unpacked.getvalue())
    return packed.getvalue()


def ar(files: dict[str, bytes], epoch: int) -> bytes:
    """An archive of Unix's `ar`, in the order of `files`: what a package of Debian's is."""
    packed = b"!<arch>\n"
    for name, data in files.items():
        packed += (
            f"{name:<16}{epoch:<12}{0:<6}{0:<6}{'100644':<8}{len(data):<10}`\n".encode()
            + data
            + b"\n" * (len(data) % 2)
        )
    return packed


def zip(files: dict[str, bytes], epoch: int) -> bytes:
    """A zip of `files`, in their order."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, data in files.items():
            member = zipfile.ZipInfo(name, time.gmtime(epoch)[:6])
            member.external_attr = 0o644 << 16
            archive.writestr(member, data, zipfile.ZIP_DEFLATED, 9)
    return packed.getvalue()
