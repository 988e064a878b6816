"""OpenAI's parameters in a provider's names, by LiteLLM's class for its format."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..routing.types import Deployment
from .loading import litellm

NOT_CHECKED = frozenset({"user", "stream", "stream_options", "max_retries"})
"""LiteLLM's classes are given these whether they take them or not."""


class ParameterMap:
    """What a deployment's model takes, looked up once."""

    def __init__(self, deployment: Deployment, model: str, config: Any, **more: Any) -> None:
        """`more`: what else that class must know."""
        library = litellm()
        self._config = config
        self._more = more
        self._model = model
        self._known = frozenset(library.constants.DEFAULT_CHAT_COMPLETION_PARAM_VALUES)
        names = library.get_supported_openai_params(model=model, custom_llm_provider=deployment.provider)
        self._taken = NOT_CHECKED.union(names or self._known)

    def mapped(self, arguments: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """OpenAI's parameters as the provider has them, and what is none of OpenAI's, as it came.

        Raises what LiteLLM raises. What the model does not take is left out; the plan has seen to it that nothing is.
        """
        known, others = {}, {}
        for name, value in arguments.items():
            if value is None:
                continue
            if name not in self._known:
                others[name] = value
            elif name in self._taken or (name, value) == ("n", 1):
                known[name] = value
        mapped: dict[str, Any] = self._config.map_openai_params(
            non_default_params=known, optional_params={}, model=self._model, drop_params=True, **self._more
        )
        return mapped, others
