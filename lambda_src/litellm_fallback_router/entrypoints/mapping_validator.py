"""AppConfig's validator: a mapping that the gateway would refuse, or that names what the stage may not reach, never
begins to be rolled out.

    litellm_fallback_router.entrypoints.mapping_validator.handler

It runs in the gateway's package with the gateway's environment, so that it checks what the gateway would. It must end
within 15 seconds, and refuses by an exception. Source: AWS AppConfig user guide, "Understanding validators".
"""

from __future__ import annotations

import base64
import json
from typing import Any

from ..bootstrap import load, usable
from ..routing.errors import ConfigurationError
from ..routing.mapping import outside, unfit
from ..settings import Settings, load_settings, lookup


class MappingRefusedError(Exception):
    """The text is every mistake, for whoever pushed the mapping."""


def handler(event: dict[str, Any], context: object) -> None:
    """`event`: `{"content": BASE64, ...}`. Raises MappingRefusedError."""
    del context
    # What a simulator that takes the providers' place is asked with, is not in the mapping.
    settings = load_settings().model_copy(update={"simulator_url": None})
    try:
        mapping = json.loads(base64.b64decode(event["content"]))
        problems = _problems(settings, mapping)
    except ConfigurationError as error:
        problems = error.problems
    except ValueError:
        problems = ["the mapping is no JSON"]
    if problems:
        raise MappingRefusedError("\n".join(problems))


def _problems(settings: Settings, mapping: Any) -> list[str]:
    """Raises ConfigurationError."""
    if mapping is None:
        # Where a Router is built, None means the package's own.
        return ["the mapping is empty"]
    config = usable(settings, mapping)
    return [*unfit(config), *outside(config, load(settings), settings.models, lookup("AWS_REGION"))]
