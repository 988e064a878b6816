"""The keys file: what is read, what is refused with its place, and how it is replaced."""

from __future__ import annotations

import json
import logging
import stat
import threading
from pathlib import Path
from typing import Any

import pytest

from litellm_fallback_router.adapters import keys_file
from litellm_fallback_router.adapters.keys_file import KeysFile, only_writer, read_keys, write_keys
from litellm_fallback_router.routing.callers import Budget, CallerKey, KeyEntry, Priority
from litellm_fallback_router.routing.errors import ConfigurationError

HASH, OTHER = "a" * 64, "b" * 64
KEY = KeyEntry(
    CallerKey("ab12", name="équipe", models=("openai-*",), max_usd=Budget.parse("50/day"), priority=Priority.BATCH),
    HASH,
    created_at=1_790_000_000,
    expires_at=1_800_000_000,
)
SECOND = KeyEntry(CallerKey("cd34", rpm=5), OTHER, created_at=1_790_000_001, revoked_at=1_790_000_002)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


def test_keys_are_read_as_they_were_written_the_oldest_first(path: Path) -> None:
    write_keys(path, [SECOND, KEY])
    assert read_keys(path) == [KEY, SECOND]


def test_a_written_file_is_its_owners_alone_and_leaves_nothing_beside_it(path: Path) -> None:
    write_keys(path, [KEY])
    write_keys(path, [KEY, SECOND])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_cannot_be_written_leaves_the_old_one(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_keys(path, [KEY])

    def full(_: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="no space"):
        write_keys(path, [SECOND])
    assert read_keys(path) == [KEY]
    assert list(path.parent.iterdir()) == [path]


ITEM = {"id": "ab12", "sha256": HASH, "created_at": "2026-11-29T17:00:00Z"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is no JSON at line 1"),
        ("[]", 'must be an object with a list: {"keys": [...]}'),
        ('{"keys": [], "more": 1}', "must be an object with a list"),
        (json.dumps({"keys": [5]}), "keys[0].id: must be 1 to 64 letters"),
        (json.dumps({"keys": [ITEM | {"sha256": "A" * 64}]}), "keys[0].sha256: must be the key's SHA-256"),
        (json.dumps({"keys": [ITEM | {"key": "sk-secret"}]}), "keys[0].key: unknown field"),
        (json.dumps({"keys": [ITEM, ITEM | {"id": "cd34"}]}), "keys[1].id: another key has this id or hash"),
        (json.dumps({"keys": [ITEM | {"rpm": "5"}]}), "keys[0].rpm: must be a whole number"),
        (json.dumps({"keys": [ITEM | {"expires_at": "tomorrow"}]}), "keys[0].expires_at: must be a time in UTC"),
        (json.dumps({"keys": [{"id": "ab12", "sha256": HASH}]}), "keys[0].created_at: missing; add a time"),
        (" " * (keys_file.MOST_BYTES + 1), "larger than"),
        (json.dumps({"keys": [5] * (keys_file.MOST_KEYS + 1)}), "at most"),
    ],
)
def test_a_mistake_is_named_with_its_place_and_the_fix(path: Path, text: str, said: str) -> None:
    path.write_text(text)
    with pytest.raises(ConfigurationError) as wrong:
        read_keys(path)
    (problem,) = wrong.value.problems
    assert problem.startswith(f"{path}: {said}")
    assert "sk-secret" not in problem


def test_a_missing_file_says_how_it_is_made(path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"fallback-router keys create --file"):
        KeysFile(path)


def test_a_changed_file_counts_a_second_later(path: Path) -> None:
    write_keys(path, [KEY])
    clock = Clock()
    keys = KeysFile(path, clock=clock)
    write_keys(path, [SECOND])
    assert (keys.find(HASH), keys.find(OTHER)) == (KEY, None), "it is not looked at with every request"
    clock.now = keys_file.REREAD_SECONDS
    assert (keys.find(HASH), keys.find(OTHER)) == (None, SECOND)


@pytest.mark.parametrize("broken", [None, "{"])
def test_while_the_file_cannot_be_read_the_keys_stay_valid_and_the_log_says_so_once(
    path: Path, broken: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    write_keys(path, [KEY])
    clock = Clock()
    keys = KeysFile(path, clock=clock)
    if broken is None:
        path.unlink()
    else:
        path.write_text(broken)
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            clock.now += keys_file.REREAD_SECONDS
            assert keys.find(HASH) == KEY
    (record,) = caplog.records
    assert "stay valid" in record.getMessage()
    write_keys(path, [SECOND])
    clock.now += keys_file.REREAD_SECONDS
    assert (keys.find(HASH), keys.find(OTHER)) == (None, SECOND)


def test_only_one_command_changes_the_file_at_a_time(path: Path) -> None:
    write_keys(path, [])

    def add(number: int) -> None:
        with only_writer(path):
            entry = KeyEntry(CallerKey(f"k{number}"), f"{number:064x}", created_at=number)
            write_keys(path, [*read_keys(path), entry])

    adding = [threading.Thread(target=add, args=(number,)) for number in range(12)]
    for thread in adding:
        thread.start()
    for thread in adding:
        thread.join()
    assert len(read_keys(path)) == 12


def test_a_command_that_waits_too_long_for_another_gives_up(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys_file, "LOCK_SECONDS", 0.05)
    said: list[Any] = []

    def second() -> None:
        try:
            with only_writer(path):
                said.append("in")
        except TimeoutError as error:
            said.append(str(error))

    with only_writer(path):
        other = threading.Thread(target=second)
        other.start()
        other.join()
    assert said == ["another command is changing the file"]
