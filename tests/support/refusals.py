"""Requests that OpenAI's API refuses, sent as they are: the client's own methods would not take some of them."""

from __future__ import annotations

from typing import Any

import httpx
import openai
import pytest


async def refusal_of(client: openai.AsyncOpenAI, body: dict[str, Any]) -> dict[str, Any]:
    """The error object of the 400 that the chat completion gets."""
    with pytest.raises(openai.BadRequestError) as refused:
        await client.post("/chat/completions", body=body, cast_to=httpx.Response)
    error = refused.value.body
    assert isinstance(error, dict)
    return error
