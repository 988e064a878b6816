"""What the generic format lacks for some providers: their addresses, and what LiteLLM's class leaves undone.

Sources: Cohere, "Chat API v2" and "Streaming"; Ollama, "API"; Google, "Gemini API: generateContent".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..providers import OwnApi
from ..routing.types import Deployment
from .addresses import below
from .by_config import ConfigFormat
from .exchange import Outgoing
from .loading import chat_config, litellm
from .translated import Translation


def other_format(deployment: Deployment) -> ConfigFormat | None:
    """None where LiteLLM has no class whose functions do it all, or another one does."""
    library, profile = litellm(), deployment.profile
    if profile.own_api not in FORMATS:
        return None
    base = deployment.api_base
    if base is None and profile.base_variable is not None:
        base = library.secret_managers.main.get_secret_str(profile.base_variable) or profile.usual_base
    model, *_ = library.get_llm_provider(model=deployment.litellm_model)
    config = chat_config(model, deployment.provider)
    if profile.own_api is OwnApi.COHERE and not isinstance(config, library.CohereV2ChatConfig):
        return None
    return FORMATS[profile.own_api](deployment, model, config, base)


class OllamaFormat(ConfigFormat):
    """A key is for a server behind one."""

    def built(self, one: Translation, key: str | None, *, stream: bool) -> Outgoing:
        if key is not None:
            one.headers.setdefault("Authorization", f"Bearer {key}")
        one.optional["stream"] = stream
        return super().built(one, key, stream=stream)


class CohereFormat(ConfigFormat):
    """LiteLLM's parser reads the events of v2's preview; each event is given that shape."""

    def event_of(self, said: dict[str, Any]) -> dict[str, Any]:
        kind = said.get("type")
        called = _called(said) if kind in ("tool-call-start", "tool-call-delta") else None
        if called is None:
            return {**said, "event": kind, "data": said}
        function = called.get("function") or {}
        call = {"id": called.get("id"), "name": function.get("name"), "arguments": function.get("arguments") or ""}
        return {"type": "tool-call-delta", "index": said.get("index") or 0, "delta": {"tool_calls": [call]}}


def _called(said: Mapping[str, Any]) -> Mapping[str, Any] | None:
    message = (said.get("delta") or {}).get("message") or {}
    called = message.get("tool_calls")
    return called if isinstance(called, Mapping) else None


class GeminiFormat(ConfigFormat):
    """Google AI Studio's Gemini: LiteLLM keeps the two functions that write a request outside of its class."""

    def built(self, one: Translation, key: str | None, *, stream: bool) -> Outgoing:
        google = litellm().llms.vertex_ai.gemini
        signed: Any = None

        def complete(base: str | None) -> str:
            nonlocal signed
            signed, url = google.vertex_and_google_ai_studio_gemini.VertexLLM()._get_token_and_url(
                model=self.model,
                auth_header=None,
                gemini_api_key=key,
                vertex_project=None,
                vertex_location=None,
                vertex_credentials=None,
                stream=stream,
                custom_llm_provider="gemini",
                api_base=base,
            )
            return str(url)

        url = below(self.base, complete)
        headers = self.config.validate_environment(
            dict(one.headers), self.model, one.messages, one.optional, one.place, api_key=signed
        )
        body = google.transformation.transform_request_body(
            messages=one.messages,
            model=self.model,
            optional_params=one.optional,
            custom_llm_provider="gemini",
            litellm_params=one.place,
            cached_content=None,
        )
        return Outgoing(url, headers, json.dumps({**body, **one.more}).encode())

    def parser(self, one: Translation) -> Any:
        google = litellm().llms.vertex_ai.gemini.vertex_and_google_ai_studio_gemini
        return google.ModelResponseIterator(streaming_response=(), sync_stream=False, logging_obj=one.listener)

    def reason_in(self, said: Mapping[str, Any]) -> str | None:
        refused = said.get("promptFeedback")
        if isinstance(refused, Mapping) and refused.get("blockReason") and not said.get("candidates"):
            return "SAFETY"  # whatever the reason: the prompt was blocked
        return super().reason_in(said)


FORMATS: Mapping[OwnApi | None, type[ConfigFormat]] = {
    OwnApi.COHERE: CohereFormat,
    OwnApi.GEMINI: GeminiFormat,
    OwnApi.OLLAMA: OllamaFormat,
}
