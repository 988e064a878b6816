"""Claude by `InvokeModel`: Anthropic's message requests, with the API's version and betas in the body.

Sources: docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages (fields,
`anthropic_version`, images as base64 alone); LiteLLM 1.106.2, `BedrockInvokeAnthropicMessagesRequest` (fields), and
what its `llms/bedrock/messages` takes out of requests because Bedrock refuses it; docs of
`InvokeModelWithResponseStream` (`chunk.bytes`).
"""

import base64
import json
from collections.abc import Iterator
from typing import Any

from local.simulator.anthropic import answer as form
from local.simulator.anthropic import request
from local.simulator.anthropic.request import MessagesCall
from local.simulator.bedrock import errors, eventstream
from local.simulator.catalogue import Model
from local.simulator.conversation import Answer
from local.simulator.provider import ApiError, Frame

VERSION = "bedrock-2023-05-31"
_FIELDS = frozenset(
    {
        *("anthropic_beta", "anthropic_version", "context_management", "max_tokens", "messages", "metadata"),
        *(
            "output_config",
            "stop_sequences",
            "system",
            "temperature",
            "thinking",
            "tool_choice",
            "tools",
            "top_k",
            "top_p",
        ),
    }
)
_BETAS = (
    *("compact-", "computer-use-", "context-1m-", "context-management-", "effort-", "fine-grained-tool-streaming-"),
    *("mid-conversation-output-config-", "mid-conversation-tool-changes-", "thinking-binding-controls-"),
    *("thinking-display-updates-", "tool-search-tool-"),
)
_MARK = frozenset({"type", "ttl"})


def is_claude(model: str) -> bool:
    """Whether its `InvokeModel` takes Anthropic's requests."""
    return "anthropic.claude" in model


def to_call(body: Any, model: Model, *, stream: bool) -> MessagesCall:
    """Raises ApiError with Bedrock's 400."""
    if not isinstance(body, dict):
        raise errors.refuse("Malformed input request, please reformat your input and try again.")
    for name in body:
        if name not in _FIELDS:
            raise errors.refuse(
                f"Malformed input request: #: extraneous key [{name}] is not permitted, please reformat."
            )
    if body.get("anthropic_version") != VERSION:
        raise errors.refuse("anthropic_version: Field required")
    betas = body.get("anthropic_beta", [])
    if not isinstance(betas, list) or not all(isinstance(one, str) and one.startswith(_BETAS) for one in betas):
        # Source: BerriAI/litellm pull request 19877.
        raise errors.refuse("The model returned the following errors: invalid beta flag")
    if place := next(_unfit(body, ""), None):
        raise errors.refuse(f"{place}: Extra inputs are not permitted")
    plain = {name: value for name, value in body.items() if not name.startswith("anthropic_")}
    try:
        asked = request.parse({"model": model.name, "stream": stream, **plain}, version="", beta=",".join(betas))
        return request.to_call(asked, model, ",".join(betas))
    except ApiError as refused:
        # Bedrock hands on the errors of Anthropic's own checks, in an envelope of its own.
        raise errors.refuse(json.loads(refused.reply.body)["error"]["message"]) from refused


def message(call: MessagesCall, answer: Answer | None) -> dict[str, Any]:
    """The message object."""
    return form.message(call, answer)


def events(call: MessagesCall, answer: Answer | None) -> Iterator[Frame]:
    """Anthropic's events, each inside one of AWS's."""
    for frame in form.events(call, answer):
        data = frame.data.partition(b"data: ")[2].strip()
        yield Frame(eventstream.event("chunk", {"bytes": base64.b64encode(data).decode()}), frame.part)


def _unfit(value: Any, where: str) -> Iterator[str]:
    """Places of what Anthropic's own API takes and this does not."""
    if isinstance(value, list):
        for index, one in enumerate(value):
            yield from _unfit(one, f"{where}.{index}".lstrip("."))
        return
    if not isinstance(value, dict):
        return
    source, mark = value.get("source"), value.get("cache_control")
    if isinstance(source, dict) and source.get("type") in {"url", "file"}:
        yield f"{where}.source.{source['type']}"
    if isinstance(mark, dict) and not mark.keys() <= _MARK:
        yield f"{where}.cache_control"
    if str(value.get("type")).startswith(("web_search", "web_fetch", "code_execution")):
        yield f"{where}.type"
    for name in ("system", "messages", "tools", "content"):
        if name in value:
            yield from _unfit(value[name], f"{where}.{name}".lstrip("."))
