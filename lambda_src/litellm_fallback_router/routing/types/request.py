"""What a caller asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..callers import CallerKey, Priority

OWN_MODEL = "prompt"
"""As a request's model: the one its prompt names."""
Message = Mapping[str, Any]
"""One chat message in OpenAI's shape: `{"role": ..., "content": ...}`."""


@dataclass(frozen=True, slots=True)
class RoutingConstraints:
    """The caller's `router` field: it may narrow what the mapping allows, never widen it."""

    providers: tuple[str, ...] | None = None
    """Only these providers; None: all."""
    regions: tuple[str, ...] | None = None
    """Only deployments whose Region matches one of these patterns (`eu-*`); None: all."""
    fallback: bool = True
    """False: only the named model's own group."""
    resume: bool = True
    """False: a broken stream ends with an error event instead of being continued elsewhere."""
    explain: bool = False
    """True: the body carries the ledger."""
    cache: bool = False
    """True: an earlier answer to an equal request will do, and this one's may be kept, where the mapping allows it."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """A managed prompt that a request starts from, by the shape OpenAI's Responses API uses."""

    id: str
    """Its id, or its ARN."""
    version: str | None = None
    """A version's number; None: the working draft."""
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What is filled in, by variable."""


@dataclass(frozen=True, slots=True)
class NativeRequest:
    """A caller's own body, for the deployments that speak its format: it reaches them as it came, but for what must
    change."""

    format: str
    """One of `adaptation.NATIVE_FORMATS`: `messages` is Anthropic's, `responses` OpenAI's."""
    body: Mapping[str, Any] = field(repr=False)
    """Checked. Without the fields that the gateway itself acts on: `model`, `stream`, `router`."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The caller's that belong to it, by lower-case name: `anthropic-beta`."""
    added: frozenset[str] = frozenset()
    """Leaves that the gateway put into the body itself, such as `include[0]`: a model that goes without is no news."""
    only: tuple[str, ...] = ()
    """What no translation has: fields with their kind, such as `tools[2] (web_search_20250305)`. Deployments that do
    not speak the format are passed over because of the first."""

    @property
    def param(self) -> str | None:
        """The first of them, without its kind."""
        return self.only[0].partition(" ")[0] if self.only else None


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One question to the router."""

    model: str
    """A model name or a strategy of the mapping; beside a prompt also `prompt`, for the prompt's own model."""
    messages: Sequence[Message]
    params: Mapping[str, Any] = field(default_factory=dict)
    """OpenAI's optional request fields (temperature, tools, ...), validated; never endpoints or keys."""
    timeout: float | None = None
    """Seconds the caller is willing to wait for the whole chain; None: the setting alone."""
    time_left: float | None = None
    """Seconds until what runs this process stops it (a Lambda's remaining time); None: nothing will. Unlike
    `timeout` it bounds a flowing stream too."""
    constraints: RoutingConstraints = RoutingConstraints()
    request_id: str = ""
    caller: str | None = None
    """Id of the key that asked (never the key)."""
    key: CallerKey | None = field(default=None, repr=False)
    """What that key may do, and how much of it; None: nothing is limited for it."""
    tag: str | None = None
    """Whose budget it counts against besides: `metadata.tag`, one of those that the mapping has a budget for."""
    traceparent: str | None = None
    """W3C Trace Context of the caller, as it came, for the log."""
    adjusted: tuple[str, ...] = ()
    """What its wire format has no place for in `messages` and `params`: lines for `adjusted` of every attempt."""
    prompt: Prompt | None = None
    """Its messages come before `messages`, and its parameters hold where `params` has none."""
    warm: Mapping[str, int] = field(default_factory=dict, compare=False, repr=False)
    """Tokens of its prompt that a deployment's provider has cached, by the deployment's id."""
    native: NativeRequest | None = field(default=None, repr=False)
    """The same request as it came, where it came in another format than OpenAI's chat completions."""
    param_names: Mapping[str, str] = field(default_factory=dict)
    """What the caller calls a field, where that is not OpenAI's name of it, for errors that name the field."""
    validated: bool = field(default=False, compare=False, repr=False)
    """True: `requests.checked`, or the API it came through, has checked all of it."""

    @property
    def priority(self) -> Priority:
        """Its key's; without a key interactive."""
        return Priority.INTERACTIVE if self.key is None else self.key.priority

    def param(self, name: str) -> str:
        """Give the caller's own name of a field.

        Args:
            name: OpenAI's name of it.

        Returns:
            The name in the format that the request came in.
        """
        return self.param_names.get(name, name)

    def after(self, seconds: float) -> ChatRequest:
        """Make the same request with less time left.

        Args:
            seconds: What has passed of its time.

        Returns:
            The request; its `timeout` and `time_left` are at least 0, and None where they were.
        """
        timeout, time_left = (
            None if left is None else max(left - seconds, 0.0) for left in (self.timeout, self.time_left)
        )
        return replace(self, timeout=timeout, time_left=time_left)

    @property
    def caller_facts(self) -> dict[str, str | None]:
        """What the operator's log says of who asks."""
        name = {} if self.key is None or not self.key.name else {"caller_name": self.key.name}
        return {"caller": self.caller, **name, **({} if self.tag is None else {"tag": self.tag})}

    @property
    def prompt_facts(self) -> dict[str, str]:
        """What the operator's log says of the managed prompt: never what was filled in."""
        if self.prompt is None:
            return {}
        return {"prompt_id": self.prompt.id[:100], "prompt_version": (self.prompt.version or "DRAFT")[:20]}
