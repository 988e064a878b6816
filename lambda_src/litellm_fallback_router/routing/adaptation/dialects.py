"""What each provider's API takes, apart from what a model can do: the needs it cannot meet, the wishes it lacks, the
ranges it has.

Sources: OpenAI "Create chat completion", Anthropic "Create a message" (temperature 0 to 1), Amazon Bedrock
"Converse" (`inferenceConfig`: temperature 0 to 1), and what LiteLLM 1.106.2 sends: it leaves out in silence what it
finds no place for. `tests/integration/test_nothing_vanishes.py` holds the tables against the requests providers get.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum

from ..request import SCHEMES
from ..types import Deployment
from .schemas import TOP_OF_NOVA


class Feature(Enum):
    """What an answer would be wrong without and only some APIs have: the code and the reason of a drop."""

    MANY_CHOICES = ("n", "gives one choice only (n = 1)")
    LOGPROBS = ("logprobs", "gives no logprobs")
    OPEN_SCHEMA = ("json_schema", "takes a `json_schema` only with its `schema`")
    FUNCTIONS = ("functions", "takes `tools`, not the older `functions`")
    CHOICE_OF_TOOLS = ("tools", "takes no `tool_choice` but of one function")
    WEB_SEARCH = ("web_search", "does not search the web")
    AUDIO = ("audio", "does not speak")
    MODERATION = ("moderation", "does not moderate")
    STOP = ("stop", "takes no stop sequences")
    BLANK_STOP = ("stop", "takes no stop sequence of white space alone")

    @property
    def code(self) -> str:
        return self.value[0]

    @property
    def reason(self) -> str:
        return self.value[1]


Parts = Mapping[str, frozenset[str]]
"""Role -> the kinds of content parts that arrive."""

PENALTIES = frozenset({"frequency_penalty", "presence_penalty", "logit_bias"})
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
"""`modalities` and `audio` only where nothing but text is asked for: speech is a need."""
ANTHROPIC_ONLY = frozenset({"thinking", "top_k"})

_TEXT = frozenset({"text"})
_SAID = frozenset({"text", "refusal", "thinking", "redacted_thinking"})
"""Refusals reach others than OpenAI as text, thinking only models that understand it."""
_OPENAI_PARTS: Parts = {
    "system": _TEXT,
    "developer": _TEXT,
    "user": _TEXT | {"image_url", "input_audio", "file", "file by id"},
    "assistant": _SAID,
    "tool": _TEXT,
    "function": _TEXT,
}
"""LiteLLM 1.106.2 would put words of its own in the place of a tool's image."""
_CLAUDE_PARTS: Parts = {
    "system": _TEXT,
    "developer": _TEXT,
    "user": _TEXT | {"image_url", "file", "file by id", "file by URL", "document", "document without base64"},
    "assistant": _SAID,
    "tool": _TEXT | {"image_url"},
}
_BEDROCK_PARTS: Parts = {
    **_CLAUDE_PARTS,
    "user": _TEXT | {"image_url", "file", "document", "guarded_text"},
}
OPENAI_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
ANTHROPIC_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
BEDROCK_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9_-]{0,63}")
"""OpenAI's FunctionDefinition in its SDK; Anthropic "Tool use" (`name`); Bedrock's ToolName in botocore, with a letter
first: LiteLLM 1.106.2 puts one before a name without it, and remembers that for all callers alike
(`make_valid_bedrock_tool_name`)."""
_OPENAI_ID = re.compile(r".{1,40}", re.DOTALL)
_ANTHROPIC_ID = re.compile(r"[a-zA-Z0-9_-]+")
_BEDROCK_ID = re.compile(r"[a-zA-Z0-9_.:-]{1,64}")
"""OpenAI's refusal "string too long. Expected a string with maximum length 40"; Anthropic "Messages" (`tool_use.id`);
Bedrock's ToolUseId in botocore."""
_OPENAI_FEATURES_ALONE = frozenset(
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


@dataclass(frozen=True, slots=True)
class Dialect:
    """One provider's API."""

    cannot: frozenset[Feature] = frozenset()
    """Needs it cannot meet."""
    parts: Parts | None = None
    """Content parts that arrive; None: all."""
    image_urls: frozenset[str] = SCHEMES
    """Schemes of images that it takes by URL, and fetches itself."""
    lacks: frozenset[str] = frozenset()
    """Wishes it would reject or ignore: dropped, and reported."""
    temperature_max: float = 2.0
    openai: bool = False
    """OpenAI's own: names, refusals and image details have their places."""
    developer: bool = False
    """A `developer` speaks for himself; else as `system`, as LiteLLM 1.106.2 would have it without a word."""
    custom_tools: bool = False
    """Has tools that take free text; else they are functions of one string (`custom_tools`)."""
    strict_tools: bool = True
    """`strict` of a tool's function arrives."""
    strict_schema: bool = True
    """A `json_schema` is kept to, not only asked for."""
    json_mode: bool = True
    """Has a `response_format` of `json_object`; else it is asked for by an instruction (`json_mode`)."""
    parallel_switch: bool = True
    """Takes `parallel_tool_calls`; else the first call of an answer is kept (`one_call`)."""
    no_choice: bool = True
    """Takes `tool_choice: none`; else the tools are left out instead."""
    tool_names: re.Pattern[str] | None = None
    """Names of tools that it takes; None: any."""
    turns: bool = False
    """Its conversations alternate between user and assistant, and hold nothing blank."""
    mixed_turns: bool = True
    """Words may stand beside calls of tools and beside their results."""
    call_id: re.Pattern[str] | None = None
    """Ids of tool calls that it takes; None: any."""
    references: bool = True
    """Schemas of tools may hold `$ref`."""
    schema_top: frozenset[str] | None = None
    """Keywords that it takes at the top of a tool's schema; None: most."""


UNKNOWN = Dialect(openai=True)
"""Any other provider, and other servers that speak OpenAI's API: nothing is assumed."""
OPENAI = Dialect(
    lacks=ANTHROPIC_ONLY | {"prompt_cache_retention", "verbosity"},
    openai=True,
    custom_tools=True,
    tool_names=OPENAI_NAME,
    call_id=_OPENAI_ID,
    parts=_OPENAI_PARTS,
)
"""LiteLLM hands OpenAI no `prompt_cache_retention`; only GPT-5 has `verbosity`."""
O_SERIES = Dialect(
    cannot=frozenset({Feature.LOGPROBS}),
    lacks=OPENAI.lacks | {"temperature", "top_p", "frequency_penalty", "presence_penalty"},
    openai=True,
    custom_tools=True,
    parallel_switch=False,
    developer=True,
    tool_names=OPENAI_NAME,
    call_id=_OPENAI_ID,
    parts=_OPENAI_PARTS,
)
GPT_5 = Dialect(
    cannot=frozenset({Feature.STOP, Feature.WEB_SEARCH, Feature.AUDIO}),
    lacks=ANTHROPIC_ONLY | PENALTIES | {"prompt_cache_retention", "prediction", "modalities", "audio"},
    openai=True,
    custom_tools=True,
    tool_names=OPENAI_NAME,
    call_id=_OPENAI_ID,
    parts=_OPENAI_PARTS,
)
AZURE = Dialect(
    lacks=OPENAI.lacks | {"safety_identifier", "service_tier", "metadata", "verbosity"},
    openai=True,
    custom_tools=True,
    tool_names=OPENAI_NAME,
    call_id=_OPENAI_ID,
    parts=_OPENAI_PARTS,
)
CLAUDE = Dialect(
    cannot=_OPENAI_FEATURES_ALONE | {Feature.BLANK_STOP},
    parts=_CLAUDE_PARTS,
    image_urls=frozenset({"https"}),
    lacks=PENALTIES | OPENAI_ONLY | {"service_tier"},
    temperature_max=1.0,
    json_mode=False,
    strict_tools=False,
    tool_names=ANTHROPIC_NAME,
    turns=True,
    call_id=_ANTHROPIC_ID,
)
BEDROCK = Dialect(
    cannot=_OPENAI_FEATURES_ALONE | {Feature.WEB_SEARCH},
    parts=_BEDROCK_PARTS,
    image_urls=frozenset(),
    lacks=PENALTIES | OPENAI_ONLY | ANTHROPIC_ONLY | {"service_tier"},
    temperature_max=1.0,
    json_mode=False,
    parallel_switch=False,
    strict_tools=False,
    strict_schema=False,
    no_choice=False,
    tool_names=BEDROCK_NAME,
    turns=True,
    mixed_turns=False,
    call_id=_BEDROCK_ID,
    references=False,
)
"""Llama refuses mixed turns: "Conversation blocks and tool result blocks cannot be provided in the same turn"
(strands-agents/harness-sdk 1223); of the others it is not known."""
NOVA = replace(BEDROCK, cannot=BEDROCK.cannot - {Feature.WEB_SEARCH}, mixed_turns=True, schema_top=TOP_OF_NOVA)
BEDROCK_CLAUDE = Dialect(
    cannot=_OPENAI_FEATURES_ALONE | {Feature.WEB_SEARCH, Feature.BLANK_STOP},
    parts=_BEDROCK_PARTS,
    image_urls=frozenset(),
    lacks=CLAUDE.lacks,
    temperature_max=1.0,
    json_mode=False,
    no_choice=False,
    tool_names=BEDROCK_NAME,
    turns=True,
    call_id=_BEDROCK_ID,
)
_DATA_ONLY = replace(UNKNOWN, image_urls=frozenset())
_CLAUDE_BY_DATA = replace(CLAUDE, image_urls=frozenset())
"""Where LiteLLM would fetch an image to send it on."""
_FETCHED_FOR = frozenset({"gemini", "vertex_ai", "vertex_ai_beta", "ollama", "ollama_chat", "snowflake"})
_O_SERIES = re.compile(r"o\d")
_TAKES_BOTH = re.compile(r"claude-(?:instant|v?2|3|(?:sonnet|opus)-4-(?:0|20250514)|4-(?:sonnet|opus)-20250514)")
"""Claude models before Opus 4.1. Later ones answer 400: "`temperature` and `top_p` cannot both be specified for this
model", at Anthropic and on Bedrock."""


def is_claude(deployment: Deployment) -> bool:
    return deployment.provider == "anthropic" or "claude" in deployment.model


def takes_temperature_and_top_p(deployment: Deployment) -> bool:
    return not is_claude(deployment) or _TAKES_BOTH.search(deployment.model) is not None


def dialect_of(deployment: Deployment) -> Dialect:
    if deployment.openai_compatible:
        return UNKNOWN
    if is_claude(deployment):
        elsewhere = dict.fromkeys(_FETCHED_FOR, _CLAUDE_BY_DATA) | {"bedrock": BEDROCK_CLAUDE}
        return elsewhere.get(deployment.provider, CLAUDE)
    if deployment.provider == "openai":
        gpt_5, o_series = deployment.model.startswith("gpt-5"), _O_SERIES.match(deployment.model)
        return GPT_5 if gpt_5 else O_SERIES if o_series else OPENAI
    if deployment.provider == "bedrock":
        return NOVA if "nova" in deployment.model else BEDROCK
    return {"azure": AZURE, **dict.fromkeys(_FETCHED_FOR, _DATA_ONLY)}.get(deployment.provider, UNKNOWN)
