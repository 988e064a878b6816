"""Anthropic's client for Python: messages."""

from typing import Any

import anthropic
from prover import COUNT, COUNTED, GATEWAY, KEY, PNG, asked, fault, proves, raises_once, same
from pydantic import BaseModel

MODEL = "claude-sonnet-4-6"
client = anthropic.Anthropic(base_url=GATEWAY, api_key=KEY, timeout=30)
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER: Any = {"name": "get_weather", "input_schema": SCHEMA}


class Capital(BaseModel):
    city: str
    country: str


def request(content: Any, **more: Any) -> Any:
    return {"model": MODEL, "max_tokens": 2000, "messages": [{"role": "user", "content": content}], **more}


def text_of(message: Any) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


def streamed(content: Any, **more: Any) -> Any:
    with client.messages.stream(**request(content, **more)) as events:
        return events.get_final_message()


@proves("chat")
def chat() -> None:
    told = client.messages.create(**request("What is the capital of France?"))
    same(text_of(told), "Paris is the capital of France.")


@proves("stream")
def stream() -> None:
    same(text_of(streamed(COUNT)), COUNTED)


@proves("tools")
def tools() -> None:
    asking = request("What is the weather in Oslo?", tools=[WEATHER])
    message = client.messages.create(**asking)
    call = next(block for block in message.content if block.type == "tool_use")
    same(call.input, {"city": "Oslo"})
    result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "rain"}]}
    asking["messages"] += [{"role": "assistant", "content": message.content}, result]
    same("rain" in text_of(client.messages.create(**asking)), True)


@proves("structured")
def structured() -> None:
    told = client.messages.parse(**request("What is the capital of France?"), output_format=Capital)
    same(type(told.parsed_output), Capital)


@proves("images")
def images() -> None:
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
    told = client.messages.create(**request([image, {"type": "text", "text": COUNT}]))
    same(text_of(told), COUNTED)


@proves("thinking")
def thinking() -> None:
    thought = streamed(COUNT, thinking={"type": "enabled", "budget_tokens": 1024}).content[0]
    same((thought.type, bool(thought.signature)), ("thinking", True))


@proves("count tokens")
def count_tokens() -> None:
    asking = request(COUNT)
    told = client.messages.count_tokens(model=MODEL, messages=asking["messages"])
    same(told.input_tokens > 0, True)


@proves("fallback")
def fallback() -> None:
    fault("status", "anthropic", status=529)
    told = client.messages.create(**request(COUNT))
    same((text_of(told), told.model), (COUNTED, "us.amazon.nova-2-lite-v1:0"))


@proves("resume")
def resume() -> None:
    fault("cut", "anthropic", after_chunks=9)
    same(text_of(streamed(COUNT)), COUNTED)
    same(asked(), [MODEL, "us.amazon.nova-2-lite-v1:0"])


@proves("exhausted")
def exhausted() -> None:
    raises_once(anthropic.APIStatusError, lambda: client.messages.create(**request(COUNT)))
