"""What OpenAI's reasoning models refuse: efforts they lack, and what cannot stand beside one."""

from collections.abc import Iterable

from local.simulator.catalogue import Model
from local.simulator.openai.errors import refuse
from local.simulator.provider import ApiError

_NEVER = ("stop", "frequency_penalty", "presence_penalty", "logit_bias")
_WITHOUT_EFFORT = ("top_p", "logprobs", "top_logprobs")


def check_effort(effort: str | None, model: Model, param: str) -> None:
    """Raises ApiError for an effort that the model lacks."""
    if effort is None or not model.efforts or effort in model.efforts:
        return
    shown = [f"'{one}'" for one in model.efforts]
    # Sources: getzep/graphiti pull request 1395 (text), anomalyco/opencode issue 4451 (code).
    raise refuse(
        f"Unsupported value: '{effort}' is not supported with the '{model.name}' model. Supported values are: "
        f"{', '.join(shown[:-1])}, and {shown[-1]}.",
        code="unsupported_value",
        param=param,
    )


def check_sampling(given: Iterable[str], temperature: float | None, effort: str | None, model: Model) -> None:
    """Raises ApiError. `given`: the fields of the request that are set. Without an effort the model does not reason."""
    if not model.efforts:
        return
    fields = set(given)
    reasons = effort not in (None, "none")
    # Sources: huggingface/smolagents issue 1893 (`stop`), oracle/ai-optimizer issue 240 (`frequency_penalty`); that the
    # others are refused beside an effort only: vercel/ai issue 10932, after OpenAI's "Using the latest model".
    for name in (*_NEVER, *(_WITHOUT_EFFORT if reasons else ())):
        if name in fields:
            raise _unsupported(name)
    # Source: johny-b/llmcomp issue 69, of gpt-5.4.
    if reasons and temperature not in (None, 1):
        raise refuse(
            f"Unsupported value: 'temperature' does not support {temperature:g} with this model. Only the default (1) "
            "value is supported.",
            code="unsupported_value",
            param="temperature",
        )


def check_functions(has_functions: bool, effort: str | None, model: Model) -> None:
    """Raises ApiError for functions beside an effort, which only responses take."""
    # Sources: pipecat-ai/pipecat issue 4043, openai/openai-openapi issue 541.
    if has_functions and model.efforts and effort not in (None, "none"):
        raise refuse(
            f"Function tools with reasoning_effort are not supported for {model.name} in /v1/chat/completions. Please "
            "use /v1/responses instead.",
            param="reasoning_effort",
        )


def _unsupported(name: str) -> ApiError:
    return refuse(
        f"Unsupported parameter: '{name}' is not supported with this model.", code="unsupported_parameter", param=name
    )
