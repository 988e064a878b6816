"""OpenAI's own API. Sources: OpenAI "Create chat completion", and what LiteLLM 1.106.2 sends: it leaves out
what it finds no place for, without an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from types import MappingProxyType

from .claude import ANTHROPIC_ONLY, claude_families
from .dialect import ASSISTANT_PARTS, PENALTIES, TEXT, Dialect, Feature, Parts
from .finish_reasons import COMPATIBLE, OPENAI_COMPLETE, FinishReasons
from .profile import Family, Override, Processing, Profile, Simulator

_PARTS: Parts = {
    "system": TEXT,
    "developer": TEXT,
    "user": TEXT | {"image_url", "input_audio", "file", "file by id"},
    "assistant": ASSISTANT_PARTS,
    "tool": TEXT,
    "function": TEXT,
}
"""LiteLLM 1.106.2 would put words of its own in the place of a tool's image."""
TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
"""Source: FunctionDefinition in OpenAI's SDK."""
CALL_ID = re.compile(r".{1,40}", re.DOTALL)
"""Source: OpenAI's refusal "string too long. Expected a string with maximum length 40"."""
FINISH_REASONS = FinishReasons(
    complete=MappingProxyType(OPENAI_COMPLETE),
    cut=frozenset({"length"}),
    filtered=frozenset({"content_filter"}),
)
"""Source: openai-python, `types/chat/chat_completion.py`. Azure's are the same (Azure OpenAI REST API reference)."""
CHAT = Dialect(
    metadata_if_stored=True,
    named_files=True,
    text_results=True,
    other_choices=True,
    lacks=ANTHROPIC_ONLY | {"prompt_cache_retention", "verbosity"},
    openai=True,
    custom_tools=True,
    tool_names=TOOL_NAME,
    call_id=CALL_ID,
    parts=_PARTS,
)
"""LiteLLM hands OpenAI no `prompt_cache_retention`; only GPT-5 has `verbosity`."""


def _by_responses(dialect: Dialect) -> Dialect:
    """The same for a model that has no chat completions: LiteLLM asks it by the Responses API."""
    cannot = {
        Feature.MANY_CHOICES,
        Feature.FUNCTIONS,
        Feature.MODERATION,
        Feature.STOP,
        Feature.AUDIO,
        Feature.WEB_SEARCH,
    }
    lacks = PENALTIES | {"seed", "prediction", "modalities", "audio"}
    return replace(dialect, cannot=dialect.cannot | cannot, lacks=dialect.lacks | lacks)


_O_SERIES = replace(
    CHAT,
    cannot=frozenset({Feature.LOGPROBS}),
    lacks=CHAT.lacks | {"temperature", "top_p", "frequency_penalty", "presence_penalty"},
    parallel_switch=False,
    developer=True,
    efforts=("low", "medium", "high"),
)
"""Source of the efforts: OpenAI, "Using GPT-5" ("Earlier reasoning models like o3 supported only `low`, `medium`, and
`high`")."""
_GPT_4O_MINI = replace(CHAT, picture_tokens=50_000)
"""2,833 for an image, and 5,667 for each of its eight tiles. Source: OpenAI, "Images and vision"."""
_GPT_5 = replace(
    CHAT,
    cannot=frozenset({Feature.STOP, Feature.WEB_SEARCH, Feature.AUDIO, Feature.LOGPROBS}),
    lacks=ANTHROPIC_ONLY | PENALTIES | {"prompt_cache_retention", "prediction", "modalities", "audio"},
    sampling_without_effort=True,
    reasons_unasked=True,
)
_GPT_5_0 = replace(_GPT_5, efforts=("minimal", "low", "medium", "high"))
_CODEX = replace(_by_responses(_GPT_5), efforts=("low", "medium", "high"))
_CODEX_5_2 = replace(_CODEX, responses_efforts=(*_CODEX.efforts, "xhigh"))
_PRO = replace(_CODEX, efforts=("medium", "high", "xhigh"))
_GPT_5_5 = replace(
    _GPT_5,
    cannot=_GPT_5.cannot - {Feature.LOGPROBS},
    efforts=("none", "low", "medium", "high", "xhigh"),
    functions_by_responses=True,
)
_GPT_5_6 = replace(_GPT_5_5, responses_efforts=(*_GPT_5_5.efforts, "max"))
GPT_5_4 = replace(_GPT_5_5, reasons_unasked=False)
GPT_5_2 = replace(GPT_5_4, functions_by_responses=False)
_GPT_5_1 = replace(GPT_5_2, efforts=GPT_5_2.efforts[:-1])
_GPT_6 = replace(_GPT_5_5, efforts=(*_GPT_5_5.efforts, "max"))
_GPT_6_REASONS = replace(_GPT_6, cannot=_GPT_5.cannot, efforts=_GPT_6.efforts[1:])
_REASONERS = (
    (r"^gpt-5-chat", replace(CHAT, lacks=CHAT.lacks | {"reasoning_effort"})),
    (r"^gpt-5\.\d-chat", replace(_GPT_5_0, efforts=("medium",))),
    (r"^gpt-5(-mini|-nano)?(-\d{4}|$)", _GPT_5_0),
    (r"^gpt-5\.1(-\d{4}|$)", _GPT_5_1),
    (r"^gpt-5\.2(-\d{4}|$)", GPT_5_2),
    (r"^gpt-5\.4(-mini|-nano)?(-\d{4}|$)", GPT_5_4),
    (r"^gpt-5\.5(-\d{4}|$)", _GPT_5_5),
    (r"^gpt-5\.6(-sol|-terra|-luna)?(-\d{4}|$)", _GPT_5_6),
    (r"^gpt-6-(sol|luna)(-\d{4}|$)", _GPT_6),
    (r"^gpt-6", _GPT_6_REASONS),
    (r"^gpt-5-pro", replace(_PRO, efforts=("high",))),
    (r"^gpt-5\.\d-pro", _PRO),
    (r"^gpt-5\.3-codex", replace(_CODEX, efforts=(*_CODEX.efforts, "xhigh"))),
    (r"^gpt-5\.(1-codex-max|2-codex)", _CODEX_5_2),
    (r"^gpt-5.*-codex", _CODEX),
    (r"^gpt-5", _GPT_5),
    (r"^o\d.*-(pro|deep-research)", _by_responses(_O_SERIES)),
    (r"^o\d", _O_SERIES),
    (r"gpt-[56]|^gpt5_series/", replace(_GPT_5_0, lacks=_GPT_5_0.lacks | {"user"})),
    (r"^o_series/", replace(_O_SERIES, lacks=_O_SERIES.lacks | {"user"})),
)
"""Model ids, and what they take; the last two are names of Azure deployments, which LiteLLM reads in this way too.

Sources: OpenAI, "Using the latest model" (parameters beside an effort); for efforts, also where none is asked for,
`supports_*_effort` and `default_reasoning_effort` of LiteLLM's price map. LiteLLM 1.106.2 leaves out what it says they
refuse, and `user` for names that it does not know, without a word; it sends `max` to all of them. That the Responses
API takes more: OpenAI, "Deployment checklist" (GPT-5.6: `max`), and of codex models API reference, `reasoning.effort`
("`xhigh` is supported for all models after `gpt-5.1-codex-max`") and openai/codex pull request 7449 (that one too).
Of chat models: egoist/chatwise-releases issue 1257 ("Supported values are: 'medium'.", of GPT-5.2)."""


def reasoners(fitted: Callable[[Dialect], Dialect] = lambda dialect: dialect) -> tuple[Family, ...]:
    """Families of OpenAI's models that reason; `fitted` changes their dialects for another API that has them."""
    return tuple(Family(re.compile(ids), Override(dialect=fitted(dialect))) for ids, dialect in _REASONERS)


_HOSTS = MappingProxyType({f"{name}.api.openai.com": name for name in ("au", "eu", "in", "jp", "us")})
"""Where OpenAI also processes, and does not only store, in the place named. Source: OpenAI API docs, "Data residency":
https://developers.openai.com/api/docs/guides/data-residency"""
_PROCESSING = Processing(
    because="OpenAI's endpoint {host}",
    fix="leave it out, or take a project with data residency there (params.api_base: https://PLACE.api.openai.com/v1, "
    "where PLACE is au, eu, in, jp or us)",
    usual_host="api.openai.com",
    hosts=_HOSTS,
)

OPENAI = Profile(
    dialect=CHAT,
    finish_reasons=FINISH_REASONS,
    caches_by_itself=True,
    native_formats=frozenset({"responses"}),
    families=(
        *claude_families(),
        Family(re.compile(r"^gpt-4o-mini"), Override(dialect=_GPT_4O_MINI)),
        Family(re.compile(r"^ft:"), Override(dialect=replace(CHAT, lacks=CHAT.lacks | {"user"}))),
        *reasoners(),
    ),
    elsewhere=Override(finish_reasons=COMPATIBLE),
    own_domain="openai.com",
    openai_format_elsewhere=True,
    sells_only_own=True,
    placeholder_key=True,
    openai_account=True,
    address_in_litellm=True,
    tools_annotate=True,
    embedders=("",),
    bare_names=re.compile(r"(gpt-|chatgpt-|text-embedding-(3-|ada-)|o[1-9](-|$))"),
    processing=_PROCESSING,
    simulator=Simulator("/openai/v1", "sim-openai-key"),
)
COMPLETIONS = Profile(key_variables=("OPENAI_API_KEY",), processing=_PROCESSING, processing_domain="openai.com")
"""`text-completion-openai`: OpenAI's older API."""
