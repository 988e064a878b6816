"""Where an evaluation is kept: a folder here, or one in S3."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from litellm_fallback_router.routing.errors import ConfigurationError


class Folder(Protocol):
    """Files and logs by name (`responses/a-001.jsonl`). Blocking; may be used by several threads.

    Raises ConfigurationError for a file that is not UTF-8, or that this machine cannot read or write.
    """

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
        data = self._bytes(name)
        return None if data is None else decoded(data, self.location(name))

    def write(self, name: str, text: str) -> None:
        file = self._path / name
        with readable_errors(file):
            file.parent.mkdir(parents=True, exist_ok=True)
            unfinished = file.with_name(f".{file.name}.new")
            unfinished.write_text(text, encoding="utf-8")
            unfinished.replace(file)

    def names(self, under: str) -> list[str]:
        found = (path.relative_to(self._path).as_posix() for path in self._path.rglob("*") if path.is_file())
        return sorted(name for name in found if name.startswith(under))

    def append(self, log: str, line: str) -> None:
        file = self._path / log
        with readable_errors(file):
            file.parent.mkdir(parents=True, exist_ok=True)
            _append(file, line)

    def lines(self, log: str) -> list[str]:
        whole = (self._bytes(log) or b"").split(b"\n")[:-1]
        # Where a process was killed as it wrote, half a character may stand at a line's end.
        return [
            decoded(line, self.location(log), number)
            for number, line in enumerate(whole, start=1)
            if line.rstrip().endswith(b"}")
        ]

    def location(self, name: str) -> str:
        return str(self._path / name)

    def _bytes(self, name: str) -> bytes | None:
        file = self._path / name
        with readable_errors(file):
            try:
                return file.read_bytes()
            except (FileNotFoundError, NotADirectoryError):
                return None


def decoded(data: bytes, name: str, line: int = 1) -> str:
    """The text of a file that begins at `line`. Raises ConfigurationError that names file and line."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line += data.count(b"\n", 0, error.start)
        raise ConfigurationError([f"{name}, line {line}: not UTF-8; save the file as UTF-8"]) from error


@contextmanager
def readable_errors(file: Path) -> Iterator[None]:
    """A file that this machine cannot read or write is a ConfigurationError."""
    try:
        yield
    except OSError as error:
        problem = f"{file}: cannot be read or written ({error.strerror}); name a file or folder that can"
        raise ConfigurationError([problem]) from error


def _append(file: Path, line: str) -> None:
    with file.open("a+b") as stream:
        if stream.tell() and not _ends_a_line(stream.fileno(), stream.tell()):
            line = f"\n{line}"
        stream.write(f"{line}\n".encode())


def _ends_a_line(descriptor: int, size: int) -> bool:
    return os.pread(descriptor, 1, size - 1) == b"\n"
