"""The body of `POST /v1/chat/completions`: the fields every request may have, and those of HTTP alone."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field, JsonValue, TypeAdapter, with_config
from typing_extensions import TypedDict

from ..routing.request_schema import STRICT, ManagedPrompt, Messages, Name, Params, RouterOptions

_REQUIRED: list[JsonValue] = [{"required": ["model", "messages"]}, {"required": ["prompt"]}]
"""For `/docs`; `parsing` sees to it."""


@with_config(STRICT)
class StreamOptions(TypedDict, total=False):
    include_usage: bool
    include_obfuscation: bool


class _Frame(TypedDict, total=False):
    model: Annotated[Name, Field(description="A model or a strategy of `GET /v1/models`; `prompt`: the prompt's own.")]
    messages: Messages
    prompt: ManagedPrompt
    stream: bool
    stream_options: StreamOptions
    router: RouterOptions


@with_config(ConfigDict(**STRICT, json_schema_extra={"anyOf": _REQUIRED}))
class ChatCompletionRequest(_Frame, Params, total=False):
    """OpenAI's chat completion request, with `thinking`, `top_k`, `router` and `prompt` beside it."""


CHAT: TypeAdapter[ChatCompletionRequest] = TypeAdapter(ChatCompletionRequest)
