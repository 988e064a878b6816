"""What Bedrock refuses of messages and instructions, beyond the shapes of its service model."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from local.simulator.bedrock.errors import PREFILL, denied, refuse
from local.simulator.catalogue import Model
from local.simulator.conversation import signature

_Json = Mapping[str, Any]
_MOST_IMAGES, _MOST_DOCUMENTS, _MOST_CACHE_POINTS = 20, 5, 4
_DOCUMENT_NAME = re.compile(r"(?!.*\s\s)[\w\s()\[\]-]+", re.ASCII)


def check_messages(body: _Json, model: Model) -> None:
    """Raises ApiError."""
    messages: Sequence[_Json] = body.get("messages", [])
    if not messages:
        raise refuse("The messages field is required. Add a message and try your request again.")
    # Sources: langgenius/dify issue 12340 (begins), Portkey-AI/gateway issue 748 (alternates).
    if messages[0]["role"] != "user":
        raise refuse(
            "A conversation must start with a user message. Try again with a conversation that starts with a user "
            "message."
        )
    for index, message in enumerate(messages):
        if index and message["role"] == messages[index - 1]["role"]:
            raise refuse(
                "A conversation must alternate between user and assistant roles. Make sure the conversation alternates "
                "between user and assistant roles and try again."
            )
        _check_content(message["content"], f"messages.{index}", model)
    if messages[-1]["role"] == "assistant" and not model.prefill:
        raise refuse(PREFILL)
    _check_cache_points(body, model)


def _check_content(content: Sequence[_Json], where: str, model: Model) -> None:
    if not content:
        raise refuse(
            f"The content field in the Message object at {where} is empty. Add a ContentBlock object to the content "
            "field and try again."
        )
    for position, block in enumerate(content):
        # Source: NousResearch/hermes-agent issue 55092, tried at the API: blank text is refused here, not in results.
        if "text" in block and not block["text"].strip():
            raise refuse(
                f"The text field in the ContentBlock object at {where}.content.{position} is blank. Add text to the "
                "text field, and try again."
            )
        reasoning = block.get("reasoningContent", {}).get("reasoningText")
        if reasoning and reasoning.get("signature") != signature(reasoning["text"]):
            raise refuse(
                f"The model returned the following errors: {where}.content.{position}: Invalid `signature` in "
                "`thinking` block"
            )
        if "image" in block and not model.images:
            raise refuse("This model doesn't support the image field. Remove image and try again.")
    _check_attachments(content, where)


def _check_attachments(content: Sequence[_Json], where: str) -> None:
    """Source: botocore's service model, the documentation of `Message.content` and of `DocumentBlock.name`. The words
    about numbers are the simulator's own."""
    images = [block for block in content if "image" in block]
    documents = [block["document"] for block in content if "document" in block]
    if len(images) > _MOST_IMAGES:
        raise refuse(f"{where}: {len(images)} images are more than the limit of {_MOST_IMAGES}.")
    if len(documents) > _MOST_DOCUMENTS:
        raise refuse(f"{where}: {len(documents)} documents are more than the limit of {_MOST_DOCUMENTS}.")
    if documents and not any("text" in block for block in content):
        raise refuse("A text block must be included when using documents.")
    for document in documents:
        if not _DOCUMENT_NAME.fullmatch(document["name"]):
            raise refuse(
                "The document file name can only contain alphanumeric characters, whitespace characters, hyphens, "
                "parentheses, and square brackets. The name can't contain more than one consecutive whitespace "
                "character."
            )


def _check_cache_points(body: _Json, model: Model) -> None:
    points = list(_cache_points(body))
    tools: Sequence[_Json] = body.get("toolConfig", {}).get("tools", [])
    # Source: BerriAI/litellm pull request 39210; strands-agents/harness-sdk pull request 1807 (tried with a Llama).
    if points and not model.caching:
        text = "You invoked an unsupported model or your request did not allow prompt caching. See the documentation "
        raise denied("AccessDeniedException", text + "for more information.")
    # Source: danny-avila/LibreChat issue 13838; LibreChat-AI/agents pull request 253 (tried at the API: tools only).
    for index, tool in enumerate(tools):
        if "cachePoint" in tool and "anthropic" not in model.name:
            raise refuse(
                f"The model returned the following errors: Malformed input request: #/toolConfig/tools/{index}: "
                "extraneous key [cachePoint] is not permitted, please reformat your input and try again."
            )
    # Sources: docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html, "Supported models" (4 checkpoints; an
    # hour for Claude only); can1357/oh-my-pi pull request 6409 (an hour is refused elsewhere; the words are our own).
    if len(points) > _MOST_CACHE_POINTS:
        raise refuse(
            f"The model returned the following errors: A maximum of {_MOST_CACHE_POINTS} blocks with cache_control may "
            f"be provided. Found {len(points)}."
        )
    if "anthropic" not in model.name and any(point.get("ttl") == "1h" for point in points):
        raise refuse(
            "The model returned the following errors: Malformed input request: extraneous key [ttl] is not permitted, "
            "please reformat your input and try again."
        )


def _cache_points(body: _Json) -> Iterator[_Json]:
    blocks = [block for message in body.get("messages", ()) for block in message["content"]]
    for block in (*body.get("system", ()), *body.get("toolConfig", {}).get("tools", ()), *blocks):
        if "cachePoint" in block:
            yield block["cachePoint"]
