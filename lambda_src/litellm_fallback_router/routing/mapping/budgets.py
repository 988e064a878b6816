"""`budgets` of the mapping: what the stage and its tags may spend, and what becomes of all budgets while the place
where they are counted is out of reach."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, field_validator

from ..callers import Budget

MOST_TAGS = 1000
_TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def _budget(value: Any) -> Budget:
    """A budget as text; one without a period may be a number. Raises ValueError."""
    if isinstance(value, Budget):
        return value
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return Budget.parse(value if isinstance(value, str) else str(value) if number else "")


Usd = Annotated[Budget, PlainValidator(_budget)]


class Budgets(BaseModel):
    """`budgets` of the mapping. Those of keys are with the keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    stage: Usd | None = None
    """Of all callers together: `500/day`; None: not limited."""
    tags: Mapping[str, Usd] = Field(default_factory=dict)
    """By the `metadata.tag` of a request. Where there are any, a request may have no other tag."""
    on_state_loss: Literal["fail_open", "fail_closed"] = "fail_open"
    """While what was spent cannot be read or written. `fail_open`: each process goes on with its `local_share`;
    `fail_closed`: what has a budget is refused."""
    local_share: float = Field(0.05, gt=0, le=1)
    """Share of each budget that a process may spend by itself until the others' spending is known again."""

    @field_validator("tags", mode="before")
    @classmethod
    def _usable(cls, tags: Any) -> Any:
        if isinstance(tags, Mapping):
            if len(tags) > MOST_TAGS:
                raise ValueError(f"at most {MOST_TAGS} tags, got {len(tags)}")
            for name in tags:
                if not isinstance(name, str) or not _TAG.fullmatch(name):
                    raise ValueError(
                        f"a tag is 1 to 64 letters, digits, '.', '_' and '-', and begins with one of the first two; "
                        f"got {str(name)[:70]!r}"
                    )
        return tags
