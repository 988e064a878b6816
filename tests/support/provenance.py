"""What of a provider's request nobody asked for, what of the caller's request it did not get, what it was told that
another side said or in another order: each where no line of `adjusted` accounts for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.support.adjustments import effect_of
from tests.support.leaves import Asked, Leaf, fingerprint, leaves_of
from tests.support.provider_bodies import is_known

SIDES = {"system": "system", "developer": "system", "user": "user", "tool": "user", "function": "user"}
DEFAULTS: Mapping[str, Sequence[Any]] = {
    "n": [1],
    "logprobs": [False],
    "parallel_tool_calls": [True],
    "tool_choice": ["auto"],
    "response_format": [{"type": "text"}],
    "reasoning_effort": ["none"],
    "thinking": [{"type": "disabled"}],
    "store": [False],
    "top_p": [1],
}
"""Values that ask for what a provider does when it is not asked: they may be left out."""
STRUCTURE = frozenset({"role", "type"})
"""Names of messages and parts that say what the rest is: where the rest arrived, so have they."""
_SCALARS: Mapping[str, tuple[str, ...]] = {
    "temperature": ("temperature", "inferenceConfig.temperature"),
    "top_p": ("top_p", "inferenceConfig.topP"),
    "top_k": ("top_k", "additionalModelRequestFields.top_k"),
    "max_tokens": ("max_tokens", "inferenceConfig.maxTokens"),
    "max_completion_tokens": ("max_tokens", "inferenceConfig.maxTokens"),
    "stop": ("stop_sequences", "inferenceConfig.stopSequences"),
    "thinking.type": ("thinking.type", "additionalModelRequestFields.thinking.type"),
    "thinking.budget_tokens": ("thinking.budget_tokens", "additionalModelRequestFields.thinking.budget_tokens"),
    "reasoning_effort": (
        "output_config.effort",
        "additionalModelRequestFields.output_config.effort",
        "additionalModelRequestFields.reasoningConfig.maxReasoningEffort",
    ),
    "tools.function.strict": ("tools.strict", "toolConfig.tools.toolSpec.strict"),
}
"""Where the caller's numbers, words and booleans are in the others' bodies."""
_STRICT_FORMATS = ("output_format", "output_config", "outputConfig")
"""An answer is held to every schema there."""
_CHOICES: Mapping[str, tuple[tuple[str, Any], ...]] = {
    "none": (("tool_choice.type", "none"),),
    "required": (("tool_choice.type", "any"), ("toolConfig.toolChoice.any", {})),
    "function": (("tool_choice.type", "tool"), ("toolConfig.toolChoice.tool.name", None)),
}


def invented(asked: Asked) -> Iterator[Leaf]:
    effects = [effect_of(line) for line in asked.adjusted]
    for leaf in asked.found:
        if not (is_known(asked, leaf) or any(effect.brings(asked, leaf) for effect in effects)):
            yield leaf


def lost(asked: Asked) -> Iterator[Leaf]:
    effects = [effect_of(line) for line in asked.adjusted]
    for leaf in asked.leaves:
        if not (
            _is_default(asked, leaf) or _arrived(asked, leaf) or any(effect.loses(asked, leaf) for effect in effects)
        ):
            yield leaf


def _is_default(asked: Asked, leaf: Leaf) -> bool:
    param = leaf.names[0]
    if param in ("tools", "response_format") and leaf.key == "strict" and leaf.value is False and leaf.free is None:
        return True
    return asked.params.get(param) in DEFAULTS.get(param, ())


def _arrived(asked: Asked, leaf: Leaf) -> bool:
    if asked.deployment.provider == "openai":
        return asked.got(leaf)
    if leaf.free is not None:
        return _free_arrived(asked, leaf)
    if leaf.names[-2:-1] == ("cache_control",):
        return _cache_arrived(leaf, asked.found)
    if leaf.names[0] == "messages":
        return _message_arrived(asked, leaf)
    return _param_arrived(asked, leaf)


def _free_arrived(asked: Asked, leaf: Leaf) -> bool:
    """A schema's, or an argument's."""
    found = {fingerprint(one) for one in asked.found if one.free is not None}
    return fingerprint(leaf) in found or (leaf.key == "arguments" and not str(leaf.value).strip())


def _param_arrived(asked: Asked, leaf: Leaf) -> bool:
    name = ".".join(leaf.names)
    if name == "response_format.json_schema.strict":
        return any(one.names[0] in _STRICT_FORMATS for one in asked.found)
    if leaf.names[0] == "tool_choice":
        return _choice_arrived(asked)
    if name == "parallel_tool_calls":
        return any(one.key == "disable_parallel_tool_use" and one.value is not leaf.value for one in asked.found)
    if leaf.names[0] == "web_search_options":
        return any(str(one.value).startswith(("web_search", "nova_grounding")) for one in asked.found)
    if places := _SCALARS.get(name):
        return any(".".join(one.names) in places and one.value == leaf.value for one in asked.found)
    is_structure = leaf.key in STRUCTURE and leaf.names[0] in ("tools", "response_format")
    return is_structure or _is_said(asked, leaf.value)


def _message_arrived(asked: Asked, leaf: Leaf) -> bool:
    if leaf.key in STRUCTURE:
        return True
    if leaf.value in ("", []):
        kept = any(one.value == leaf.value and one.names[0] == "messages" for one in asked.found)
        return kept or _has_more(asked, leaf)
    return _is_said(asked, leaf.value)


def _has_more(asked: Asked, leaf: Leaf) -> bool:
    """An empty text beside something else that was said is nothing."""
    message = asked.messages[int(leaf.path[1])]
    return any(
        one.value not in ("", []) and one.key in ("text", "name", "url", "file_data", "data", "file_id")
        for one in leaves_of(message)
    )


def _cache_arrived(leaf: Leaf, found: Sequence[Leaf]) -> bool:
    if leaf.key == "ttl":
        return any(one.key == "ttl" and one.value == leaf.value for one in found)
    return any(one.names[-2:] in (("cache_control", "type"), ("cachePoint", "type")) for one in found)


def _choice_arrived(asked: Asked) -> bool:
    chosen = asked.params["tool_choice"]
    places = _CHOICES[chosen if isinstance(chosen, str) else "function"]
    named = None if isinstance(chosen, str) else chosen["function"]["name"]
    return any(
        ".".join(one.names) == place and (one.value == value or (value is None and one.value == named))
        for place, value in places
        for one in asked.found
    )


def _is_said(asked: Asked, value: Any) -> bool:
    if not isinstance(value, str):
        return False
    text = value.partition(";base64,")[2] or value.removeprefix("application/")
    return any(text in sent for sent in asked.sent_texts)


def swapped(asked: Asked) -> Iterator[str]:
    """Texts that the provider is told another side said."""
    allowed = {pair for line in asked.adjusted for pair in effect_of(line).sides}
    sides: dict[str, set[str]] = {}
    for message in asked.messages:
        for leaf in leaves_of(message):
            if leaf.key in ("content", "text") and isinstance(leaf.value, str) and leaf.value.strip():
                sides.setdefault(leaf.value.strip(), set()).add(SIDES.get(message["role"], message["role"]))
    for side, said in _said_by_sides(asked.body):
        for text, by in sides.items():
            if text in said and side not in by and not any((one, side) in allowed for one in by):
                yield f"said by {' and '.join(sorted(by))}, sent as {side}'s: {text!r}"


def _said_by_sides(body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for leaf in leaves_of({"system": body.get("system")}):
        yield "system", str(leaf.value)
    for message in body.get("messages") or ():
        side = SIDES.get(message["role"], message["role"])
        for leaf in leaves_of(message):
            if isinstance(leaf.value, str) and leaf.free is None:
                yield side, leaf.value


def moved(asked: Asked) -> Iterator[str]:
    """Texts of a conversation that the provider gets before others that came first."""
    sent = [leaf.value for leaf in asked.found if leaf.names[0] == "messages" and isinstance(leaf.value, str)]
    latest = 0
    for message in asked.messages:
        if SIDES.get(message["role"]) == "system":
            continue
        for leaf in leaves_of(message):
            if leaf.key not in ("content", "text") or not isinstance(leaf.value, str) or not leaf.value.strip():
                continue
            places = [place for place, text in enumerate(sent) if leaf.value.strip() in text]
            if places and places[-1] < latest:
                yield f"sent before what came first: {leaf}"
            latest = max(latest, places[0] if places else 0)
