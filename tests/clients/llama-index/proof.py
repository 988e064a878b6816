"""LlamaIndex: OpenAI-compatible chats, OpenAI's responses, Anthropic's messages, embeddings."""

from typing import Any

import anthropic
import openai
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.llms import ChatMessage, ImageBlock, TextBlock
from llama_index.core.prompts import PromptTemplate
from llama_index.embeddings.openai_like import OpenAILikeEmbedding
from llama_index.llms.anthropic import Anthropic
from llama_index.llms.openai import OpenAIResponses
from llama_index.llms.openai_like import OpenAILike
from prover import COUNT, COUNTED, GATEWAY, KEY, PNG, fault, proves, raises_once, resumed, same
from pydantic import BaseModel

CLAUDE, NOVA = "claude-sonnet-4-6", "us.amazon.nova-2-lite-v1:0"
OPENAI = {"api_base": f"{GATEWAY}/v1", "api_key": "any", "timeout": 30.0}
OWN_ERRORS: Any = (openai.APIStatusError, anthropic.APIStatusError)


class Capital(BaseModel):
    city: str
    country: str


def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"rain in {city}"


def compatible() -> Any:
    return OpenAILike(model="gpt-4o", is_chat_model=True, is_function_calling_model=True, **OPENAI)


def responses() -> Any:
    return OpenAIResponses(model="gpt-4o", **OPENAI)


def messages(**more: Any) -> Any:
    return Anthropic(model=CLAUDE, base_url=GATEWAY, api_key=KEY, max_tokens=2000, timeout=30.0, **more)


def asked_for(text: str) -> list[ChatMessage]:
    return [ChatMessage(role="user", content=text)]


def prove(face: str, llm: Any, primary: str, answers: tuple[str, str]) -> None:
    def streamed() -> str:
        return "".join(piece.delta or "" for piece in llm().stream_chat(asked_for(COUNT)))

    async def agent_says() -> str:
        agent = FunctionAgent(tools=[get_weather], llm=llm(), streaming=False)
        return str(await agent.run("What is the weather in Oslo?"))

    @proves("chat", face)
    def chat() -> None:
        same(llm().chat(asked_for("What is the capital of France?")).message.content, "Paris is the capital of France.")

    @proves("stream", face)
    def stream() -> None:
        same(streamed(), COUNTED)

    @proves("tools", face)
    async def tools() -> None:
        same("rain in Oslo" in await agent_says(), True)

    @proves("structured", face)
    def structured() -> None:
        told = llm().structured_predict(Capital, PromptTemplate("What is the capital of France?"))
        same(type(told), Capital)

    @proves("images", face)
    def images() -> None:
        picture = ImageBlock(image=PNG.encode(), image_mimetype="image/png")
        told = llm().chat([ChatMessage(role="user", blocks=[picture, TextBlock(text=COUNT)])])
        same(told.message.content, COUNTED)

    @proves("fallback", face)
    async def fallback() -> None:
        fault("status", primary, status=503)
        same("rain in Oslo" in await agent_says(), True)

    @proves("resume", face)
    def resume() -> None:
        fault("cut", primary, after_chunks=9)
        same(streamed(), COUNTED)
        resumed(*answers)

    @proves("exhausted", face)
    def exhausted() -> None:
        raises_once(OWN_ERRORS, lambda: llm().chat(asked_for(COUNT)))


prove("chat completions", compatible, "openai", ("gpt-4o", CLAUDE))
prove("responses", responses, "openai", ("gpt-4o", CLAUDE))
prove("messages", messages, "anthropic", (CLAUDE, NOVA))


@proves("thinking", "messages")
def thinking() -> None:
    told = messages(thinking_dict={"type": "enabled", "budget_tokens": 1024}, temperature=1.0).chat(asked_for(COUNT))
    same("thinking" in [block.block_type for block in told.message.blocks], True)


@proves("embeddings", "chat completions")
def embeddings() -> None:
    model = OpenAILikeEmbedding(model_name="text-embedding-3-small", api_base=f"{GATEWAY}/v1", api_key="any")
    same(len(model.get_text_embedding_batch(["one", "two"])), 2)
