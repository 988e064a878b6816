"""Chat completions in OpenAI's format: OpenAI's own, and servers that speak its API.

Callers use this format too, so a body passes as it is but for the few fields that must change. Answers
of text, which almost all are, are read as JSON; what else one may hold is read by LiteLLM's types.

Sources: OpenAI, "Create chat completion" and "Streaming API responses".
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..routing.ledger import Usage
from ..routing.turns import after_step
from ..routing.types import Deployment, Message, ProviderAnswer
from .addresses import Address, goes_by_responses, key_for
from .exchange import ErrorResponse, Outgoing
from .failures import error_in_band, keyless, no_format, unsendable
from .fields import arguments_of
from .finishing import FinishReader
from .loading import litellm
from .openai_stream import OpenAIDecoder, tier_of
from .params import ParameterMap
from .plain import copied, object_of
from .prices import Prices, reported_usage
from .translated import Received, Unlogged
from .wire import UnreadableError, answer_of, counted, usage_of

CHAT = "/chat/completions"
OUTPUT_LIMIT = b"could not finish the message because max_tokens or model output limit was reached"
"""So OpenAI answers 400 where reasoning took all of `max_tokens`; with a few tokens more it is an answer cut off."""
PLAIN = frozenset({"role", "content", "refusal"})
THOUGHT = "<think>"
"""Some servers put a model's reasoning into its text."""


class OpenAIFormat:
    """One deployment whose requests are in OpenAI's format."""

    def __init__(self, deployment: Deployment, at: Address, **mapping: Any) -> None:
        """`mapping`: what else LiteLLM's class must know to map parameters."""
        self.deployment = deployment
        self._compatible = deployment.openai_compatible
        self.model, self._key, self.url, self._config = at.model, at.key, at.url, at.config
        self._place = {"custom_llm_provider": deployment.provider, "api_base": at.base}
        self._headers = self._own_headers()
        self._known_as = deployment.base_model or self.model
        self._params = ParameterMap(deployment, self._known_as, self._config, **mapping)
        self._by_class = at.by_class
        self.prices = Prices(deployment)
        self.finish_reasons = deployment.profile.finish_reasons

    def takes(self, params: Mapping[str, Any]) -> bool:
        return self._compatible or not goes_by_responses(
            self.deployment.provider, self._known_as, self._place["api_base"], params
        )

    async def call(
        self, messages: list[Message], params: Mapping[str, Any], key: str | None, *, stream: bool
    ) -> OpenAICall:
        key = self._key_of(key)
        if key is None:
            raise keyless()
        arguments = arguments_of(self.deployment, params)
        streaming = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
        headers = {**self._headers, **arguments.pop("extra_headers", {})}
        more = arguments.pop("extra_body", {})
        for name in self.deployment.extra:
            # The others are addresses and credentials.
            arguments.pop(name, None)
        began = time.thread_time()
        copies = copied(messages), {**copied(arguments), **streaming}
        began = await after_step(began)
        headers, body = await self._built(*copies, headers, key)
        began = await after_step(began)
        data = json.dumps({**body, **more}).encode()
        await after_step(began)
        outgoing = await self.sent(headers, data, key)
        reading = ClassReading(self.model, self._config, params, self._place) if self._by_class else None
        return OpenAICall(self, outgoing, params, reading)

    async def sent(self, headers: Mapping[str, str], body: bytes, key: str) -> Outgoing:
        """The request with these headers, which have the key in them. Raises ProviderFailure."""
        return Outgoing(self.url, headers, body)

    def _key_of(self, key: str | None) -> str | None:
        return key_for(self.deployment, key or self._key)

    async def _built(
        self, messages: list[Any], arguments: dict[str, Any], headers: dict[str, str], key: str
    ) -> tuple[dict[str, str], dict[str, Any]]:
        """Headers and body, by LiteLLM's functions."""
        try:
            messages = self._config.translate_developer_role_to_system_role(messages=messages)
            optional, others = self._params.mapped(arguments)
            signed = self._signed(messages, optional, key)
            body = await self._config.async_transform_request(self.model, messages, optional, self._place, headers)
        except Exception as error:
            raise unsendable(error) from error
        body.update(body.pop("extra_body", None) or {})
        # The operator's own headers, as for another way to sign in, count more.
        return {**{name.lower(): value for name, value in signed.items()}, **headers}, {**body, **others}

    def signed(self, key: str | None) -> dict[str, str]:
        """Headers of a request that is not written by LiteLLM's class, by lower-case names. Raises ProviderFailure."""
        key = self._key_of(key)
        if key is None:
            raise keyless()
        try:
            signed = self._signed([], {}, key)
        except Exception as error:
            raise unsendable(error) from error
        return {**{name.lower(): value for name, value in signed.items()}, **self._headers}

    def _signed(self, messages: list[Any], optional: dict[str, Any], key: str) -> dict[str, str]:
        """Headers with the key."""
        base = self._place["api_base"]
        signed: dict[str, str]
        signed = self._config.validate_environment({}, self.model, messages, optional, self._place, key, base)
        return signed

    def _own_headers(self) -> dict[str, str]:
        headers = {"content-type": "application/json"}
        if not self.deployment.profile.openai_account or self._compatible:
            return headers
        read = litellm().secret_managers.main.get_secret_str
        organization = self.deployment.extra.get("organization") or read("OPENAI_ORGANIZATION") or read("OPENAI_ORG_ID")
        named = {"openai-organization": organization, "openai-project": read("OPENAI_PROJECT_ID")}
        return headers | {name: value for name, value in named.items() if value}


@dataclass(frozen=True, slots=True)
class ClassReading:
    """How LiteLLM's class for the provider reads an answer that is not quite OpenAI's."""

    model: str
    config: Any
    params: Mapping[str, Any]
    place: dict[str, Any]

    def response(self, said: dict[str, Any], headers: Mapping[str, str]) -> Any:
        """LiteLLM's object for it. Raises what LiteLLM raises."""
        return self.config.transform_response(
            model=self.model,
            # Groq's class reads the tier whether it was sent or not.
            raw_response=Received({"service_tier": None, **said}, headers),
            model_response=litellm().ModelResponse(),
            logging_obj=Unlogged(),
            request_data={},
            messages=[],
            optional_params=dict(self.params),
            litellm_params=self.place,
            encoding=None,
        )

    def parser(self) -> Any:
        """Reads one event of a stream at a time."""
        return self.config.get_model_response_iterator(streaming_response=(), sync_stream=False)


class OpenAICall:
    """One request in OpenAI's format, and how its answer is read."""

    def __init__(
        self, owner: OpenAIFormat, outgoing: Outgoing, params: Mapping[str, Any], reading: ClassReading | None
    ) -> None:
        self.outgoing = outgoing
        self._reading = reading
        self._prices = owner.prices
        self._reader = FinishReader(owner.finish_reasons)
        self._choices = params.get("n") or 1

    def answer(self, body: bytes, headers: Mapping[str, str]) -> ProviderAnswer:
        said = object_of(body)
        if _is_error(said.get("error")):
            raise error_in_band(said["error"])
        choices = said.get("choices")
        if not isinstance(choices, list) or not all(map(_is_finished, choices)):
            raise no_format()
        choices = [{**choice, "finish_reason": self._reader.read(choice["finish_reason"])} for choice in choices]
        said = {**said, "choices": choices}
        answer = self._read(said) if self._reading is None else self._read_by_class(self._reading, said, headers)
        return replace(answer, broken=self._reader.broken)

    def _read_by_class(self, reading: ClassReading, said: dict[str, Any], headers: Mapping[str, str]) -> ProviderAnswer:
        try:
            response = reading.response(said, headers)
        except Exception as error:
            raise no_format(error) from error
        return self._answer(response, getattr(response, "usage", None))

    def _read(self, said: dict[str, Any]) -> ProviderAnswer:
        reported = counted(said.get("usage"))
        plain = [_plain_choice(index, choice) for index, choice in enumerate(said["choices"])]
        if None in plain:
            return self._built({**said, "usage": None}, None if reported is None else reported_usage(reported))
        usage, cost = self._prices.of_openai(reported, tier_of(said))
        fingerprint = said.get("system_fingerprint")
        return ProviderAnswer([one for one in plain if one], usage, cost, fingerprint)

    def _built(self, said: dict[str, Any], usage: Any) -> ProviderAnswer:
        """By LiteLLM's types, which know what servers that are like OpenAI's do otherwise."""
        library = litellm()
        try:
            response = library.utils.convert_to_model_response_object(
                response_object=said, model_response_object=library.ModelResponse()
            )
        except Exception as error:
            raise no_format(error) from error
        response.usage = usage
        return self._answer(response, usage)

    def _answer(self, response: Any, usage: Any) -> ProviderAnswer:
        try:
            answer = answer_of(response, usage_of(usage), None)
        except UnreadableError as error:
            raise no_format(error) from error
        if usage is None:
            return answer
        return replace(answer, cost_usd=self._prices.usd_of_answer(response))

    def cut_off(self, refused: ErrorResponse) -> ProviderAnswer | None:
        """The answer that a refusal stands for: none but that a limit left no room for one. None: it is a failure."""
        if refused.status != 400 or OUTPUT_LIMIT not in refused.body.lower():
            return None
        message = {"role": "assistant", "content": "", "refusal": None}
        said = {"message": message, "finish_reason": "length", "logprobs": None}
        choices = [{"index": index, **said} for index in range(self._choices)]
        return ProviderAnswer(choices, Usage(estimated=True), None)

    def decoder(self) -> OpenAIDecoder:
        parser = None if self._reading is None else self._reading.parser()
        return OpenAIDecoder(self._choices, self._prices, self._reader, parser)


def _is_error(error: Any) -> bool:
    """Some servers put an error object without anything in it into every answer."""
    if isinstance(error, dict):
        return bool(error.get("message")) or error.get("code") is not None
    return bool(error)


def _is_finished(choice: Any) -> bool:
    reason = choice.get("finish_reason") if isinstance(choice, dict) else None
    return isinstance(reason, str) and bool(reason) and isinstance(choice.get("message"), dict)


def _plain_choice(index: int, choice: dict[str, Any]) -> dict[str, Any] | None:
    """A choice that is nothing but text; None where there is more to it."""
    message, reason = choice["message"], choice["finish_reason"]
    content, refusal = message.get("content"), message.get("refusal")
    if any(value and name not in PLAIN for name, value in message.items()):
        return None
    if not isinstance(content, str | None) or not isinstance(refusal, str | None) or THOUGHT in (content or ""):
        return None
    return {
        "index": index,
        "message": {
            "role": "assistant",
            "content": content or (None if refusal else ""),
            "refusal": refusal or None,
        },
        "finish_reason": reason,
        "logprobs": choice.get("logprobs"),
    }
