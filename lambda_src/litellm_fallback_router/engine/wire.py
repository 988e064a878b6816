"""From LiteLLM's objects to plain OpenAI JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ..routing.ledger import Usage
from ..routing.types import Chunk, ProviderAnswer


class UnreadableError(Exception):
    """What a provider sent has not the shape of its API's answers: no answer, and no bug of ours."""


TEXT_FIELDS = ("content", "reasoning_content", "refusal")
INSTEAD_OF_TEXT = frozenset({"tool_calls", "function_call", "refusal", "audio"})
CALLED = {"function": ("name", "arguments"), "custom": ("name", "input")}
"""What a tool call holds, and the texts in it."""
OBJECT_FIELDS = ("tool_calls", "function_call", "thinking_blocks", "audio", "annotations")


def usage_of(usage: Any) -> Usage:
    # LiteLLM makes up zeros for a whole answer without usage.
    if usage is None or not (usage.prompt_tokens or usage.completion_tokens):
        return Usage(estimated=True)
    prompt_details = getattr(usage, "prompt_tokens_details", None)
    completion_details = getattr(usage, "completion_tokens_details", None)
    return Usage(
        prompt_tokens=usage.prompt_tokens or 0,
        completion_tokens=usage.completion_tokens or 0,
        cached_tokens=getattr(prompt_details, "cached_tokens", None) or 0,
        reasoning_tokens=getattr(completion_details, "reasoning_tokens", None) or 0,
    )


def counted(usage: Any) -> dict[str, Any] | None:
    """OpenAI's `usage` where it can be true: whole numbers, none below 0, no more from the cache than in all."""
    if not isinstance(usage, dict):
        return None
    prompt, written = usage.get("prompt_tokens") or 0, usage.get("completion_tokens") or 0
    details = usage.get("prompt_tokens_details") or {}
    cached = (details.get("cached_tokens") or 0) if isinstance(details, dict) else -1
    if not all(type(number) is int and number >= 0 for number in (prompt, written, cached)):
        return None
    return usage if cached <= prompt else None


def answer_of(response: Any, usage: Usage, cost_usd: float | None) -> ProviderAnswer:
    return ProviderAnswer(
        choices=[_choice(choice) for choice in response.choices],
        usage=usage,
        cost_usd=cost_usd,
        system_fingerprint=getattr(response, "system_fingerprint", None),
    )


def says_nothing(answer: ProviderAnswer) -> bool:
    """True for an empty message without any usage: LiteLLM makes up a finish reason for whatever has choices.

    A model may answer without text, as where its first word is a stop string; the prompt's tokens show that it ran.
    """
    said = any(value for choice in answer.choices for name, value in choice["message"].items() if name != "role")
    return not said and answer.usage.total_tokens == 0


def _choice(choice: Any) -> dict[str, Any]:
    fields = _fields(choice.message)
    # As OpenAI has it: an answer of no words is a text, too.
    nothing = None if INSTEAD_OF_TEXT & fields.keys() else ""
    out: dict[str, Any] = {
        "index": choice.index,
        "message": {"role": "assistant", "content": nothing, **fields},
        "finish_reason": choice.finish_reason,
        "logprobs": _plain(getattr(choice, "logprobs", None)),
    }
    out["message"].setdefault("refusal", None)
    return out


def chunk_of(piece: Any, usage: Usage | None, cost_usd: float | None) -> Chunk:
    choices = [
        {
            "index": choice.index,
            "delta": _fields(choice.delta),
            "finish_reason": choice.finish_reason,
            **({"logprobs": _plain(logprobs)} if (logprobs := getattr(choice, "logprobs", None)) else {}),
        }
        for choice in piece.choices
    ]
    if usage is not None and not any(choice["delta"] or choice["finish_reason"] for choice in choices):
        choices = []
    return Chunk(choices, usage, cost_usd)


def chunks_of(event: dict[str, Any], choice_type: Any, read: Callable[[str], str]) -> Iterator[Chunk]:
    """The same from an event in OpenAI's format, without its usage; a finish reason goes on its own.

    `choice_type` is LiteLLM's, which reads the deviations of servers that are like OpenAI's. `read` gives OpenAI's
    word for a finish reason.
    """
    said: list[dict[str, Any]] = []
    done: list[dict[str, Any]] = []
    for choice in _list_of_objects(event.get("choices")):
        index, reason, logprobs = choice.get("index") or 0, choice.get("finish_reason"), choice.get("logprobs")
        delta = choice.get("delta") or {}
        if not (isinstance(index, int) and isinstance(reason, str | None) and isinstance(delta, dict)):
            raise UnreadableError("a choice that is none")
        fields = _plain_text(delta)
        if fields is None:
            known = _known(choice_type, {**choice, "finish_reason": None})
            fields, logprobs = _fields(known.delta), _plain(known.logprobs)
        if fields or not reason:
            more = {"logprobs": logprobs} if logprobs else {}
            said.append({"index": index, "delta": fields, "finish_reason": None, **more})
        if reason:
            done.append({"index": index, "delta": {}, "finish_reason": read(reason)})
    for choices in (said, done):
        if choices:
            yield Chunk(choices)


def _list_of_objects(value: Any) -> list[dict[str, Any]]:
    if value is None:
        return []
    if isinstance(value, list) and all(isinstance(one, dict) for one in value):
        return value
    raise UnreadableError("choices that are none")


def _known(choice_type: Any, choice: dict[str, Any]) -> Any:
    try:
        return choice_type(**choice)
    except Exception as error:
        raise UnreadableError("a choice that is none") from error


def _plain_text(delta: dict[str, Any]) -> dict[str, Any] | None:
    """The fields of a delta that is nothing but text, as almost all are; else None."""
    fields = {}
    for name, value in delta.items():
        if value:
            if name in ("content", "refusal") and isinstance(value, str):
                fields[name] = value
            elif name != "role":
                return None
    return fields


def is_token(chunk: Chunk) -> bool:
    return any(choice["delta"] for choice in chunk.choices)


def _fields(said: Any) -> dict[str, Any]:
    """The content of a message or delta, without its role and without empty fields."""
    fields: dict[str, Any] = {}
    for name in TEXT_FIELDS:
        if value := getattr(said, name, None):
            fields[name] = _text(value)
    # There LiteLLM puts a whole answer's refusal.
    if "refusal" not in fields and (refusal := (getattr(said, "provider_specific_fields", None) or {}).get("refusal")):
        fields["refusal"] = _text(refusal)
    for name in OBJECT_FIELDS:
        if value := getattr(said, name, None):
            fields[name] = _shaped(name, _plain(value))
    return fields


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise UnreadableError("text that is no string")


def _shaped(name: str, value: Any) -> Any:
    """`value`, which OpenAI's API has as an object for some fields and as a list of them for the others."""
    if name in ("function_call", "audio"):
        _check(isinstance(value, dict), name)
    else:
        _check(isinstance(value, list) and all(isinstance(one, dict) for one in value), name)
    for call in value if name == "tool_calls" else ():
        _check(isinstance(call.get("index", 0), int) and isinstance(call.get("id"), str | None), name)
        for kind in CALLED:
            _check_texts(call.get(kind) or {}, kind)
    if name == "function_call":
        _check_texts(value, "function")
    return value


def _check_texts(called: Any, kind: str) -> None:
    _check(isinstance(called, dict) and all(isinstance(called.get(text), str | None) for text in CALLED[kind]), kind)


def _check(right: bool, name: str) -> None:
    if not right:
        raise UnreadableError(f"{name} that is none")


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if hasattr(value, "model_dump"):
        return value.model_dump(exclude_none=True)
    return value
