"""Where an evaluation is kept: a folder here, or one in S3."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol


class Folder(Protocol):
    """Files and logs by name (`responses/a-001.jsonl`). Blocking; may be used by several threads."""

    def read(self, name: str) -> str | None:
        """None where there is no such file."""
        ...

    def write(self, name: str, text: str) -> None:
        """The whole file at once: nobody sees half of it."""
        ...

    def names(self, under: str) -> list[str]:
        """The files whose names begin with `under`, sorted."""
        ...

    def append(self, log: str, line: str) -> None:
        """One more line of a log. Once it returns, the line is kept."""
        ...

    def lines(self, log: str) -> Iterable[str]:
        """The lines of a log so far. Half a line, of a process that was killed, is left out."""
        ...

    def location(self, name: str) -> str:
        """Path or URI of a file, for people."""
        ...


class LocalFolder:
    """A `Folder` on this machine."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, name: str) -> str | None:
        try:
            return (self._path / name).read_text(encoding="utf-8")
        except (FileNotFoundError, NotADirectoryError):
            return None

    def write(self, name: str, text: str) -> None:
        file = self._path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        unfinished = file.with_name(f".{file.name}.new")
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(file)

    def names(self, under: str) -> list[str]:
        found = (path.relative_to(self._path).as_posix() for path in self._path.rglob("*") if path.is_file())
        return sorted(name for name in found if name.startswith(under))

    def append(self, log: str, line: str) -> None:
        file = self._path / log
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a+b") as stream:
            if stream.tell() and not _ends_a_line(stream.fileno(), stream.tell()):
                line = f"\n{line}"
            stream.write(f"{line}\n".encode())

    def lines(self, log: str) -> list[str]:
        text = self.read(log) or ""
        return text.split("\n")[:-1]

    def location(self, name: str) -> str:
        return str(self._path / name)


def _ends_a_line(descriptor: int, size: int) -> bool:
    return os.pread(descriptor, 1, size - 1) == b"\n"
