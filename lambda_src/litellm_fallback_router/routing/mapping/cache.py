"""`cache` of the mapping: whether answers are kept and given again to equal requests, where, and for how long."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

LARGEST_ANSWER = 380_000
"""Bytes; DynamoDB takes items of up to 400 KB, names included. Source: Amazon DynamoDB Developer Guide, "Quotas"."""


class CacheRules(BaseModel):
    """`cache` of the mapping. A request takes part only where it says so (`router.cache`)."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    store: Literal["memory", "dynamodb"]
    """`memory`: in this process; `dynamodb`: in the table that `ROUTER_CACHE_TABLE` names."""
    ttl: int = Field(3_600, ge=1, le=2_592_000)
    """Seconds for which an answer is given again."""
    shared: bool = False
    """True: an answer may be given to another caller than the one whose request it was for."""
    fallbacks: bool = False
    """True: answers of fallbacks are kept too."""
    max_answer_bytes: int = Field(200_000, ge=1_000, le=LARGEST_ANSWER)
    """Largest answer that is kept."""
    max_entries: int = Field(10_000, ge=1, le=1_000_000)
    """Answers in memory; then the one that was unused for longest goes."""
    max_bytes: int = Field(64_000_000, ge=1_000, le=10_000_000_000)
    """Bytes of all answers in memory, in the same way."""
