"""A drill's reports in a folder: one JSON file each, and the key that seals them. Blocking."""

from __future__ import annotations

import json
import os
import secrets
import tempfile
from pathlib import Path

from ..drill import Report, SealError

MOST_REPORTS = 400
"""Kept; of more the oldest are removed."""
_KEY = "key"
_PATTERN = "drill-[0-9]*.json"


class DrillFiles:
    """Implements `ReportStore`. Raises OSError where the folder cannot be used, SealError where a file is no report."""

    def __init__(self, folder: Path) -> None:
        """`folder` is made when the first report is kept."""
        self._folder = folder

    def last(self) -> Report | None:
        paths = self._paths()
        return _read(paths[-1]) if paths else None

    def all(self) -> list[Report]:
        """All reports that are kept, the oldest first."""
        return [_read(path) for path in self._paths()]

    def add(self, report: Report) -> bool:
        self._folder.mkdir(parents=True, exist_ok=True)
        paths = self._paths()
        newest = _read(paths[-1]).digest if paths else ""
        if newest != report.previous:
            return False
        number = int(paths[-1].stem.partition("-")[2]) + 1 if paths else 1
        if not _written(self._folder / f"drill-{number:08d}.json", json.dumps(report.to_json(), indent=1)):
            return False
        for old in paths[: max(0, len(paths) + 1 - MOST_REPORTS)]:
            old.unlink(missing_ok=True)
        return True

    def key(self) -> bytes:
        """The key of this folder, made when it is first asked for; only its owner can read it. Raises SealError where
        the file holds none: anyone could seal with an empty key."""
        path = self._folder / _KEY
        self._folder.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            _written(path, secrets.token_hex(32))
        if not (key := path.read_bytes().strip()):
            raise SealError(f"{path} holds no key")
        return key

    def _paths(self) -> list[Path]:
        return sorted(self._folder.glob(_PATTERN))


def _written(path: Path, text: str) -> bool:
    """False where another process has just written this file. It is there whole, or not at all, for its owner alone."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".drill-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.link(name, path)
    except FileExistsError:
        return False
    finally:
        Path(name).unlink()
    return True


def _read(path: Path) -> Report:
    try:
        return Report.from_json(json.loads(path.read_text("utf-8")))
    except (ValueError, TypeError) as error:
        raise SealError(f"{path}: this is no report of a drill: {error}") from error
    except SealError as error:
        raise SealError(f"{path}: {error}") from error
