"""`guardrail` of the mapping: which guardrail guards every answer, and how."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

SMALLEST_WINDOW, LARGEST_WINDOW = 200, 20_000
_ID = re.compile(r"[a-z0-9]+|arn:aws(-[^:]+)?:bedrock:[a-z0-9-]{1,20}:\d{12}:guardrail/[a-z0-9]+")
_VERSION = re.compile(r"[1-9]\d{0,7}|DRAFT")


def with_guardrail(mapping: Any, identifier: str | None, version: str | None) -> Any:
    """The mapping with the guardrail that is named here, of which its own `guardrail` may say more; unchanged where
    none is."""
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
    """True: where Bedrock is asked first, the input is checked beside the first attempt instead of before it, and
    nothing is released before the verdict. For guardrails that only block: what one would mask has then been sent."""
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
        if not _ID.fullmatch(text):
            raise ValueError("must be a guardrail's id, such as ab12cd34ef56, or its ARN")
        return text

    @field_validator("version", mode="before")
    @classmethod
    def _version(cls, value: Any) -> Any:
        text = str(value) if type(value) is int else value
        if isinstance(text, str) and not _VERSION.fullmatch(text):
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
        """Its Region; None: the process's own."""
        return self.region or (self.id.split(":")[3] if self.id.startswith("arn:") else None)
