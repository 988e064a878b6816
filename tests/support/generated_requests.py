"""Requests made from a grammar: every role and kind of content, calls and their results, schemas, every parameter.

Texts and names that a caller would choose are unique within a request (`q7z`), so that what a provider gets can be
traced back. Among them are those that providers refuse: blank texts, orphaned results, long names, recursive schemas.
"""

from __future__ import annotations

import copy
from itertools import count

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from local.simulator.conversation import signature
from tests.support.generated_schemas import MARK, SCHEMAS, SOUND_TEXT, STRICT_SCHEMAS, Json, fields, just
from tests.support.samples import PIXEL

TEXT = st.sampled_from([MARK, MARK, MARK, f" {MARK}\n", "", " ", "\n\t"])
IDS = ("call_1", "call_2", "call_3", "call:4 with blanks", "c" * 90)
NAMES = ("look_up", "tell-time", "n" * 64, "n" * 65, "n" * 60 + "_other", "n" * 128)
_CACHE = st.sampled_from([{"type": "ephemeral"}, {"type": "ephemeral", "ttl": "1h"}])
_IMAGE_URL = {"url": f"data:image/png;base64,{PIXEL}"}


def marked(request: Json) -> Json:
    """The same with a text of its own for every mark."""
    numbers = count(1)

    def fill(value: Json) -> Json:
        if isinstance(value, str):
            while MARK in value:
                value = value.replace(MARK, f"q{next(numbers)}z", 1)
            return value
        if isinstance(value, list):
            return [fill(one) for one in value]
        if isinstance(value, dict):
            filled = {fill(key): fill(one) for key, one in value.items()}
            return filled | {"signature": signature(filled["thinking"])} if "signature" in filled else filled
        return value

    return fill(copy.deepcopy(request))


# --- tools


def _tool(name: str) -> SearchStrategy[Json]:
    parameters = st.one_of(SCHEMAS, SCHEMAS, st.just({"type": "object", "properties": {}}))
    open_tool = fields(
        just(name=name), description=st.sampled_from([MARK, "", MARK]), parameters=parameters, strict=st.just(False)
    )
    strict = fields({**just(name=name, strict=True), "parameters": STRICT_SCHEMAS}, description=SOUND_TEXT)
    function = st.one_of(open_tool, open_tool, strict)
    return fields({**just(type="function"), "function": function}, cache_control=_CACHE)


TOOLS = st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True).flatmap(
    lambda names: st.tuples(*map(_tool, names)).map(list)
)
_CUSTOM = st.just({"type": "custom", "custom": {"name": "run", "description": MARK}})

# --- messages

_MARKED_TEXT_PART = fields({**just(type="text"), "text": TEXT}, cache_control=_CACHE)
_TEXTS = st.one_of(TEXT, st.lists(_MARKED_TEXT_PART, max_size=3))
_IMAGE = fields(
    {**just(type="image_url"), "image_url": fields(just(**_IMAGE_URL), detail=st.sampled_from(["low", "high"]))},
    cache_control=_CACHE,
)
_PDF = "data:application/pdf;base64,JVBERi0xLjQK"
_OTHER_PARTS = st.sampled_from(
    [
        {"type": "file", "file": {"file_data": _PDF, "filename": "q0z.pdf"}},
        {"type": "file", "file": {"file_id": "file-717"}},
        {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0xLjQK"}},
        {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
        {"type": "guarded_text", "text": MARK},
    ]
)
_USER_PARTS = st.lists(st.one_of(_MARKED_TEXT_PART, _MARKED_TEXT_PART, _IMAGE, _OTHER_PARTS), max_size=3)
_USER = fields(
    {**just(role="user"), "content": st.one_of(TEXT, _USER_PARTS)}, name=st.just("zoe"), cache_control=_CACHE
)
_INSTRUCTION = fields({"role": st.sampled_from(["system", "developer"]), "content": _TEXTS}, cache_control=_CACHE)
_THOUGHT = st.just([{"type": "thinking", "thinking": MARK, "signature": ""}])
_ASSISTANT = st.one_of(
    fields({**just(role="assistant"), "content": _TEXTS}, cache_control=_CACHE),
    fields({**just(role="assistant"), "content": TEXT}, name=st.just("zoe"), reasoning_content=SOUND_TEXT),
    fields({**just(role="assistant"), "content": TEXT, "thinking_blocks": _THOUGHT}),
    fields(just(role="assistant", content=MARK, refusal=MARK)),
    fields(just(role="assistant", content=[{"type": "refusal", "refusal": MARK}])),
)
_ARGUMENTS = st.sampled_from(
    [
        f'{{"place": "{MARK}"}}',
        f'{{"place": {{"kind": ["{MARK}", 5]}}}}',
        "{}",
        "",
        f"{{{MARK}",
        "[7]",
        "null",
        "{}{}",
        f'{{"place": null, "kind": [null, "{MARK}"]}}',
        f'{{"place": 5, "place": "{MARK}"}}',
        '{"place": 1e999}',
        r'{"place": "\ud800"}',
    ]
)


def _call(call_id: str) -> SearchStrategy[Json]:
    function = fields({"name": st.sampled_from(NAMES), "arguments": _ARGUMENTS})
    return fields({**just(id=call_id, type="function"), "function": function})


def _result(call_id: str) -> SearchStrategy[Json]:
    content = st.one_of(_TEXTS, st.lists(_IMAGE, min_size=1, max_size=1))
    return fields({**just(role="tool", tool_call_id=call_id), "content": content}, cache_control=_CACHE)


@st.composite
def _exchange(draw: st.DrawFn) -> list[Json]:
    """Calls of an assistant, several at once, and their results, in any order and not always all of them."""
    ids = draw(st.lists(st.sampled_from(IDS), min_size=1, max_size=2, unique=True))
    said = draw(st.one_of(st.none(), _TEXTS))
    calls = [draw(_call(call_id)) for call_id in ids]
    fate = draw(st.sampled_from(["answered"] * 8 + ["unanswered", "orphaned"]))
    results = [draw(_result(call_id)) for call_id in draw(st.permutations(ids))]
    if fate == "orphaned":
        return results
    asked = {"role": "assistant", "content": said, "tool_calls": calls}
    return [asked] if fate == "unanswered" else [asked, *results]


_OLD_EXCHANGE = st.just(
    [
        {
            "role": "assistant",
            "content": None,
            "function_call": {"name": "look_up", "arguments": f'{{"a": "{MARK}"}}'},
        },
        {"role": "function", "name": "look_up", "content": MARK},
    ]
)
_MOVES = st.one_of(
    _USER.map(lambda one: [one]),
    _USER.map(lambda one: [one]),
    _ASSISTANT.map(lambda one: [one]),
    _INSTRUCTION.map(lambda one: [one]),
    _exchange(),
    _OLD_EXCHANGE,
)
_ONE_USER = _USER.map(lambda one: [one])
_SPOKEN = st.just([{"role": "user", "content": MARK}])
_INSTRUCTED = st.one_of(st.just([]), st.just([]), _INSTRUCTION.map(lambda one: [one]))
MESSAGES = st.tuples(
    _INSTRUCTED,
    st.one_of(_SPOKEN, _SPOKEN, _ONE_USER, _MOVES),
    st.lists(_MOVES, max_size=3).map(lambda moves: [one for move in moves for one in move]),
    st.one_of(_SPOKEN, _SPOKEN, _ONE_USER, _exchange(), _MOVES),
).map(lambda parts: [one for part in parts for one in part])
"""Most begin and end as all providers want it."""

# --- parameters

_FORMATS = st.one_of(
    st.just({"type": "text"}),
    st.just({"type": "json_object"}),
    fields(
        {
            **just(type="json_schema"),
            "json_schema": st.one_of(
                fields({**just(name="form_717"), "schema": SCHEMAS}, description=SOUND_TEXT, strict=st.just(False)),
                fields({**just(name="form_717", strict=True), "schema": STRICT_SCHEMAS}, description=SOUND_TEXT),
            ),
        }
    ),
)
_ONE = "(the first tool)"
_CHOICES = st.sampled_from(["auto", "none", "required", {"type": "function", "function": {"name": _ONE}}])
PARAMS: dict[str, SearchStrategy[Json]] = {
    "temperature": st.sampled_from([0.625, 1.75, 0, 1]),
    "top_p": st.sampled_from([0.875, 1]),
    "top_k": st.just(17),
    "n": st.sampled_from([1, 3]),
    "max_tokens": st.sampled_from([717, 2717, 71_717]),
    "max_completion_tokens": st.just(727),
    "stop": st.sampled_from(["ENOUGH", ["ENOUGH", "THE END"], ["\n"], ["a1", "a2", "a3", "a4"]]),
    "seed": st.just(737),
    "presence_penalty": st.just(0.375),
    "frequency_penalty": st.just(-0.375),
    "logit_bias": st.just({"17": 7}),
    "logprobs": st.booleans(),
    "top_logprobs": st.just(3),
    "tools": st.one_of(TOOLS, TOOLS, TOOLS, st.builds(lambda tools, more: [*tools, more], TOOLS, _CUSTOM)),
    "tool_choice": _CHOICES,
    "parallel_tool_calls": st.booleans(),
    "functions": st.just([{"name": "look_up", "parameters": {"type": "object", "properties": {}}}]),
    "function_call": st.sampled_from(["auto", {"name": "look_up"}]),
    "response_format": _FORMATS,
    "reasoning_effort": st.sampled_from(["none", "low", "high"]),
    "thinking": st.sampled_from(
        [{"type": "enabled", "budget_tokens": 1717}, {"type": "disabled"}, {"type": "adaptive"}]
    ),
    "verbosity": st.just("low"),
    "modalities": st.sampled_from([["text"], ["text", "audio"]]),
    "audio": st.just({"voice": "alloy", "format": "wav"}),
    "prediction": st.just({"type": "content", "content": MARK}),
    "moderation": st.just({"model": "omni-moderation-latest"}),
    "web_search_options": st.sampled_from([{}, {"search_context_size": "low"}]),
    "user": SOUND_TEXT,
    "safety_identifier": SOUND_TEXT,
    "metadata": st.just({"run": MARK}),
    "store": st.booleans(),
    "service_tier": st.just("flex"),
    "prompt_cache_key": SOUND_TEXT,
    "prompt_cache_options": st.just({"mode": "explicit"}),
    "prompt_cache_retention": st.just("24h"),
}
"""For each parameter of a request the values it is tried with."""
_SELDOM = frozenset(
    {"n", "logprobs", "top_logprobs", "functions", "function_call", "modalities", "audio", "moderation"}
    | {"web_search_options"}
)
"""Parameters that pass most deployments over: not so often."""


@st.composite
def _requests(draw: st.DrawFn) -> Json:
    names = st.sampled_from([name for name in PARAMS for _ in range(1 if name in _SELDOM else 4)])
    chosen = draw(st.lists(names, max_size=4, unique=True))
    params = {name: draw(PARAMS[name]) for name in chosen}
    return marked(_agreeing(draw(MESSAGES), params))


def _agreeing(messages: list[Json], params: dict[str, Json]) -> Json:
    """With fields that go together, for OpenAI would refuse each of them alone: that is the caller's to hear."""
    choice, tools = params.get("tool_choice"), params.get("tools", [])
    if isinstance(choice, dict):
        first = tools[0].get("function", {}).get("name") if tools else None
        params["tool_choice"] = {"type": "function", "function": {"name": first}} if first else "auto"
    if params.get("response_format") == {"type": "json_object"}:
        messages = [*messages, {"role": "user", "content": f"As json: {MARK}"}]
    if "max_completion_tokens" in params:
        params.pop("max_tokens", None)
    if "top_logprobs" in params:
        params["logprobs"] = True
    return {"messages": messages, "params": params}


REQUESTS: SearchStrategy[Json] = _requests()
"""`{"messages": ..., "params": ...}`"""
