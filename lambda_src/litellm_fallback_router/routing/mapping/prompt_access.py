"""`prompts` of the mapping: which managed prompts callers may use. It is the operator's to say."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from ..errors import InvalidRequestError
from ..types import Prompt
from .schema import parse, table

DRAFT = "DRAFT"
_ID = re.compile(r"[0-9a-zA-Z]{10}")
_ARN = re.compile(r"arn:aws[a-z-]*:bedrock:(?P<region>[a-z0-9-]{1,20}):\d{12}:prompt/(?P<id>[0-9a-zA-Z]{10})")
_VERSION = re.compile(r"DRAFT|0{0,4}[1-9]\d{0,4}")
"""Patterns of GetPrompt's input in botocore's model of bedrock-agent."""


class PromptAccess(BaseModel):
    """Bedrock Prompt Management, as far as callers may use it."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    region: str | None = None
    """Region of the prompts; None: that of their ARNs, else the process's own."""
    allow: tuple[str, ...] = Field(min_length=1, strict=False)
    """Ids or ARNs, without a version."""

    @field_validator("allow")
    @classmethod
    def _usable(cls, allow: tuple[str, ...]) -> tuple[str, ...]:
        for entry in allow:
            if not _ID.fullmatch(entry) and not _ARN.fullmatch(entry):
                raise ValueError(f"'{entry[:100]}' is neither a prompt's id of 10 characters nor its ARN")
        return allow

    @model_validator(mode="after")
    def _one_region(self) -> PromptAccess:
        regions = {found["region"] for entry in self.allow if (found := _ARN.fullmatch(entry))}
        if self.region is not None:
            regions.add(self.region)
        if len(regions) > 1:
            raise ValueError(f"the prompts must be in one Region, got {', '.join(sorted(regions))}")
        return self

    @property
    def where(self) -> str | None:
        """Region of the prompts, if it is told."""
        found = next((match for entry in self.allow if (match := _ARN.fullmatch(entry))), None)
        return self.region or (found["region"] if found else None)

    def find(self, prompt: Prompt) -> tuple[str, str]:
        """The identifier and version to read. Raises InvalidRequestError that names what is wrong."""
        identifier, version = _split(prompt)
        for entry in self.allow:
            if identifier in (entry, entry.rpartition("/")[2]):
                return entry, version
        allowed = ", ".join(self.allow)
        raise _refused(f"no prompt {identifier[:200]!r} that this gateway may use; it may use: {allowed}", "prompt.id")


def with_prompts(mapping: Any, prompts: Sequence[str]) -> Any:
    """The mapping with these prompts allowed in the place of its own; just as it is where there are none."""
    if not prompts or not isinstance(mapping, Mapping):
        return mapping
    own = mapping.get("prompts")
    return {**mapping, "prompts": {**(own if isinstance(own, Mapping) else {}), "allow": list(prompts)}}


def read_access(value: Any, names: set[str], problems: list[str]) -> PromptAccess | None:
    """`prompts` of a mapping whose models and strategies are `names`; mistakes are added to `problems`."""
    if value is None:
        return None
    if "prompt" in names:
        problems.append("prompts: a model or strategy is named 'prompt', which callers say for a prompt's own model")
    return parse(PromptAccess, table(value, "prompts", problems), "prompts", problems)


def _split(prompt: Prompt) -> tuple[str, str]:
    """The console shows a version's ARN with the version behind a colon."""
    arn, _, suffix = prompt.id.rpartition(":")
    identifier, in_id = (arn, suffix) if _ARN.fullmatch(arn) else (prompt.id, None)
    version = prompt.version or in_id or DRAFT
    if not _VERSION.fullmatch(version):
        text = f"no version {version[:20]!r} of prompt {identifier[:200]!r}: it is a number, or DRAFT"
        raise _refused(text, "prompt.version")
    if in_id is not None and in_id != version:
        raise _refused(f"prompt.id is of version {in_id[:20]!r}, but prompt.version is {version!r}", "prompt.version")
    return identifier, version


def _refused(text: str, param: str) -> InvalidRequestError:
    error = InvalidRequestError(text, param=param)
    error.code = "prompt_not_found"
    return error
