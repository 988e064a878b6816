"""LangChain: OpenAI's chat completions and responses, Anthropic's messages; and its own standard tests."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import anthropic
import openai
from langchain.agents import create_agent
from langchain_anthropic import ChatAnthropic
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from prover import (
    COUNT,
    COUNTED,
    GATEWAY,
    KEY,
    PNG,
    SIMULATOR,
    fault,
    proves,
    raises_once,
    resumed,
    same,
    simulator,
    tell,
)
from pydantic import BaseModel

CLAUDE, NOVA = "claude-sonnet-4-6", "us.amazon.nova-2-lite-v1:0"
OWN_ERRORS: Any = (openai.APIStatusError, anthropic.APIStatusError)
SUITES = Path(__file__).with_name("standard_tests.py")
SUITE_SECONDS = 120


class Capital(BaseModel):
    city: str
    country: str


def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"rain in {city}"


def chats(model: str = "gpt-4o", **more: Any) -> Any:
    return ChatOpenAI(model=model, base_url=f"{GATEWAY}/v1", api_key="any", timeout=30, **more)


def responses(model: str = "gpt-4o", **more: Any) -> Any:
    return chats(model, use_responses_api=True, **more)


def messages(model: str = CLAUDE, **more: Any) -> Any:
    return ChatAnthropic(model=model, base_url=GATEWAY, api_key=KEY, max_tokens=2000, timeout=30, **more)


def prove(face: str, model: Any, primary: str, answers: tuple[str, str]) -> None:
    def streamed() -> str:
        return "".join(chunk.text for chunk in model().stream(COUNT))

    def agent_says() -> str:
        agent = create_agent(model(), tools=[get_weather])
        told = agent.invoke({"messages": [{"role": "user", "content": "What is the weather in Oslo?"}]})
        return str(told["messages"][-1].text)

    @proves("chat", face)
    def chat() -> None:
        same(model().invoke("What is the capital of France?").text, "Paris is the capital of France.")

    @proves("stream", face)
    def stream() -> None:
        same(streamed(), COUNTED)

    @proves("tools", face)
    def tools() -> None:
        same("rain in Oslo" in agent_says(), True)

    @proves("structured", face)
    def structured() -> None:
        told = model().with_structured_output(Capital).invoke("What is the capital of France?")
        same(type(told), Capital)

    @proves("images", face)
    def images() -> None:
        picture = {"type": "image", "base64": PNG, "mime_type": "image/png"}
        content = [picture, {"type": "text", "text": COUNT}]
        same(model().invoke([{"role": "user", "content": content}]).text, COUNTED)

    @proves("fallback", face)
    def fallback() -> None:
        fault("status", primary, status=503)
        same("rain in Oslo" in agent_says(), True)

    @proves("resume", face)
    def resume() -> None:
        fault("cut", primary, after_chunks=9)
        same(streamed(), COUNTED)
        resumed(*answers)

    @proves("exhausted", face)
    def exhausted() -> None:
        raises_once(OWN_ERRORS, lambda: model().invoke(COUNT))


prove("chat completions", chats, "openai", ("gpt-4o", CLAUDE))
prove("responses", responses, "openai", ("gpt-4o", CLAUDE))
prove("messages", messages, "anthropic", (CLAUDE, NOVA))


@proves("thinking", "responses")
def thinking() -> None:
    told = responses("gpt-5.4-mini", reasoning={"effort": "low", "summary": "auto"}).invoke(COUNT)
    same("reasoning" in [block["type"] for block in told.content_blocks], True)


@proves("thinking", "messages")
def thoughts() -> None:
    told = messages(thinking={"type": "enabled", "budget_tokens": 1024}).invoke(COUNT)
    same("reasoning" in [block["type"] for block in told.content_blocks], True)


@proves("embeddings", "chat completions")
def embeddings() -> None:
    model = OpenAIEmbeddings(
        model="text-embedding-3-small", base_url=f"{GATEWAY}/v1", api_key="any", check_embedding_ctx_length=False
    )
    same(len(model.embed_documents(["one", "two"])), 2)


def failed_in(suite: str, **where: str) -> tuple[set[str], int]:
    """The standard tests that fail, and how many pass."""
    simulator("POST", "reset")
    # By no settings but these: those of the repository around it are for its own tests.
    there = str(SUITES.parent)
    options = ["-c", os.devnull, "--rootdir", there, "--confcutdir", there]
    options += ["-o", "asyncio_mode=auto", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--tb=no", "-rfE", *options, f"{SUITES}::{suite}"],
        env={**os.environ, **where},
        capture_output=True,
        text=True,
        timeout=SUITE_SECONDS,
        check=False,
    )
    passed = re.search(r"(\d+) passed", done.stdout)
    if not passed:
        raise AssertionError(f"the suite did not run: {(done.stdout or done.stderr).strip()[-200:]}")
    return set(re.findall(r"^(?:FAILED|ERROR) \S+::(\w+)", done.stdout, re.MULTILINE)), int(passed[1])


def own_suite(face: str, suite: str, alone: str) -> None:
    """Through the gateway each standard test passes that passes when the simulated provider is asked directly."""
    try:
        through, passed = failed_in(suite, BASE_URL=f"{GATEWAY}/v1" if alone == "openai/v1" else GATEWAY)
        directly, _ = failed_in(suite, BASE_URL=f"{SIMULATOR}/{alone}")
    except (AssertionError, subprocess.TimeoutExpired) as error:
        tell("own suite", face, str(error))
        return
    ours = sorted(through - directly)
    told = f"{passed} standard tests pass; {len(through & directly)} fail with the simulated provider alone too"
    tell("own suite", face, f"fail: {', '.join(ours)}" if ours else None, told)


own_suite("chat completions", "TestChats", "openai/v1")
own_suite("responses", "TestResponses", "openai/v1")
own_suite("messages", "TestMessages", "anthropic")
