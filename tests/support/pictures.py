"""Pictures by URL: what a host answers, and a router that is asked about them."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from litellm_fallback_router.bootstrap import assemble, load
from litellm_fallback_router.routing.router import Router
from litellm_fallback_router.routing.types import ChatRequest
from litellm_fallback_router.settings import Settings
from tests.support.finish_places import anthropics, bedrocks, openais
from tests.support.provider_entries import BEDROCK
from tests.support.raw_server import response
from tests.support.recording_server import Recorder, recording_server

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "bedrock": ("bedrock", {"model": "us.anthropic.claude-sonnet-4-6", **BEDROCK}),
    "nova": ("bedrock", {"model": "us.amazon.nova-pro-v1:0", **BEDROCK}),
    "openai": ("openai", {"model": "gpt-4o", "api_key": "key"}),
    "anthropic": ("anthropic", {"model": "claude-sonnet-4-6", "api_key": "key"}),
}
ANSWERS = {"openai": openais("mine", "stop"), "anthropic": anthropics("mine", "end_turn")}


def picture(content: bytes = PNG, *, status: int = 200, kind: str = "image/png", encoding: str = "identity") -> bytes:
    return response(status, content, {"content-encoding": encoding}, content_type=kind)


def asked(*urls: str) -> ChatRequest:
    parts: list[dict[str, Any]] = [{"type": "text", "text": "What is it?"}]
    parts += [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    return ChatRequest("m", [{"role": "user", "content": parts}])


@asynccontextmanager
async def asking(*names: str, fetch: bool = False) -> AsyncIterator[tuple[Router, Recorder]]:
    """A router to these, in order, all on one server that keeps what they were sent."""
    async with recording_server() as place:
        models, others = [], []
        for number, name in enumerate(names):
            provider, params = MODELS[name]
            base = "aws_bedrock_runtime_endpoint" if provider == "bedrock" else "api_base"
            model_name = "m" if number == 0 else f"m{number}"
            others += [model_name] if number else []
            # OpenAI's own, at another address: openai_compatible servers get everything as it came.
            params = {**params, base: place.url}
            models.append({"model_name": model_name, "litellm_provider": provider, "params": params})
        place.answer = response(200, ANSWERS.get(names[-1], bedrocks("mine", "end_turn")))
        fallbacks = {"fallbacks": {"m": others}} if others else {}
        mapping = {"model_list": models, **fallbacks, "settings": {"fetch_images": fetch, "tries_on_last": 1}}
        async with assemble(load(Settings(), mapping)) as router:
            yield router, place


def sent(place: Recorder) -> list[dict[str, Any]]:
    return [json.loads(one.split(b"\r\n\r\n", 1)[1]) for one in place.requests]
