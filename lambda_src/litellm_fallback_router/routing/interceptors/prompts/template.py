"""Managed prompts: what one is, what becomes of it once its variables are filled in, and how a request takes it up.

Pure. Variables are `{{name}}`, filled in by plain text, as in Amazon Bedrock's user guide, "Construct and store
reusable prompts with Prompt management".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ...errors import InvalidRequestError
from ...mapping import RouterConfig
from ...types import OWN_MODEL, ChatRequest, Deployment, Message, Prompt

_VARIABLE = re.compile(r"\{\{([0-9a-zA-Z](?:[_-]?[0-9a-zA-Z])*[_-]?)\}\}")
_GEOGRAPHY = re.compile(r"^(?:global|apac|[a-z]{2}(?:-gov)?)\.")
_GIVES_WAY = {
    "temperature": {"top_p"},
    "top_p": {"temperature"},
    "max_tokens": {"max_completion_tokens"},
    "tools": {"functions"},
    "tool_choice": {"tools", "functions", "function_call"},
}
"""A parameter of a prompt, and the caller's that take its place beside the one of the same name: Claude takes
temperature or top_p, and a forced tool must be among the tools."""


@dataclass(frozen=True, slots=True)
class PromptTemplate:
    """One version of a managed prompt, in OpenAI's shapes."""

    id: str
    version: str
    """`DRAFT`, or a number."""
    messages: tuple[Message, ...] = field(repr=False)
    """Their texts hold the variables."""
    declared: frozenset[str] = frozenset()
    """Variables that the prompt lists, whether or not its text has them."""
    params: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """OpenAI's optional request fields: temperature, tools ..."""
    model: str | None = None
    """Bedrock's id or ARN of the model or inference profile it was written for."""

    @property
    def name(self) -> str:
        """For messages."""
        return f"prompt {self.id!r} ({self.version})"


def prompted(request: ChatRequest, prompt: Prompt, template: PromptTemplate, config: RouterConfig) -> ChatRequest:
    """The request with the prompt's messages before its own, and the prompt's parameters where it has none.
    Its `prompt` says which version that was; what was filled in is in the messages alone.

    Raises InvalidRequestError that names each missing or unknown variable, or the model that is not to be had.
    """
    messages = _joined(render(template, prompt.variables), request.messages)
    if not messages:
        raise InvalidRequestError(f"{template.name} has no messages; send some beside it", param="messages")
    model = model_for(template, config) if request.model == OWN_MODEL else request.model
    params = merged(template.params, request.params)
    used = Prompt(template.id, template.version)
    return replace(request, model=model, messages=messages, params=params, prompt=used)


def render(template: PromptTemplate, variables: Mapping[str, str]) -> list[Message]:
    """The messages with every variable filled in, once: what a value holds is not looked at again."""
    wanted = {name for text in _texts(template.messages) for name in _VARIABLE.findall(text)}
    missing = sorted(wanted - variables.keys())
    unknown = sorted(variables.keys() - wanted - template.declared)
    if missing or unknown:
        parts = [f"misses {_listed(missing)}"] if missing else []
        parts += [f"has no {_listed(unknown)}; it takes {_listed(sorted(wanted)) or 'none'}"] if unknown else []
        text = f"the variables of {template.name} do not fit: it {' and '.join(parts)}"
        raise InvalidRequestError(text, param=f"prompt.variables.{(missing or unknown)[0][:64]}")

    def filled(text: str) -> str:
        return _VARIABLE.sub(lambda found: variables[found[1]], text)

    return [{**message, "content": _filled(message["content"], filled)} for message in template.messages]


def merged(prompts: Mapping[str, Any], callers: Mapping[str, Any]) -> dict[str, Any]:
    """The caller's own parameters win."""
    kept = {name: value for name, value in prompts.items() if not _GIVES_WAY.get(name, set()) & callers.keys()}
    return {**kept, **callers}


def model_for(template: PromptTemplate, config: RouterConfig) -> str:
    """The mapping's name for the prompt's model: one that is asked by that very id, else the same model through
    another inference profile."""
    known = f"name a model yourself; known: {', '.join(config.chains)}"
    if template.model is None:
        raise InvalidRequestError(f"{template.name} names no model; {known}", param="model")
    for same in (_same, _same_foundation):
        for deployment in config.deployments:
            if deployment.profile.bedrock and same(template.model, deployment):
                return deployment.model_name
    text = f"{template.name} names the model {template.model!r}, which the mapping does not have; {known}"
    raise InvalidRequestError(text, param="model")


def _same(model: str, deployment: Deployment) -> bool:
    own = {deployment.model, deployment.extra.get("model_id")}
    return model in own or (_is_named(model) and _tail(model) in own)


def _same_foundation(model: str, deployment: Deployment) -> bool:
    return _is_named(model) and _foundation(model) == _foundation(deployment.model)


def _is_named(model: str) -> bool:
    """Whether the model's name can be read from its id: that of an application's own profile is a random word."""
    return not model.startswith("arn:") or bool(re.search(r":(?:foundation-model|inference-profile)/", model))


def _tail(model: str) -> str:
    return model.rpartition("/")[2]


def _foundation(model: str) -> str:
    return _GEOGRAPHY.sub("", _tail(model))


def _joined(first: list[Message], then: Sequence[Message]) -> list[Message]:
    """One conversation of both. What `then` begins with as a system prompt stands behind the system prompt of `first`:
    Claude and Bedrock have no place for one in the middle, and would get it as something that the user says."""
    here, there = _after_system(first), _after_system(then)
    return [*first[:here], *then[:there], *first[here:], *then[there:]]


def _after_system(messages: Sequence[Message]) -> int:
    return next((n for n, one in enumerate(messages) if one["role"] not in ("system", "developer")), len(messages))


def _texts(messages: Iterable[Message]) -> Iterator[str]:
    for message in messages:
        content = message["content"]
        yield from [content] if isinstance(content, str) else (part["text"] for part in content)


def _filled(content: Any, filled: Any) -> Any:
    if isinstance(content, str):
        return filled(content)
    return [{**part, "text": filled(part["text"])} for part in content]


def _listed(names: Iterable[str]) -> str:
    return ", ".join(repr(name[:64]) for name in names)
