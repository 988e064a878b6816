"""Instructor: structured answers over OpenAI's two formats and Anthropic's messages.

By tools and by schemas: the simulated models read no schema in a prompt.
"""

from typing import Any

import anthropic
import instructor
import openai
from instructor.core import InstructorRetryException
from prover import COUNT, GATEWAY, KEY, PNG, asked, asked_once, fault, proves, same
from pydantic import BaseModel

CLAUDE = "claude-sonnet-4-6"


class Capital(BaseModel):
    city: str
    country: str


def of_openai(mode: instructor.Mode) -> Any:
    return instructor.from_openai(openai.OpenAI(base_url=f"{GATEWAY}/v1", api_key="any", timeout=30), mode=mode)


def of_anthropic(mode: instructor.Mode) -> Any:
    return instructor.from_anthropic(anthropic.Anthropic(base_url=GATEWAY, api_key=KEY, timeout=30), mode=mode)


def prove(face: str, client: Any, model: str, primary: str, picture: dict[str, Any], **more: Any) -> None:
    words = "input_text" if picture["type"] == "input_image" else "text"

    def ask(content: Any = "What is the capital of France?", **how: Any) -> Any:
        messages = [{"role": "user", "content": content}]
        return client.create(model=model, messages=messages, response_model=Capital, **more, **how)

    @proves("structured", face)
    def structured() -> None:
        same(isinstance(ask(), Capital), True)

    @proves("stream", face)
    def stream() -> None:
        messages = [{"role": "user", "content": COUNT}]
        pieces = list(client.create_partial(model=model, messages=messages, response_model=Capital, **more))
        same(Capital.model_validate(pieces[-1].model_dump()).city != "", True)

    @proves("images", face)
    def images() -> None:
        same(isinstance(ask([picture, {"type": words, "text": COUNT}]), Capital), True)

    @proves("fallback", face)
    def fallback() -> None:
        fault("status", primary, status=503)
        same((isinstance(ask(), Capital), asked()[0] != asked()[-1]), (True, True))

    @proves("exhausted", face)
    def exhausted() -> None:
        fault("model_not_found")
        try:
            ask(max_retries=1)
        except (InstructorRetryException, openai.APIStatusError, anthropic.APIStatusError):
            asked_once()
        else:
            raise AssertionError("no error was raised")


chat_picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
claude_picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
for mode in (instructor.Mode.TOOLS, instructor.Mode.JSON_SCHEMA):
    prove(f"chat completions, {mode.name}", of_openai(mode), "gpt-4o", "openai", chat_picture)
responses_picture = {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}"}
prove("responses", of_openai(instructor.Mode.RESPONSES_TOOLS), "gpt-4o", "openai", responses_picture)
claude = of_anthropic(instructor.Mode.ANTHROPIC_TOOLS)
prove("messages", claude, CLAUDE, "anthropic", claude_picture, max_tokens=2000)
