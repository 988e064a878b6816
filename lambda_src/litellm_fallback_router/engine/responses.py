"""OpenAI's Responses API for callers of that API: request bodies and answers pass unchanged.

What an answer means (its text, its calls, why it ended, what it cost) is read into a chat's choices beside it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from ..routing.failures import no_answer
from ..routing.types import NativeRequest, ProviderAnswer
from .exchange import Outgoing
from .failures import error_in_band, no_format
from .fields import arguments_of
from .formats import Format
from .openai import CHAT, OpenAIFormat
from .openai_stream import tier_of
from .plain import object_of
from .prices import Prices
from .response_object import finish_reason_of, message_of, says_nothing, usage_of
from .responses_stream import ResponsesDecoder

PATH = "/responses"


def responses_caller(known: Format | None) -> ResponsesCaller:
    if not isinstance(known, OpenAIFormat):
        raise TypeError(f"{type(known).__name__} has no Responses API")
    return ResponsesCaller(known)


@dataclass(frozen=True, slots=True)
class ResponsesCaller:
    """One deployment whose requests are in the format of OpenAI's newer API."""

    owner: OpenAIFormat

    async def call(self, native: NativeRequest, key: str | None, *, stream: bool) -> ResponsesCall:
        operators = arguments_of(self.owner.deployment, {})
        headers = self.owner.signed(key) | operators.get("extra_headers", {})
        body = {"model": self.owner.model, **native.body, **operators.get("extra_body", {})}
        if stream:
            body["stream"] = True
        url = self.owner.url.replace(CHAT, PATH, 1)
        return ResponsesCall(self.owner.prices, Outgoing(url, headers, json.dumps(body).encode()))


@dataclass(frozen=True, slots=True)
class ResponsesCall:
    """One request as its caller wrote it, and how its answer is read."""

    prices: Prices
    outgoing: Outgoing

    def answer(self, body: bytes, headers: Mapping[str, str]) -> ProviderAnswer:
        said = object_of(body)
        if said.get("error"):
            raise error_in_band(said["error"])
        if says_nothing(said):
            raise no_answer()
        message = message_of(said.get("output"))
        reason = finish_reason_of(said, called="tool_calls" in message)
        if reason is None:
            raise no_format()
        usage, cost = self.prices.of_openai(usage_of(said), tier_of(said))
        choice = {"index": 0, "message": message, "finish_reason": reason, "logprobs": None}
        return ProviderAnswer([choice], usage, cost, native=said)

    def decoder(self) -> ResponsesDecoder:
        return ResponsesDecoder(self.prices)
