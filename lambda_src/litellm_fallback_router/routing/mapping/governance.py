"""`prompts` and `guardrail` of the mapping: which managed prompts callers may use, and which guardrail checks requests
and answers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from ..errors import InvalidRequestError
from ..types import Prompt
from .schema import parse, table

DRAFT = "DRAFT"
_PROMPT_ID = re.compile(r"[0-9a-zA-Z]{10}")
_PROMPT_ARN = re.compile(r"arn:aws[a-z-]*:bedrock:(?P<region>[a-z0-9-]{1,20}):\d{12}:prompt/(?P<id>[0-9a-zA-Z]{10})")
_PROMPT_VERSION = re.compile(r"DRAFT|0{0,4}[1-9]\d{0,4}")
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
            if not _PROMPT_ID.fullmatch(entry) and not _PROMPT_ARN.fullmatch(entry):
                raise ValueError(f"'{entry[:100]}' is neither a prompt's id of 10 characters nor its ARN")
        return allow

    @model_validator(mode="after")
    def _one_region(self) -> PromptAccess:
        regions = {found["region"] for entry in self.allow if (found := _PROMPT_ARN.fullmatch(entry))}
        if self.region is not None:
            regions.add(self.region)
        if len(regions) > 1:
            raise ValueError(f"the prompts must be in one Region, got {', '.join(sorted(regions))}")
        return self

    @property
    def where(self) -> str | None:
        """Region of the prompts; None: the process's own."""
        found = next((match for entry in self.allow if (match := _PROMPT_ARN.fullmatch(entry))), None)
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
    """The mapping with `prompts` (ids or ARNs) allowed in place of its own; unchanged where there are none."""
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
    identifier, in_id = (arn, suffix) if _PROMPT_ARN.fullmatch(arn) else (prompt.id, None)
    version = prompt.version or in_id or DRAFT
    if not _PROMPT_VERSION.fullmatch(version):
        text = f"no version {version[:20]!r} of prompt {identifier[:200]!r}: it is a number, or DRAFT"
        raise _refused(text, "prompt.version")
    if in_id is not None and in_id != version:
        raise _refused(f"prompt.id is of version {in_id[:20]!r}, but prompt.version is {version!r}", "prompt.version")
    return identifier, version


def _refused(text: str, param: str) -> InvalidRequestError:
    error = InvalidRequestError(text, param=param)
    error.code = "prompt_not_found"
    return error


SMALLEST_WINDOW, LARGEST_WINDOW = 200, 20_000
_GUARDRAIL_ID = re.compile(r"[a-z0-9]+|arn:aws(-[^:]+)?:bedrock:[a-z0-9-]{1,20}:\d{12}:guardrail/[a-z0-9]+")
_GUARDRAIL_VERSION = re.compile(r"[1-9]\d{0,7}|DRAFT")


def with_guardrail(mapping: Any, identifier: str | None, version: str | None) -> Any:
    """The mapping with the guardrail `identifier` in this `version`; the rest of its own `guardrail` stays.

    Unchanged where `identifier` is None.
    """
    if identifier is None or not isinstance(mapping, Mapping):
        return mapping
    own = mapping.get("guardrail") or {}
    return (
        {**mapping, "guardrail": {**own, "id": identifier, "version": version}} if isinstance(own, Mapping) else mapping
    )


class Guardrail(BaseModel):
    """A Bedrock guardrail that checks the input and the output of every provider."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    id: str
    """Its id, or its ARN."""
    version: str
    """A published version's number, or `DRAFT`."""
    region: str | None = Field(None, pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")
    """Where it is; by default the Region of its ARN, else the process's own."""
    parallel: bool = False
    """True: where Bedrock comes first in the chain, the input is checked beside the first attempt instead of before
    it, and nothing is released before the verdict. For guardrails that only block: what one would mask has then been
    sent."""
    stream_window: int | Literal["end", "off"] = 1_000
    """Characters of a stream that are checked at a time, the last quarter again with the next; `end`: all of it, once
    it is complete; `off`: streams are not checked."""
    on_block: Literal["message", "error"] = "message"
    """`message`: a block is an answer, in the guardrail's own words; `error`: it is a 400."""
    on_unreachable: Literal["fail_closed", "fail_open"] = "fail_closed"
    """`fail_closed`: without a verdict there is no answer; `fail_open`: it goes on unchecked."""

    @field_validator("id")
    @classmethod
    def _known_form(cls, text: str) -> str:
        if not _GUARDRAIL_ID.fullmatch(text):
            raise ValueError("must be a guardrail's id, such as ab12cd34ef56, or its ARN")
        return text

    @field_validator("version", mode="before")
    @classmethod
    def _version(cls, value: Any) -> Any:
        text = str(value) if type(value) is int else value
        if isinstance(text, str) and not _GUARDRAIL_VERSION.fullmatch(text):
            raise ValueError("must be a published version's number, such as 1, or DRAFT")
        return text

    @field_validator("stream_window", mode="before")
    @classmethod
    def _window(cls, value: Any) -> Any:
        if value is False:  # what YAML makes of off
            return "off"
        if value in ("end", "off") or (type(value) is int and SMALLEST_WINDOW <= value <= LARGEST_WINDOW):
            return value
        raise ValueError(f"must be {SMALLEST_WINDOW} to {LARGEST_WINDOW} characters, 'end' or 'off'")

    @property
    def place(self) -> str | None:
        """Region of the guardrail; None: the process's own."""
        return self.region or (self.id.split(":")[3] if self.id.startswith("arn:") else None)
