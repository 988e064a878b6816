"""Claude, at Anthropic and wherever else it is sold. Sources: Anthropic "Create a message" (temperature 0 to 1), "Tool
use" and "Messages".
"""

from __future__ import annotations

import re
from dataclasses import replace

from .dialect import ASSISTANT_PARTS, PENALTIES, TEXT, Dialect, Feature, Parts
from .finish_reasons import FinishReasons
from .profile import Family, Override

OPENAI_ONLY = frozenset(
    {
        "seed",
        "user",
        "store",
        "metadata",
        "prediction",
        "verbosity",
        "safety_identifier",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "modalities",
        "audio",
    }
)
"""`modalities` and `audio` only where nothing but text is requested: speech is a requirement."""
ANTHROPIC_ONLY = frozenset({"thinking", "top_k"})

OPENAI_FEATURES = frozenset(
    {
        Feature.MANY_CHOICES,
        Feature.LOGPROBS,
        Feature.OPEN_SCHEMA,
        Feature.FUNCTIONS,
        Feature.CHOICE_OF_TOOLS,
        Feature.AUDIO,
        Feature.MODERATION,
    }
)
CLAUDE_PARTS: Parts = {
    "system": TEXT,
    "developer": TEXT,
    "user": TEXT | {"image_url", "file", "file by id", "file by URL", "document", "document without base64"},
    "assistant": ASSISTANT_PARTS,
    "tool": TEXT | {"image_url"},
}
TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
"""Source: Anthropic "Tool use" (`name`)."""
_CALL_ID = re.compile(r"[a-zA-Z0-9_-]+")
"""Source: Anthropic "Messages" (`tool_use.id`)."""
CLAUDE = Dialect(
    cannot=OPENAI_FEATURES | {Feature.BLANK_STOP},
    parts=CLAUDE_PARTS,
    image_urls=frozenset({"https"}),
    lacks=PENALTIES | OPENAI_ONLY | {"service_tier"},
    temperature_max=1.0,
    json_mode=False,
    strict_tools=False,
    tool_names=TOOL_NAME,
    turns=True,
    call_id=_CALL_ID,
    temperature_and_top_p=False,
)
CLAUDE_BY_DATA = replace(CLAUDE, image_urls=frozenset())
"""Where LiteLLM would fetch an image to send it on."""
_TAKES_BOTH = re.compile(r"claude-(?:instant|v?2|3|(?:sonnet|opus)-4-(?:0|20250514)|4-(?:sonnet|opus)-20250514)")
"""Claude models before Opus 4.1. Later ones answer 400: "`temperature` and `top_p` cannot both be specified for this
model", at Anthropic and on Bedrock."""
_CLAUDE = re.compile("claude")


def claude_families(dialect: Dialect = CLAUDE, finish_reasons: FinishReasons | None = None) -> tuple[Family, Family]:
    """Claude's models at a provider where Claude's API has this `dialect`.

    Args:
        dialect: What the provider's API takes for Claude since Opus 4.1.
        finish_reasons: Claude's at that provider; None: the provider has one set for all its models.
    """
    both = replace(dialect, temperature_and_top_p=True)
    return (
        Family(_TAKES_BOTH, Override(dialect=both, finish_reasons=finish_reasons, claude=True)),
        Family(_CLAUDE, Override(dialect=dialect, finish_reasons=finish_reasons, claude=True)),
    )
