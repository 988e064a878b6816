"""What a provider's API takes, apart from what a model can do: the features it lacks, the fields it has no place for,
the ranges and names it allows.

`tests/integration/test_nothing_vanishes.py` holds the profiles against the requests that providers get.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


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

TEXT = frozenset({"text"})
ASSISTANT_PARTS = frozenset({"text", "refusal", "thinking", "redacted_thinking"})
"""Refusals reach others than OpenAI as text, thinking only models that understand it."""
PENALTIES = frozenset({"frequency_penalty", "presence_penalty", "logit_bias"})


@dataclass(frozen=True, slots=True)
class Dialect:
    """One provider's API."""

    cannot: frozenset[Feature] = frozenset()
    """Needs it cannot meet."""
    parts: Parts | None = None
    """Content parts that arrive; None: all."""
    image_urls: frozenset[str] = frozenset({"https", "http"})
    """Schemes of images that it takes by URL, and fetches itself."""
    lacks: frozenset[str] = frozenset()
    """Wishes it would reject or ignore: dropped, and reported."""
    temperature_max: float = 2.0
    openai: bool = False
    """OpenAI's own: names, refusals and image details have their places."""
    developer: bool = False
    """Takes the role `developer`; else it becomes `system`, which LiteLLM 1.106.2 would do without a report."""
    custom_tools: bool = False
    """Has tools that take free text; else they are functions of one string (`custom_tools`)."""
    strict_tools: bool = True
    """`strict` of a tool's function arrives."""
    strict_schema: bool = True
    """A `json_schema` is enforced, not only requested."""
    json_mode: bool = True
    """Has a `response_format` of `json_object`; else an instruction requests the object (`json_mode`)."""
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
    metadata_if_stored: bool = False
    """Takes `metadata` only with `store`."""
    text_results: bool = False
    """Results of tools are text: images and files in them follow in a message of the user's."""
    named_files: bool = False
    """Data of a file needs the file's name."""
    other_choices: bool = False
    """`tool_choice` has kinds beyond one function's name (`custom`, `allowed_tools`)."""
    converse: bool = False
    """Requests take the form of Bedrock's Converse: cache points, documents by data, no ids of files."""
    temperature_and_top_p: bool = True
    """Takes `temperature` and `top_p` in one request."""
    efforts: tuple[str, ...] = ()
    """Values of `reasoning_effort` that it takes, the least first; empty: any. Others are sent as the nearest."""
    responses_efforts: tuple[str, ...] = ()
    """The same of `reasoning.effort`, where it takes more of them by OpenAI's Responses API; empty: `efforts`."""
    sampling_without_effort: bool = False
    """Takes `top_p`, log probabilities and a temperature other than 1 only where it does not reason."""
    reasons_unasked: bool = False
    """Reasons where `reasoning_effort` is left out."""
    functions_by_responses: bool = False
    """Beside functions it is asked by OpenAI's Responses API, unless it is told not to reason."""
    picture_tokens: int = 6_000
    """The most tokens that one image counts as. Sources: OpenAI, "Images and vision" (tiles of 170 after scaling, or
    patches of at most 3,779); Anthropic, "Vision" (at most 4,784); Amazon Nova, "Image understanding" (about 1,800)."""


UNKNOWN = Dialect(openai=True)
"""Any other provider, and other servers with OpenAI's API: nothing is assumed."""
