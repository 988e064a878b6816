"""Where a request's fields go: to LiteLLM, past it into the body, or nowhere because it would leave a need out."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from ..providers import provider_profile
from ..routing.failures import FailureKind, ProviderFailure
from ..routing.plan import needed_params
from ..routing.types import Deployment
from .loading import litellm
from .tool_shapes import native

KINDS_OF_CHOICE = frozenset({"custom", "allowed_tools"})
"""OpenAI's kinds of `tool_choice` that LiteLLM refuses."""


def arguments_of(deployment: Deployment, params: Mapping[str, Any]) -> dict[str, Any]:
    """`params` and the operator's own parameters as arguments of `acompletion`; the operator's come last.

    Raises ProviderFailure for a need that LiteLLM would leave out without an error (it runs with `drop_params`).
    """
    body = _body(deployment, params)
    if not deployment.openai_compatible:
        _check_taken(deployment, params)
    arguments = {name: value for name, value in params.items() if name not in body} | native(deployment, params)
    if "outputConfig" in arguments or "output_format" in arguments:
        del arguments["response_format"]
    if body:
        # The operator's fields of the body come last, too.
        body |= deployment.extra.get("extra_body", {})
        return {**arguments, **deployment.extra, "extra_body": body}
    return {**arguments, **deployment.extra}


def _body(deployment: Deployment, params: Mapping[str, Any]) -> dict[str, Any]:
    """What goes into the body as it came, since LiteLLM would keep or refuse it."""
    if deployment.openai_compatible:
        return dict(params)
    body: dict[str, Any] = {}
    if deployment.profile.dialect.metadata_if_stored and "metadata" in params:
        # LiteLLM takes it to be for its own logs.
        body["metadata"] = params["metadata"]
    choice = params.get("tool_choice")
    kind = choice.get("type") if isinstance(choice, Mapping) else None
    if deployment.profile.dialect.other_choices and kind in KINDS_OF_CHOICE:
        body["tool_choice"] = choice
    return body


def _check_taken(deployment: Deployment, params: Mapping[str, Any]) -> None:
    needed = needed_params(params)
    taken = _taken(deployment.litellm_model) if needed else None
    if taken is None:
        return
    for name in needed:
        if name not in taken:
            reason = f"rejected the request before it was sent: it takes no {name}"
            raise ProviderFailure(FailureKind.REJECTED, reason, param=name)


@cache
def _taken(litellm_model: str) -> frozenset[str] | None:
    """OpenAI's fields that LiteLLM passes on to the model; None: it cannot tell."""
    model, provider, _, _ = litellm().get_llm_provider(model=litellm_model)
    names = litellm().get_supported_openai_params(model=model, custom_llm_provider=provider)
    if names is None:
        return None
    # LiteLLM writes the tools into the prompt there.
    return frozenset(names) | (
        {"tools", "tool_choice", "functions"} if provider_profile(provider).tools_in_prompt else set()
    )
