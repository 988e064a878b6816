"""Answers as Bedrock's evaluation jobs take them: "bring your own inference responses", one JSON object a line.

Source: https://docs.aws.amazon.com/bedrock/latest/userguide/model-evaluation-prompt-datasets-judge.html, and botocore's
model of CreateEvaluationJob for the identifier.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..types import Message

MAX_LINES = 1000
"""Of one file, and so of one job."""
_LONGEST_IDENTIFIER = 256


def identifier(name: str) -> str:
    """A model's name as an `inferenceSourceIdentifier`: letters, digits, `.`, `_` and `-`, at most 256 of them."""
    allowed = re.sub(r"[^A-Za-z0-9._-]", "-", name)
    return re.sub(r"^[^A-Za-z0-9]+", "", allowed)[:_LONGEST_IDENTIFIER] or "model"


def response_line(
    prompt: str, response: str, model: str, *, reference: str | None = None, category: str | None = None
) -> str:
    """One line, without its end. `model`: an `identifier`, the same in every line of a file."""
    line: dict[str, Any] = {"prompt": prompt}
    if reference is not None:
        line["referenceResponse"] = reference
    if category is not None:
        line["category"] = category
    line["modelResponses"] = [{"response": response, "modelIdentifier": model}]
    return json.dumps(line, ensure_ascii=False)


def as_prompt(messages: Sequence[Message]) -> str:
    """A conversation as the one prompt the format has. Text only; turns after each other where there are several."""
    said = [(str(message.get("role", "")), _text(message.get("content"))) for message in messages]
    spoken = [(role, text) for role, text in said if text]
    if all(role in {"system", "developer", "user"} for role, _ in spoken):
        return "\n\n".join(text for _, text in spoken)
    return "\n\n".join(f"{role}: {text}" for role, text in spoken)


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "\n".join(str(part["text"]) for part in content if isinstance(part, Mapping) and part.get("text"))
    return ""
