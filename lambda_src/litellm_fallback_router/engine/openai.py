"""Chat completions in OpenAI's format: OpenAI's own, and servers that speak its API.

Callers ask and are answered in this format too, so it passes as it is but for the few fields that must change. Answers
of text, which almost all are, are read as JSON; what else one may hold is read by LiteLLM's types.

Sources: OpenAI, "Create chat completion" and "Streaming API responses".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..routing.finish_reasons import finish_reasons_of
from ..routing.ledger import Usage
from ..routing.types import Deployment, Message, ProviderAnswer
from .exchange import ErrorResponse, Outgoing
from .failures import error_in_band, keyless, no_format, unsendable
from .fields import arguments_of
from .finishing import FinishReader
from .loading import litellm
from .openai_stream import OpenAIDecoder, tier_of
from .params import ParameterMap
from .plain import copied, object_of
from .prices import Prices, reported_usage
from .wire import UnreadableError, answer_of, counted, usage_of

READS_ITSELF = ("transform_response", "get_model_response_iterator", "sign_request")
"""What a class of LiteLLM's has of its own where answers are not quite OpenAI's."""
ELSEWHERE = frozenset({"docker_model_runner", "huggingface", "vllm", "watsonx"})
"""Providers that LiteLLM asks at another address than its class for them says, or asks somebody first."""
NO_KEY = "none"
"""Servers that people run themselves take any key, or none."""
OUTPUT_LIMIT = b"could not finish the message because max_tokens or model output limit was reached"
"""So OpenAI answers 400 where reasoning took all of `max_tokens`; with a few tokens more it is an answer cut off."""
PLAIN = frozenset({"role", "content", "refusal"})
THOUGHT = "<think>"
"""Some servers put a model's reasoning into its text."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a deployment is asked in OpenAI's format, as LiteLLM has it."""

    model: str
    key: str | None
    """Of the environment."""
    base: str | None
    url: str
    config: Any
    """LiteLLM's object for the provider's format."""


def address_of(deployment: Deployment) -> Address | None:
    """None where LiteLLM's class for the provider differs from OpenAI's in more than how a request is written and where
    it goes."""
    library = litellm()
    if deployment.provider in ELSEWHERE or deployment.provider not in {one.value for one in library.LlmProviders}:
        return None
    own = library.OpenAIGPTConfig
    try:
        model, _, key, base = library.get_llm_provider(model=deployment.litellm_model, api_base=deployment.api_base)
        config = library.utils.ProviderConfigManager.get_provider_chat_config(
            model=model, provider=library.LlmProviders(deployment.provider)
        )
        if not isinstance(config, own) or any(getattr(type(config), n) is not getattr(own, n) for n in READS_ITSELF):
            return None
        if deployment.provider == "openai":
            base = base or config.get_api_base()
        elif base is None and type(config).get_complete_url is own.get_complete_url:
            # OpenAI's own address is nobody else's.
            return None
        base = base and base.rstrip("/")
        url = config.get_complete_url(base, None, model, {}, {})
    except Exception:  # noqa: BLE001 - what it lacks to place a provider: its public call will say so
        return None
    return Address(model, key, base, url, config)


class OpenAIFormat:
    """One deployment that is asked in OpenAI's format."""

    def __init__(self, deployment: Deployment, at: Address) -> None:
        self._deployment = deployment
        self._compatible = deployment.openai_compatible
        self._model, self._key, self._url, self._config = at.model, at.key, at.url, at.config
        self._place = {"custom_llm_provider": deployment.provider, "api_base": at.base}
        self._headers = self._own_headers()
        self._params = ParameterMap(deployment, self._model, self._config)
        self.prices = Prices(deployment)
        self.finish_reasons = finish_reasons_of(deployment)

    def takes(self, params: Mapping[str, Any]) -> bool:
        if self._compatible:
            return True
        info, _ = litellm().main.responses_api_bridge_check(
            model=self._model,
            custom_llm_provider=self._deployment.provider,
            tools=params.get("tools"),
            reasoning_effort=params.get("reasoning_effort"),
            api_base=self._place["api_base"],
        )
        return str(info.get("mode")) != "responses"

    async def call(
        self, messages: list[Message], params: Mapping[str, Any], key: str | None, *, stream: bool
    ) -> OpenAICall:
        key = key or self._key or (NO_KEY if self._deployment.api_base is not None else None)
        if key is None:
            raise keyless()
        arguments = arguments_of(self._deployment, params)
        streaming = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
        headers = {**self._headers, **arguments.pop("extra_headers", {})}
        more = arguments.pop("extra_body", {})
        for name in self._deployment.extra:
            # The others say where, and as whom, to ask.
            arguments.pop(name, None)
        headers, body = await self._built(copied(messages), {**copied(arguments), **streaming}, headers, key)
        return OpenAICall(self, Outgoing(self._url, headers, json.dumps({**body, **more}).encode()), params)

    async def _built(
        self, messages: list[Any], arguments: dict[str, Any], headers: dict[str, str], key: str
    ) -> tuple[dict[str, str], dict[str, Any]]:
        """Headers and body, by LiteLLM's functions."""
        place, base = self._place, self._place["api_base"]
        try:
            messages = self._config.translate_developer_role_to_system_role(messages=messages)
            optional, others = self._params.mapped(arguments)
            # The operator's own, as for another way to sign in, count more.
            signed = self._config.validate_environment({}, self._model, messages, optional, place, key, base)
            body = await self._config.async_transform_request(self._model, messages, optional, place, headers)
        except Exception as error:
            raise unsendable(error) from error
        body.update(body.pop("extra_body", None) or {})
        return {**{name.lower(): value for name, value in signed.items()}, **headers}, {**body, **others}

    def _own_headers(self) -> dict[str, str]:
        headers = {"content-type": "application/json"}
        if self._deployment.provider != "openai" or self._compatible:
            return headers
        read = litellm().secret_managers.main.get_secret_str
        organization = (
            self._deployment.extra.get("organization") or read("OPENAI_ORGANIZATION") or read("OPENAI_ORG_ID")
        )
        named = {"openai-organization": organization, "openai-project": read("OPENAI_PROJECT_ID")}
        return headers | {name: value for name, value in named.items() if value}


class OpenAICall:
    """One request in OpenAI's format, and how its answer is read."""

    def __init__(self, owner: OpenAIFormat, outgoing: Outgoing, params: Mapping[str, Any]) -> None:
        self.outgoing = outgoing
        self._prices = owner.prices
        self._reader = FinishReader(owner.finish_reasons)
        self._choices = params.get("n") or 1

    def answer(self, body: bytes, headers: Mapping[str, str]) -> ProviderAnswer:
        said = object_of(body)
        if _is_error(said.get("error")):
            raise error_in_band(said["error"])
        choices = said.get("choices")
        if not isinstance(choices, list) or not all(_is_finished(choice) for choice in choices):
            raise no_format()
        choices = [{**choice, "finish_reason": self._reader.read(choice["finish_reason"])} for choice in choices]
        return replace(self._read({**said, "choices": choices}), broken=self._reader.broken)

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
        try:
            answer = answer_of(response, usage_of(usage), None)
        except UnreadableError as error:
            raise no_format(error) from error
        if usage is None:
            return answer
        response.usage = usage
        return replace(answer, cost_usd=self._prices.usd_of_answer(response))

    def cut_off(self, refused: ErrorResponse) -> ProviderAnswer | None:
        if refused.status != 400 or OUTPUT_LIMIT not in refused.body.lower():
            return None
        message = {"role": "assistant", "content": "", "refusal": None}
        choice = {"index": 0, "message": message, "finish_reason": "length", "logprobs": None}
        return ProviderAnswer([choice], Usage(estimated=True), None)

    def decoder(self) -> OpenAIDecoder:
        return OpenAIDecoder(self._choices, self._prices, self._reader)


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
