"""What a key may do, as JSON fields: what is taken, what is written, and what is said of mistakes."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import pytest

from litellm_fallback_router.routing.callers import Budget, CallerKey, KeyEntry, Priority
from litellm_fallback_router.routing.key_fields import FIELDS, LONGEST, as_text, from_text, key_fields, key_of

WHOLE: dict[str, Any] = {
    "name": "Équipe A",
    "models": ["openai-*", "cheap"],
    "max_usd": "50/day",
    "rpm": 60,
    "tpm_in": 100_000,
    "tpm_out": 20_000,
    "concurrency": 5,
    "priority": "batch",
    "operator": True,
}


def test_every_field_of_a_key_has_its_json() -> None:
    assert {one.name for one in dataclasses.fields(CallerKey)} == {"id", *FIELDS} == {"id", *WHOLE}


def test_fields_are_read_and_written_unchanged() -> None:
    key = key_of("ab12", WHOLE)

    assert key.max_usd == Budget.parse("50/day")
    assert key.priority is Priority.BATCH
    assert key_fields(key) == WHOLE
    assert from_text("ab12", as_text(key)) == key
    assert as_text(key).isascii(), "it travels in a header"


def test_a_key_without_limits_is_no_text_at_all() -> None:
    assert as_text(CallerKey("ab12")) == ""
    assert from_text("ab12", "") == CallerKey("ab12")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"rmp": 5}, "rmp: unknown field, did you mean 'rpm'?"),
        ({"zzz": 5}, "zzz: unknown field; known: name, models"),
        ({"rpm": 0}, "rpm: must be a whole number from 1"),
        ({"rpm": True}, "rpm: must be a whole number from 1"),
        ({"tpm_in": 1.5}, "tpm_in: must be a whole number from 1"),
        ({"tpm_out": "5"}, "tpm_out: must be a whole number from 1"),
        ({"concurrency": None}, "concurrency: must be a whole number from 1"),
        ({"models": "openai-*"}, "models: must be a list of 1 to 50 names"),
        ({"models": []}, "models: must be a list of 1 to 50 names"),
        ({"models": ["a b"]}, "models: a name or pattern is printable ASCII"),
        ({"models": [f"{n:0200}" for n in range(50)]}, "models: all fields together are at most 2000 characters"),
        ({"max_usd": 50}, "max_usd: must be an amount in USD and a period, such as 50/day"),
        ({"name": " a"}, "name: must be 1 to 64 printable characters"),
        ({"name": "a\nb"}, "name: must be 1 to 64 printable characters"),
        ({"operator": "yes"}, "operator: must be true or false"),
        ({"priority": "high"}, "priority: must be interactive or batch"),
    ],
)
def test_a_mistake_names_the_field_and_the_fix(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(said)}"):
        key_of("ab12", fields)


@pytest.mark.parametrize("text", ["[]", "5", "{", '{"rpm": 0}'])
def test_text_that_is_no_fields_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"object|Expecting|rpm"):
        from_text("ab12", text)


def test_the_longest_text_is_taken() -> None:
    key = CallerKey("ab12", models=("m" * 200,) * 9)
    assert len(as_text(key)) < LONGEST
    assert from_text("ab12", as_text(key)) == key


def test_a_key_is_active_until_it_expires_or_is_revoked() -> None:
    entry = KeyEntry(CallerKey("ab12"), "ff", created_at=0, expires_at=100)

    assert [entry.state(now) for now in (99.9, 100.0)] == ["active", "expired"]
    assert dataclasses.replace(entry, revoked_at=50).state(60.0) == "revoked"
    assert dataclasses.replace(entry, expires_at=None).state(1e12) == "active"
