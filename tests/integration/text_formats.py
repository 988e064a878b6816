"""The formats in which text is asked for, each by its own official client: one function and one line in `FORMATS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from anthropic import Anthropic

from tests.support.gateway import Gateway


@dataclass(frozen=True)
class Seen:
    """What the caller saw."""

    text: str
    headers: Mapping[str, str]
    complete: bool
    """It says that the answer ended by itself."""
    responders: int
    """How many had a part in it, as far as the answer says."""

    @property
    def model(self) -> str:
        """Who answered first."""
        return self.headers["x-router-model"]

    @property
    def attempts(self) -> int:
        return int(self.headers["x-router-attempts"])

    @property
    def fallback(self) -> bool:
        return self.headers["x-router-fallback"] == "true"


def chat(gateway: Gateway, model: str, question: str, *, streaming: bool) -> Seen:
    """OpenAI's chat completions."""
    raw = gateway.client().chat.completions.with_raw_response.create(
        model=model, messages=[{"role": "user", "content": question}], stream=streaming
    )
    parsed: Any = raw.parse()
    if not streaming:
        choice = parsed.choices[0]
        return Seen(choice.message.content or "", raw.headers, choice.finish_reason == "stop", 1)
    chunks = list(parsed)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    return Seen(text, raw.headers, chunks[-1].choices[0].finish_reason == "stop", _responders(chunks[-1].model_extra))


def responses(gateway: Gateway, model: str, question: str, *, streaming: bool) -> Seen:
    """OpenAI's Responses API."""
    raw = gateway.client().responses.with_raw_response.create(model=model, input=question, stream=streaming)
    parsed: Any = raw.parse()
    answer = list(parsed)[-1].response if streaming else parsed
    complete = answer.status == "completed" and len(answer.output) == 1
    return Seen(answer.output_text, raw.headers, complete, _responders(answer.model_extra))


def messages(gateway: Gateway, model: str, question: str, *, streaming: bool) -> Seen:
    """Anthropic's Messages API."""
    client = Anthropic(base_url=gateway.url, api_key="none", max_retries=0, timeout=60.0)
    raw = client.messages.with_raw_response.create(
        model=model, max_tokens=4000, messages=[{"role": "user", "content": question}], stream=streaming
    )
    parsed: Any = raw.parse()
    if not streaming:
        return Seen(parsed.content[0].text, raw.headers, parsed.stop_reason == "end_turn", 1)
    events = list(parsed)
    texts = [event.delta.text for event in events if event.type == "content_block_delta"]
    blocks = [event for event in events if event.type == "content_block_start"]
    assert (events[0].type, len(blocks), events[-1].type) == ("message_start", 1, "message_stop")
    end = events[-2]
    return Seen("".join(texts), raw.headers, end.delta.stop_reason == "end_turn", _responders(end.model_extra))


FORMATS: Mapping[str, Callable[..., Seen]] = {"chat": chat, "responses": responses, "messages": messages}


def _responders(extra: Mapping[str, Any] | None) -> int:
    told = (extra or {}).get("router")
    return len(told["responders"]) if told else 1
