"""Continuing a broken stream on another deployment: what was delivered, the messages for the rest, the joint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..adaptation import continued
from ..plan import Candidate, estimate_tokens
from ..types import ChatRequest, Chunk, Message
from .splice import Splice, StopAcrossSeam

CONTINUE = (
    "Your previous message was cut off by a technical fault. Continue it exactly where it stopped: begin with the "
    "very next characters, including a space or line break if one is due. Do not repeat any of it, do not "
    "apologise, do not comment on the interruption."
)
PLAIN_DELTA = frozenset({"role", "content"})
THOUGHTS = frozenset({"reasoning_content", "thinking_blocks"})
CALLS = frozenset({"tool_calls", "function_call"})
TOKEN_LIMITS = ("max_tokens", "max_completion_tokens")


class SentAnswer:
    """What the caller already has of a stream."""

    def __init__(self, request: ChatRequest) -> None:
        self._parts: list[str] = []
        self.anything = False
        self._called = False
        """True where a tool call was begun."""
        self._thinking = False
        """True where the last that was sent is part of a thought, which nobody else can go on with."""
        self._structured = is_structured(request)
        self._obstacle = _obstacle_in(request)
        limits = [request.params[name] for name in TOKEN_LIMITS if request.params.get(name) is not None]
        self._limit: int | None = min(limits, default=None)

    @property
    def used_up(self) -> bool:
        """True where what was sent has used up the caller's token limit, by estimate."""
        return self._limit is not None and estimate_tokens(len(self.text)) >= self._limit

    @property
    def text(self) -> str:
        return "".join(self._parts)

    @property
    def useful_characters(self) -> int:
        """Of text that is of use though nothing follows: half a tool call or half an object is of none."""
        return 0 if self._called or self._structured else len(self.text)

    @property
    def obstacle(self) -> str | None:
        """Why the rest cannot come from another deployment; None: it can."""
        # Without a text the answer is begun anew, after whatever was thought.
        return self._obstacle or ("a thought had been begun" if self._thinking and self._parts else None)

    def add(self, chunk: Chunk) -> None:
        self.anything = True
        for choice in chunk.choices:
            for name, value in choice["delta"].items():
                if name == "content" and value:
                    self._parts.append(value)
                    self._thinking = False
                elif name in THOUGHTS and value:
                    self._thinking = name != "thinking_blocks" or not _is_whole(value[-1])
                elif name not in PLAIN_DELTA and value:
                    self._called = self._called or name in CALLS
                    self._obstacle = self._obstacle or f"{name} had been sent"


def _is_whole(thought: Mapping[str, Any]) -> bool:
    """A thought that comes in pieces ends with its signature; one that nobody may read comes at once."""
    return bool(thought.get("signature") or thought.get("type") == "redacted_thinking")


def _obstacle_in(request: ChatRequest) -> str | None:
    params = request.params
    if not request.constraints.resume:
        return "the request says not to resume"
    if (params.get("n") or 1) > 1:
        return "it has several choices"
    if is_structured(request):
        return "it is structured output"
    if params.get("logprobs"):
        return "it carries logprobs"
    return None


def is_structured(request: ChatRequest) -> bool:
    """True where the answer has to be JSON."""
    return (request.params.get("response_format") or {}).get("type") in {"json_schema", "json_object"}


class Seam:
    """How one candidate continues what was sent, and where its text meets it."""

    def __init__(self, sent: SentAnswer, candidate: Candidate) -> None:
        text = sent.text
        prefill = candidate.deployment.info.prefill is True
        shown = text.rstrip() if prefill else text
        # White space alone is nothing to continue, and no message for those who refuse blank ones.
        self.messages = [*candidate.messages, *(_continuation(shown, prefill=prefill) if shown.strip() else ())]
        self.params = dict(candidate.params)
        for name in TOKEN_LIMITS:
            if self.params.get(name) is not None:
                self.params[name] = max(1, self.params[name] - estimate_tokens(len(text)))
        self.adjusted = _without_thinking(candidate, self.params) if shown.strip() else ()
        """What was left out of the parameters, each a line for `adjusted`."""
        self.native = candidate.native and continued(
            candidate.native, shown, self.params, None if prefill else CONTINUE
        )
        self._splice = Splice(text, trimmed=text[len(shown) :])
        self._stop = StopAcrossSeam(text, _stops(candidate.params.get("stop")))
        self.stopped = False
        """True once a stop string that began before the seam has ended the text."""

    def feed(self, chunk: Chunk) -> list[Chunk]:
        """The chunk as the caller may have it: joined, possibly nothing yet, never what it already has."""
        choice = chunk.choices[0]
        delta = dict(choice["delta"])
        delta.pop("reasoning_content", None)
        delta.pop("thinking_blocks", None)
        text = self._splice.feed(delta.pop("content", None) or "")
        if choice.get("finish_reason") or delta:
            text += self._splice.finish()
        text, self.stopped = self._stop.feed(text)
        out = [_chunk({"content": text})] if text else []
        if self.stopped:
            return [*out, _chunk({}, finish_reason="stop")]
        if choice.get("finish_reason") or delta:
            out.append(_chunk(delta, finish_reason=choice.get("finish_reason")))
        return out


def _without_thinking(candidate: Candidate, params: dict[str, Any]) -> tuple[str, ...]:
    """Take thinking out of `params`: Claude thinks before an answer, and the rest is the middle of one. It would refuse
    a message of its own without its thought, and a budget larger than what is left of the tokens.

    Source: Anthropic, "Extended thinking".
    """
    if not candidate.deployment.profile.claude:
        return ()
    thinks = (params.get("thinking") or {}).get("type") in ("enabled", "adaptive")
    names = [name for name in ("thinking", "reasoning_effort") if params.get(name) and (thinks or name != "thinking")]
    for name in names:
        del params[name]
    return tuple(f"{name} dropped (for the rest of an answer)" for name in names)


def length_chunk() -> Chunk:
    """The end of a stream that has used up its tokens."""
    return _chunk({}, finish_reason="length")


def _chunk(delta: dict[str, Any], *, finish_reason: str | None = None) -> Chunk:
    return Chunk([{"index": 0, "delta": delta, "finish_reason": finish_reason}])


def _continuation(text: str, *, prefill: bool) -> list[Message]:
    written: Message = {"role": "assistant", "content": text}
    return [written] if prefill else [written, {"role": "user", "content": CONTINUE}]


def _stops(stop: str | Sequence[str] | None) -> list[str]:
    if stop is None:
        return []
    return [stop] if isinstance(stop, str) else list(stop)
