"""OpenAI's Agents SDK: responses (the default) and chat completions."""

from typing import Any

from agents import (
    Agent,
    ModelSettings,
    OpenAIChatCompletionsModel,
    OpenAIResponsesModel,
    Runner,
    function_tool,
    set_tracing_disabled,
)
from openai import APIStatusError, AsyncOpenAI
from openai.types.shared import Reasoning
from prover import COUNT, COUNTED, GATEWAY, PNG, asked_once, fault, proves, resumed, same
from pydantic import BaseModel

set_tracing_disabled(True)  # traces go to OpenAI itself


def client() -> AsyncOpenAI:
    return AsyncOpenAI(base_url=f"{GATEWAY}/v1", api_key="any", timeout=30)


class Capital(BaseModel):
    city: str
    country: str


@function_tool
def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"rain in {city}"


def prove(face: str, model_class: Any) -> None:
    def agent(name: str = "gpt-4o", **more: Any) -> Agent:
        return Agent(name="helper", model=model_class(model=name, openai_client=client()), **more)

    async def streamed() -> str:
        run = Runner.run_streamed(agent(), COUNT)
        async for _ in run.stream_events():
            pass
        return str(run.final_output)

    @proves("chat", face)
    async def chat() -> None:
        told = await Runner.run(agent(instructions="Be brief."), "What is the capital of France?")
        same(told.final_output, "Paris is the capital of France.")

    @proves("stream", face)
    async def stream() -> None:
        same(await streamed(), COUNTED)

    @proves("tools", face)
    async def tools() -> None:
        told = await Runner.run(agent(tools=[get_weather]), "What is the weather in Oslo?")
        same("rain in Oslo" in told.final_output, True)

    @proves("structured", face)
    async def structured() -> None:
        told = await Runner.run(agent(output_type=Capital), "What is the capital of France?")
        same(type(told.final_output), Capital)

    @proves("images", face)
    async def images() -> None:
        picture = {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}", "detail": "auto"}
        content = [picture, {"type": "input_text", "text": COUNT}]
        told = await Runner.run(agent(), [{"role": "user", "content": content}])
        same(told.final_output, COUNTED)

    @proves("thinking", face)
    async def thinking() -> None:
        settings = ModelSettings(reasoning=Reasoning(effort="low", summary="auto"), store=False)
        thinker = agent("gpt-5.4-mini" if model_class is OpenAIResponsesModel else "claude-sonnet-4-6")
        thinker.model_settings = settings
        told = await Runner.run(thinker, COUNT)
        same("reasoning_item" in [item.type for item in told.new_items], True)

    @proves("fallback", face)
    async def fallback() -> None:
        fault("status", "openai", status=503)
        told = await Runner.run(agent(tools=[get_weather]), "What is the weather in Oslo?")
        same("rain in Oslo" in told.final_output, True)

    @proves("resume", face)
    async def resume() -> None:
        fault("cut", "openai", after_chunks=9)
        same(await streamed(), COUNTED)
        resumed("gpt-4o", "claude-sonnet-4-6")

    @proves("exhausted", face)
    async def exhausted() -> None:
        fault("model_not_found")
        try:
            await Runner.run(agent(), COUNT)
        except APIStatusError:
            asked_once()
        else:
            raise AssertionError("no error was raised")


prove("responses", OpenAIResponsesModel)
prove("chat completions", OpenAIChatCompletionsModel)
