"""Pydantic AI: OpenAI's chat completions and responses, Anthropic's messages."""

from typing import Any

from prover import COUNT, COUNTED, GATEWAY, KEY, PNG, asked_once, fault, proves, resumed, same
from pydantic import BaseModel
from pydantic_ai import Agent, BinaryContent
from pydantic_ai.exceptions import AgentRunError
from pydantic_ai.messages import ThinkingPart
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.openai import OpenAIProvider

CLAUDE, NOVA = "claude-sonnet-4-6", "us.amazon.nova-2-lite-v1:0"


class Capital(BaseModel):
    city: str
    country: str


def openai_chat(name: str = "gpt-4o") -> OpenAIChatModel:
    return OpenAIChatModel(name, provider=OpenAIProvider(base_url=f"{GATEWAY}/v1", api_key="any"))


def openai_responses(name: str = "gpt-4o") -> OpenAIResponsesModel:
    return OpenAIResponsesModel(name, provider=OpenAIProvider(base_url=f"{GATEWAY}/v1", api_key="any"))


def anthropic(name: str = CLAUDE) -> AnthropicModel:
    return AnthropicModel(name, provider=AnthropicProvider(base_url=GATEWAY, api_key=KEY))


def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"rain in {city}"


def prove(face: str, model: Any, thinker: Any, primary: str, answers: tuple[str, str]) -> None:
    async def streamed() -> str:
        async with Agent(model()).run_stream(COUNT) as run:
            return "".join([piece async for piece in run.stream_text(delta=True)])

    @proves("chat", face)
    async def chat() -> None:
        told = await Agent(model(), instructions="Be brief.").run("What is the capital of France?")
        same(told.output, "Paris is the capital of France.")

    @proves("stream", face)
    async def stream() -> None:
        same(await streamed(), COUNTED)

    @proves("tools", face)
    async def tools() -> None:
        told = await Agent(model(), tools=[get_weather]).run("What is the weather in Oslo?")
        same("rain in Oslo" in told.output, True)

    @proves("structured", face)
    async def structured() -> None:
        told = await Agent(model(), output_type=Capital).run("What is the capital of France?")
        same(type(told.output), Capital)

    @proves("images", face)
    async def images() -> None:
        picture = BinaryContent.from_data_uri(f"data:image/png;base64,{PNG}")
        same((await Agent(model()).run([picture, COUNT])).output, COUNTED)

    @proves("thinking", face)
    async def thinking() -> None:
        name, settings = thinker
        told = await Agent(model(name), model_settings=settings).run(COUNT)
        parts = [part for message in told.all_messages() for part in message.parts]
        same(any(isinstance(part, ThinkingPart) and part.content for part in parts), True)

    @proves("fallback", face)
    async def fallback() -> None:
        fault("status", primary, status=503)
        told = await Agent(model(), tools=[get_weather]).run("What is the weather in Oslo?")
        same("rain in Oslo" in told.output, True)

    @proves("resume", face)
    async def resume() -> None:
        fault("cut", primary, after_chunks=9)
        same(await streamed(), COUNTED)
        resumed(*answers)

    @proves("exhausted", face)
    async def exhausted() -> None:
        fault("model_not_found")
        try:
            await Agent(model()).run(COUNT)
        except AgentRunError:
            asked_once()
        else:
            raise AssertionError("no error was raised")


thinks_openai = ("gpt-5.4-mini", {"openai_reasoning_effort": "low", "openai_reasoning_summary": "auto"})
prove("responses", openai_responses, thinks_openai, "openai", ("gpt-4o", CLAUDE))
prove("chat completions", openai_chat, (CLAUDE, {"openai_reasoning_effort": "low"}), "openai", ("gpt-4o", CLAUDE))
thinks_claude = (CLAUDE, {"anthropic_thinking": {"type": "enabled", "budget_tokens": 1024}})
prove("messages", anthropic, thinks_claude, "anthropic", (CLAUDE, NOVA))
