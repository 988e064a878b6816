"""The callers' keys in a file of this machine: SHA-256 hashes, never a key.

    {"keys": [{"id": "1f0c...", "sha256": "1f0c...", "created_at": "2026-11-29T17:00:00Z", "rpm": 60}]}

`created_at`, `expires_at` and `revoked_at` are UTC; the rest is as in `routing/key_fields.py`. The commands replace the
file as a whole; whoever reads it finds the old one or the new one.
"""

from __future__ import annotations

import json
import logging
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..routing.callers import KeyEntry
from ..routing.errors import ConfigurationError
from ..routing.key_fields import key_fields, key_of

MOST_BYTES = 2_000_000
MOST_KEYS = 2_000
REREAD_SECONDS = 1.0
"""How long a change of the file may go unseen."""
LOCK_SECONDS = 10.0
"""Longest wait for another command that changes the file."""
_TIMES = ("created_at", "expires_at", "revoked_at")
_TIME = "%Y-%m-%dT%H:%M:%SZ"
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_HASH = re.compile(r"[0-9a-f]{64}")

logger = logging.getLogger("litellm_fallback_router")


class KeysFile:
    """Implements `CallerKeys`. The file is read again where it has changed; while what is there cannot be read, the
    keys that were read before stay valid, and the log says so."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Raises ConfigurationError where the file is not there or not right. `clock` gives seconds."""
        self._path = path
        self._clock = clock
        self._seen = _version(path)
        self._keys = {entry.key_hash: entry for entry in read_keys(path)}
        self._looked = clock()

    def find(self, key_hash: str) -> KeyEntry | None:
        if self._clock() - self._looked >= REREAD_SECONDS:
            self._looked = self._clock()
            self._look()
        return self._keys.get(key_hash)

    def _look(self) -> None:
        version = _version(self._path)
        if version == self._seen:
            return
        # Said once of each version, and not with every request.
        self._seen = version
        try:
            self._keys = {entry.key_hash: entry for entry in read_keys(self._path)}
        except ConfigurationError as error:
            logger.error("the keys that were read before stay valid: %s", "; ".join(error.problems))  # noqa: TRY400


def _version(path: Path) -> tuple[int, int, int] | None:
    """Differs where the file was replaced or written to; None where it is not there."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def read_keys(path: Path) -> list[KeyEntry]:
    """All keys, the oldest first. Raises ConfigurationError with every mistake, each with its place and the fix."""
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        made = f"`fallback-router keys create --file {path}` makes it"
        raise ConfigurationError([f"{path}: there is no such keys file; {made}"]) from None
    except OSError as error:
        raise ConfigurationError([f"{path}: cannot be read: {error.strerror or type(error).__name__}"]) from None
    if len(data) > MOST_BYTES:
        raise ConfigurationError([f"{path}: larger than {MOST_BYTES} bytes; revoked keys can be taken out"])
    try:
        read = json.loads(data)
    except ValueError as error:
        where = f" at line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise ConfigurationError([f"{path}: is no JSON{where}"]) from None
    if not isinstance(read, dict) or set(read) != {"keys"} or not isinstance(read["keys"], list):
        raise ConfigurationError([f'{path}: must be an object with a list: {{"keys": [...]}}'])
    return _entries(read["keys"], path)


def _entries(items: list[Any], path: Path) -> list[KeyEntry]:
    if len(items) > MOST_KEYS:
        raise ConfigurationError([f"{path}: at most {MOST_KEYS} keys, got {len(items)}; take revoked ones out"])
    problems: list[str] = []
    entries: list[KeyEntry] = []
    ids: set[str] = set()
    hashes: set[str] = set()
    for index, item in enumerate(items):
        try:
            entry = _entry(item)
            if entry.key.id in ids or entry.key_hash in hashes:
                raise ValueError("id: another key has this id or hash too; take one out")  # noqa: TRY301
        except ValueError as error:
            problems.append(f"{path}: keys[{index}].{error}")
            continue
        ids.add(entry.key.id)
        hashes.add(entry.key_hash)
        entries.append(entry)
    if problems:
        raise ConfigurationError(problems)
    return sorted(entries, key=lambda entry: entry.created_at)


def _entry(item: Any) -> KeyEntry:
    """Raises ValueError that begins with the field."""
    given = dict(item) if isinstance(item, Mapping) else {}
    id, key_hash = given.pop("id", None), given.pop("sha256", None)
    if not isinstance(id, str) or not _ID.fullmatch(id):
        raise ValueError("id: must be 1 to 64 letters, digits, '.', '_' and '-'")
    if not isinstance(key_hash, str) or not _HASH.fullmatch(key_hash):
        raise ValueError("sha256: must be the key's SHA-256 in 64 hexadecimal digits, in lower case")
    times = {name: _unix(name, given.pop(name)) for name in _TIMES if name in given}
    if "created_at" not in times:
        raise ValueError("created_at: missing; add a time such as 2026-11-29T17:00:00Z")
    return KeyEntry(key_of(id, given), key_hash, **times)


def _unix(name: str, value: Any) -> int:
    try:
        return int(datetime.strptime(value, _TIME).replace(tzinfo=UTC).timestamp())
    except (TypeError, ValueError):
        raise ValueError(f"{name}: must be a time in UTC such as 2026-11-29T17:00:00Z") from None


def _item(entry: KeyEntry) -> dict[str, Any]:
    times = {name: getattr(entry, name) for name in _TIMES}
    shown = {n: datetime.fromtimestamp(at, UTC).strftime(_TIME) for n, at in times.items() if at is not None}
    return {"id": entry.key.id, "sha256": entry.key_hash, **shown, **key_fields(entry.key)}


def write_keys(path: Path, entries: Sequence[KeyEntry]) -> None:
    """Replace the file as a whole, readable by its owner alone. Raises OSError."""
    text = json.dumps({"keys": [_item(entry) for entry in entries]}, indent=2, ensure_ascii=False) + "\n"
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)  # noqa: PTH105 - Path has no name for a file that may be gone again
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(name)  # noqa: PTH108 - as above
        raise


@contextmanager
def only_writer(path: Path) -> Iterator[None]:
    """While it lasts no other command changes the file. Raises TimeoutError, or another OSError."""
    import fcntl  # noqa: PLC0415 - not on every system on which the file can be read

    # Not the file itself: it is replaced, and a lock on the old one would keep nobody from the new one.
    with path.with_name(f".{path.name}.lock").open("w") as lock:
        until = time.monotonic() + LOCK_SECONDS
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= until:
                    raise TimeoutError("another command is changing the file") from None
                time.sleep(0.02)
        yield
