"""OpenAI's client for Python: chat completions, responses, embeddings."""

from typing import Any

import openai
from prover import COUNT, COUNTED, GATEWAY, PNG, asked, fault, proves, raises_once, same
from pydantic import BaseModel

CHAT, RESPONSES = "chat completions", "responses"
client = openai.OpenAI(base_url=f"{GATEWAY}/v1", api_key="any", timeout=30)
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER: Any = {"type": "function", "function": {"name": "get_weather", "parameters": SCHEMA}}


class Capital(BaseModel):
    city: str
    country: str


def ask(text: Any, **more: Any) -> Any:
    return client.chat.completions.create(
        **{"model": "gpt-4o", "messages": [{"role": "user", "content": text}], **more}
    )


def streamed(text: str) -> str:
    chunks = ask(text, stream=True)
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


@proves("chat", CHAT)
def chat() -> None:
    same(ask("What is the capital of France?").choices[0].message.content, "Paris is the capital of France.")


@proves("stream", CHAT)
def stream() -> None:
    same(streamed(COUNT), COUNTED)


@proves("tools", CHAT)
def tools() -> None:
    question = {"role": "user", "content": "What is the weather in Oslo?"}
    message = client.chat.completions.create(model="gpt-4o", messages=[question], tools=[WEATHER]).choices[0].message
    call = message.tool_calls[0]
    same((call.function.name, "Oslo" in call.function.arguments), ("get_weather", True))
    result = {"role": "tool", "tool_call_id": call.id, "content": "rain"}
    told = client.chat.completions.create(model="gpt-4o", messages=[question, message, result], tools=[WEATHER])
    same("rain" in told.choices[0].message.content, True)


@proves("structured", CHAT)
def structured() -> None:
    messages: Any = [{"role": "user", "content": "What is the capital of France?"}]
    parsed = client.chat.completions.parse(model="gpt-4o", messages=messages, response_format=Capital)
    same(type(parsed.choices[0].message.parsed), Capital)


@proves("images", CHAT)
def images() -> None:
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
    told = ask([image, {"type": "text", "text": COUNT}])
    same(told.choices[0].message.content, COUNTED)


@proves("fallback", CHAT)
def fallback() -> None:
    fault("status", "openai", status=503)
    told = ask(COUNT)
    same((told.choices[0].message.content, told.model), (COUNTED, "claude-sonnet-4-6"))


@proves("resume", CHAT)
def resume() -> None:
    fault("cut", "openai", after_chunks=9)
    same(streamed(COUNT), COUNTED)
    same(asked(), ["gpt-4o", "claude-sonnet-4-6"])


@proves("exhausted", CHAT)
def exhausted() -> None:
    raises_once(openai.APIStatusError, lambda: ask(COUNT))


@proves("chat", RESPONSES)
def response() -> None:
    told = client.responses.create(model="gpt-4o", input="What is the capital of France?")
    same(told.output_text, "Paris is the capital of France.")


def response_streamed() -> str:
    with client.responses.stream(model="gpt-4o", input=COUNT) as events:
        events.until_done()
        return events.get_final_response().output_text


@proves("stream", RESPONSES)
def response_stream() -> None:
    same(response_streamed(), COUNTED)


@proves("tools", RESPONSES)
def response_tools() -> None:
    tool: Any = {"type": "function", "name": "get_weather", "parameters": SCHEMA, "strict": False}
    question: Any = {"role": "user", "content": "What is the weather in Oslo?"}
    told = client.responses.create(model="gpt-4o", input=[question], tools=[tool], store=False)
    call = next(item for item in told.output if item.type == "function_call")
    result: Any = {"type": "function_call_output", "call_id": call.call_id, "output": "rain"}
    told = client.responses.create(model="gpt-4o", input=[question, *told.output, result], tools=[tool], store=False)
    same("rain" in told.output_text, True)


@proves("structured", RESPONSES)
def response_structured() -> None:
    told = client.responses.parse(model="gpt-4o", input="What is the capital of France?", text_format=Capital)
    same(type(told.output_parsed), Capital)


@proves("images", RESPONSES)
def response_images() -> None:
    parts: Any = [
        {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}", "detail": "auto"},
        {"type": "input_text", "text": COUNT},
    ]
    same(client.responses.create(model="gpt-4o", input=[{"role": "user", "content": parts}]).output_text, COUNTED)


@proves("thinking", RESPONSES)
def response_thinking() -> None:
    reasoning: Any = {"effort": "low", "summary": "auto"}
    told = client.responses.create(model="gpt-5.4-mini", input=COUNT, reasoning=reasoning, store=False)
    same(told.output[0].type, "reasoning")


@proves("fallback", RESPONSES)
def response_fallback() -> None:
    fault("status", "openai", status=503)
    told = client.responses.create(model="gpt-4o", input=COUNT)
    same((told.output_text, told.model), (COUNTED, "claude-sonnet-4-6"))


@proves("resume", RESPONSES)
def response_resume() -> None:
    fault("cut", "openai", after_chunks=9)
    same(response_streamed(), COUNTED)
    same(asked(), ["gpt-4o", "claude-sonnet-4-6"])


@proves("exhausted", RESPONSES)
def response_exhausted() -> None:
    raises_once(openai.APIStatusError, lambda: client.responses.create(model="gpt-4o", input=COUNT))


@proves("embeddings", CHAT)
def embeddings() -> None:
    told = client.embeddings.create(model="text-embedding-3-small", input=["one", "two"])
    same(len(told.data), 2)
