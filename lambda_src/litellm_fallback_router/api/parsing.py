"""From the body of `POST /v1/chat/completions` to a ChatRequest's parts, or an error in OpenAI's words."""

from __future__ import annotations

from typing import Any

from ..routing.errors import invalid
from ..routing.requests import check_params, parse, require_unless_prompted
from .schemas import CHAT, ChatCompletionRequest


def parse_chat(body: dict[str, Any]) -> ChatCompletionRequest:
    """Raises InvalidRequestError for the first mistake."""
    if body.get("prompt") is not None and body.get("messages") == []:
        # OpenAI's clients insist on sending some.
        body = {**body, "messages": None}
    chat = parse(CHAT, ChatCompletionRequest, body)
    require_unless_prompted(chat, "model", "messages")
    if "stream_options" in chat and not chat.get("stream"):
        raise invalid("'stream_options' is only allowed when 'stream' is true.", "stream_options")
    check_params(chat)
    return chat
