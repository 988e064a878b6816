"""A Dockerfile, as its builder reads it."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Step:
    keyword: str
    rest: str

    @property
    def words(self) -> list[str]:
        """Of a JSON array, or of a shell's line."""
        listed: list[str] = json.loads(self.rest) if self.rest.startswith("[") else shlex.split(self.rest)
        return listed


def stages(path: Path) -> list[list[Step]]:
    """The steps of each stage, its FROM first. What stands before the first FROM is left out."""
    text = re.sub(r"\\\n", " ", path.read_text(encoding="utf-8"))
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    found: list[list[Step]] = []
    for line in lines:
        keyword, _, rest = line.partition(" ")
        if keyword == "FROM":
            found.append([])
        if found:
            found[-1].append(Step(keyword, rest.strip()))
    return found


def of(steps: list[Step], keyword: str) -> list[Step]:
    return [step for step in steps if step.keyword == keyword]
