"""The questions of an evaluation: JSON lines, checked one by one."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

from litellm_fallback_router.routing.errors import ConfigurationError
from litellm_fallback_router.routing.mapping import type_name, unknown
from litellm_fallback_router.routing.types import Message

FIELDS = ("prompt", "referenceResponse", "category", "system")
MAX_PROBLEMS = 20
"""Of a file that are told at once."""
_LINE_END = re.compile(r"\r\n|\n|\r")
"""Not `str.splitlines`, which also splits at characters that may stand in a JSON string, such as U+2028."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """One question."""

    text: str
    reference: str | None = None
    """A good answer, to compare with."""
    category: str | None = None
    system: str | None = None

    def id(self, max_tokens: int) -> str:
        """The same for the same question with the same limit: such an answer needs no second asking."""
        return hashlib.sha256(json.dumps([self.system, self.text, max_tokens]).encode()).hexdigest()[:16]

    @property
    def messages(self) -> list[Message]:
        system: list[Message] = [] if self.system is None else [{"role": "system", "content": self.system}]
        return [*system, {"role": "user", "content": self.text}]


def read_dataset(text: str, name: str) -> list[Prompt]:
    """The prompts in `text`. Raises ConfigurationError that names file, line and fix; never what a line says."""
    prompts: list[Prompt] = []
    problems: list[str] = []
    first_seen: dict[tuple[str, str | None], int] = {}
    for number, line in enumerate(_LINE_END.split(text), start=1):
        if not line.strip():
            continue
        found = _read_line(line)
        if isinstance(found, str):
            problems.append(f"{name}, line {number}: {found}")
            continue
        before = first_seen.setdefault((found.text, found.system), number)
        if before != number:
            problems.append(f"{name}, line {number}: the same prompt as in line {before}; remove one")
        prompts.append(found)
    if not prompts and not problems:
        problems.append(f'{name}: empty; write one JSON object a line, such as {{"prompt": "..."}}')
    if len(problems) > MAX_PROBLEMS:
        problems[MAX_PROBLEMS:] = [f"{name}: {len(problems) - MAX_PROBLEMS} more lines are wrong"]
    if problems:
        raise ConfigurationError(problems)
    return prompts


def _read_line(line: str) -> Prompt | str:
    """The prompt, or what is wrong with the line."""
    try:
        value: Any = json.loads(line)
    except (ValueError, RecursionError):
        return "not JSON; each line is one object"
    if not isinstance(value, dict):
        return f"must be an object, got {type_name(value)}"
    problem = next(filter(None, (_problem(key, item) for key, item in value.items())), None)
    if problem is not None:
        return problem
    if "prompt" not in value:
        return "prompt: missing; add it"
    return Prompt(value["prompt"], value.get("referenceResponse"), value.get("category"), value.get("system"))


def _problem(key: str, value: Any) -> str | None:
    if key not in FIELDS:
        return f"{key[:50]}: {unknown(key, FIELDS)}"
    if not isinstance(value, str):
        return f"{key}: must be a string, got {type_name(value)}"
    if not value.strip():
        return f"{key}: must not be empty" + ("" if key == "prompt" else "; leave it out")
    if any("\ud800" <= character <= "\udfff" for character in value):
        return f"{key}: holds half a character (a lone surrogate); correct it"
    return None
