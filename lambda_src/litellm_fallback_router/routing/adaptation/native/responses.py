"""OpenAI's Responses API, passed on: what has to change in a body on its way to a deployment that has it.

Reasoning that OpenAI encrypted can be read by the organization that it was made for alone; others refuse the request
("The encrypted content ... could not be verified", pydantic/pydantic-ai issue 4608). So what is handed out is marked
with its maker, in front of the content, which clients return as they got it; ids would not do: many clients drop them.

Sources: OpenAI, "Create a model response" and "Reasoning models"; "Item 'fc_...' of type 'function_call' was provided
without its required 'reasoning' item" (teunlao/swift-ai-sdk issue 8): without a thought its calls lose their ids.
Amazon Bedrock User Guide, "Responses API": `bedrock-runtime` and `bedrock-mantle` have it, the first not of GPT OSS.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from ....providers import Dialect, Feature
from ...types import Deployment, Message, NativeRequest
from ..parameters import fit_effort
from ..report import Report, UnfitError

MADE_HERE = "_gw_"
"""In every id that the gateway made itself: no API has them stored."""
MARK = "gw1."
"""Before the maker, a dot, and what the maker wrote."""
ENCRYPTED = "reasoning.encrypted_content"
LOGPROBS = "message.output_text.logprobs"
SAMPLING = ("temperature", "top_p")
UNDOCUMENTED = "client_metadata"
"""Codex's description of itself in each request; it is in no documentation, and others refuse it. Source:
openai/codex, `ResponsesApiRequest` in codex-rs/codex-api."""
LEAST_TOKENS = 16
"""Of `max_output_tokens`: "Expected a value >= 16" (vercel/ai issue 6233)."""
MANTLE = "bedrock-mantle."
RUNTIME = "bedrock-runtime."
OPEN_WEIGHTS = "gpt-oss"


def origin_of(deployment: Deployment) -> str:
    """Whose encrypted reasoning it is: of one credential, at one address, of one model."""
    told = f"{deployment.credential}|{deployment.api_base}|{deployment.model}"
    return hashlib.sha256(told.encode()).hexdigest()[:12]


def marked(content: str, maker: str) -> str:
    """`encrypted_content` as it is handed out."""
    return f"{MARK}{maker}.{content}"


def unmarked(content: Any) -> tuple[str, str] | None:
    """Its maker, and what the maker wrote; None: it was not handed out here."""
    if not isinstance(content, str) or not content.startswith(MARK):
        return None
    maker, _, written = content.removeprefix(MARK).partition(".")
    return maker, written


class ResponsesFormat:
    """Implements `NativeFormat`."""

    def spoken_by(self, deployment: Deployment, native: NativeRequest) -> bool:
        if "responses" not in deployment.profile.native_formats:
            return False
        return not deployment.openai_compatible or _is_bedrocks(deployment)

    def fitted(self, deployment: Deployment, native: NativeRequest, report: Report) -> NativeRequest:
        body = dict(native.body)
        if deployment.openai_compatible and body.pop(UNDOCUMENTED, None) is not None:
            report.say(f"{UNDOCUMENTED} dropped")
        _fit_model(deployment, body, native.added, report)
        if isinstance(body.get("input"), list):
            body["input"] = _Items(deployment, report).fitted(body["input"])
        return replace(native, body=body)

    def continued(
        self, native: NativeRequest, text: str, params: Mapping[str, Any], instruction: str | None
    ) -> NativeRequest:
        body = dict(native.body)
        if "max_completion_tokens" in params:
            body["max_output_tokens"] = max(LEAST_TOKENS, params["max_completion_tokens"])
        if text.strip():
            given = body["input"]
            before = [{"role": "user", "content": given}] if isinstance(given, str) else given
            said = [{"role": "assistant", "content": text}]
            asked = [] if instruction is None else [{"role": "user", "content": instruction}]
            body["input"] = [*before, *said, *asked]
        return replace(native, body=body)

    def masked(self, native: NativeRequest, messages: Sequence[Message]) -> NativeRequest | None:
        return None


def _is_bedrocks(deployment: Deployment) -> bool:
    host = _host(deployment)
    return host.startswith(MANTLE) or (host.startswith(RUNTIME) and OPEN_WEIGHTS not in deployment.model)


def _host(deployment: Deployment) -> str:
    return urlsplit(deployment.api_base or "").hostname or ""


def _fit_model(deployment: Deployment, body: dict[str, Any], added: Collection[str], report: Report) -> None:
    """What OpenAI refuses of models that lack it. Raises UnfitError."""
    info, lacks = deployment.info, deployment.profile.dialect.lacks
    most = info.max_output_tokens
    if most is not None and body.get("max_output_tokens", 0) > most:
        body["max_output_tokens"] = most
        report.say(f"max_output_tokens clamped to {most}")
    for name in SAMPLING:
        if name in lacks and body.pop(name, None) is not None:
            report.say(f"{name} dropped")
    if "verbosity" in lacks and (body.get("text") or {}).get("verbosity") is not None:
        body["text"] = {name: value for name, value in body["text"].items() if name != "verbosity"}
        report.say("text.verbosity dropped")
    if info.reasoning is not False and "reasoning_effort" not in lacks:
        if not deployment.openai_compatible:
            _fit_effort(deployment.profile.dialect, body, report)
        return
    if body.pop("reasoning", None) is not None:
        report.say("reasoning dropped")
    if ENCRYPTED in (wanted := body.get("include") or ()):
        body["include"] = [one for one in wanted if one != ENCRYPTED]
        if (leaf := f"include[{wanted.index(ENCRYPTED)}]") not in added:
            report.say(f"{leaf} dropped")


def _fit_effort(dialect: Dialect, body: dict[str, Any], report: Report) -> None:
    """The effort, and what cannot stand beside it, by the rules for chats. Raises UnfitError."""
    reasoning = body.get("reasoning") or {}
    chat = {name: body[name] for name in SAMPLING if body.get(name) is not None}
    if (effort := reasoning.get("effort")) is not None:
        chat["reasoning_effort"] = effort
    if LOGPROBS in (body.get("include") or ()) or body.get("top_logprobs"):
        chat["logprobs"] = True
        if Feature.LOGPROBS in dialect.cannot:
            raise UnfitError(Feature.LOGPROBS.code, Feature.LOGPROBS.reason, param="logprobs")
    given = chat.keys() & set(SAMPLING)
    for line in fit_effort(dialect, chat, dialect.responses_efforts or dialect.efforts):
        report.say(line.replace("reasoning_effort", "reasoning.effort"))
    for name in given - chat.keys():
        del body[name]
    if chat.get("reasoning_effort") != effort:
        body["reasoning"] = {**reasoning, "effort": chat["reasoning_effort"]}


class _Items:
    """Fits the items of one request to one deployment."""

    def __init__(self, deployment: Deployment, report: Report) -> None:
        self._origin = origin_of(deployment) if deployment.info.reasoning is not False else None
        """None: it takes no reasoning back ("Encrypted content is not supported with this model.")."""
        self._report = report
        self._forgotten = False
        """A thought was left out."""

    def fitted(self, items: list[Any]) -> list[Any]:
        """The items without what other providers made, and without ids that are unknown there."""
        kept = [self._item(item, f"input[{index}]") for index, item in enumerate(items)]
        kept = [item for item in kept if item is not None]
        if not self._forgotten:
            return [_without_id(item) if MADE_HERE in str(item.get("id")) else item for item in kept]
        if any(_is_named(item) and MADE_HERE not in item["id"] for item in kept):
            self._report.say("input ids dropped")
        return [_without_id(item) if _is_named(item) or MADE_HERE in str(item.get("id")) else item for item in kept]

    def _item(self, item: Any, path: str) -> Any:
        if not isinstance(item, dict) or item.get("type") != "reasoning":
            return item
        content = item.get("encrypted_content")
        if content is None and MADE_HERE not in str(item.get("id")):
            return item
        found = unmarked(content)
        if content is not None and found is None and self._origin is not None:
            return item
        if found is None or found[0] != self._origin:
            self._forgotten = True
            self._report.say(f"{path} dropped (not this model's reasoning)")
            return None
        return {**item, "encrypted_content": found[1]}


def _is_named(item: Mapping[str, Any]) -> bool:
    """True for the id of a model's item; a reference is nothing without its own."""
    return isinstance(item.get("id"), str) and item.get("type") in ("message", "function_call", "custom_tool_call")


def _without_id(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in item.items() if name != "id"}
