"""Answers in almost OpenAI's format, read by LiteLLM's class for the provider."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .loading import litellm
from .translated import Received, Unlogged


@dataclass(frozen=True, slots=True)
class ClassReading:
    """How LiteLLM's class reads an answer that is not quite OpenAI's."""

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
