"""Zip files whose bytes depend on nothing but what is in them."""

from __future__ import annotations

import shutil
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip file can hold."""


def write(tree: Path, target: Path, base: Path | None = None) -> None:
    """Zip the files below `tree`, sorted by name, after a copy of the entries of the zip file `base`."""
    if base is not None:
        shutil.copyfile(base, target)
    with ZipFile(target, "w" if base is None else "a", ZIP_DEFLATED, compresslevel=9) as archive:
        files = {path.relative_to(tree).as_posix(): path for path in tree.rglob("*") if path.is_file()}
        for name, path in sorted(files.items()):
            archive.writestr(_entry(name, executable=path.suffix == ".sh"), path.read_bytes())


def _entry(name: str, *, executable: bool) -> ZipInfo:
    entry = ZipInfo(name, EPOCH)
    entry.compress_type = ZIP_DEFLATED
    entry.create_system = 3  # Unix, on whatever the zip is made: else the modes below mean nothing
    entry.external_attr = (0o100755 if executable else 0o100644) << 16
    return entry
