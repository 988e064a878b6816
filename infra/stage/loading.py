"""CDK's context (`cdk deploy -c stage=prod -c waf=true`) -> a stage, or every mistake in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from litellm_fallback_router.routing.errors import ConfigurationError

from .settings import Stage

_FOREIGN = re.compile(r".*[:@].*|(?:cli-)?telemetry.*|tree|acknowledged-issue-numbers|notices")
"""Context that is CDK's own: feature flags, cached look-ups and the CLI's switches."""


def load_stage(context: Mapping[str, Any]) -> Stage:
    """The stage that CDK's context describes.

    Raises ConfigurationError with every mistake, each with its field and the fix.
    """
    known = [field.alias or name for name, field in Stage.model_fields.items()]
    given = {key: value for key, value in context.items() if not _FOREIGN.fullmatch(key) and value != ""}
    problems = [f"-c {key}: {_unknown(key, known)}" for key in given if key not in known]
    try:
        stage = Stage.model_validate({key: value for key, value in given.items() if key in known})
    except ValidationError as error:
        details = error.errors(include_url=False)
        problems += [_sentence([str(part) for part in one["loc"]], one["msg"]) for one in details]
    if problems:
        raise ConfigurationError(problems)
    return stage


def _unknown(word: str, known: list[str]) -> str:
    close = get_close_matches(word, known, n=1)
    return f"unknown setting; did you mean '{close[0]}'?" if close else f"unknown setting; known: {', '.join(known)}"


def _sentence(path: list[str], message: str) -> str:
    message = message.removeprefix("Value error, ").replace("Input should be", "must be")
    return f"-c {'.'.join(path)}: {message}" if path else f"-c {message}"
