"""Requests that start from a managed prompt, through the Router."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from litellm_fallback_router.routing.errors import (
    DeadlineExceededError,
    InvalidRequestError,
    RouterError,
    UnavailableError,
)
from litellm_fallback_router.routing.interceptors.prompts.template import PromptTemplate
from litellm_fallback_router.routing.mapping.governance import PromptAccess
from litellm_fallback_router.routing.router import Router
from litellm_fallback_router.routing.types import ChatRequest, Prompt
from tests.support.scripted import SILENCE, Rig, ScriptedProvider, config_of, deployment, read, says
from tests.support.virtual_time import run_virtually

HAIKU = "us.anthropic.claude-haiku-4-5-20251001-v1:0"


def template(*texts: str, **fields: Any) -> PromptTemplate:
    messages = tuple({"role": "user", "content": text} for text in texts)
    return PromptTemplate(id="ABCDEFGHIJ", version="1", messages=messages, **fields)


@dataclass
class KeptPrompts:
    """Prompts that are there, or an error; reading takes `seconds`."""

    template: PromptTemplate | RouterError
    seconds: float = 0.0
    asked: list[tuple[str, str]] = field(default_factory=list)

    async def get(self, identifier: str, version: str) -> PromptTemplate:
        self.asked.append((identifier, version))
        await asyncio.sleep(self.seconds)
        if isinstance(self.template, RouterError):
            raise self.template
        return self.template


def routed(prompts: KeptPrompts, **scripts: Any) -> tuple[Router, Rig]:
    config = config_of(deployment("a"), deployment("b", provider="bedrock", model=HAIKU), deadline=10.0)
    config = replace(config, prompts=PromptAccess(allow=("ABCDEFGHIJ",)))
    rig = Rig(config, ScriptedProvider(scripts))
    return Router(config, replace(rig.router._dependencies, prompts=prompts)), rig


def asking(model: str = "prompt", **fields: Any) -> ChatRequest:
    messages = [{"role": "user", "content": "And of Spain?"}]
    return ChatRequest(model, messages, prompt=Prompt("ABCDEFGHIJ", "1", {"land": "France"}), **fields)


@pytest.mark.parametrize("streaming", [False, True])
async def test_the_prompt_comes_before_the_callers_messages_on_its_own_model(streaming: bool) -> None:
    capital = template("Capital of {{land}}?", model=HAIKU, params={"temperature": 0.25, "max_tokens": 50})
    router, rig = routed(KeptPrompts(capital), b=[says("Paris and Madrid")])
    request = asking(params={"max_tokens": 10})

    if streaming:
        text, result = await read(router, request)
    else:
        result = await router.complete(request)
        text = result.text

    (call,) = rig.provider.calls
    assert text == "Paris and Madrid"
    assert (call.deployment, result.requested_model, result.fallback) == ("b", "b", False)
    assert [message["content"] for message in call.messages] == ["Capital of France?", "And of Spain?"]
    assert dict(call.params) == {"temperature": 0.25, "max_tokens": 10}


async def test_a_model_that_the_caller_names_is_asked_instead() -> None:
    router, rig = routed(KeptPrompts(template("Capital of {{land}}?", model=HAIKU)))
    await router.complete(asking("a"))
    assert rig.provider.asked == ["a"]


async def test_the_plan_is_that_of_the_prompts_model() -> None:
    router, rig = routed(KeptPrompts(template("Capital of {{land}}?", model=HAIKU)))
    assert (await router.explain(asking())).primary == "b"
    assert rig.provider.asked == []


def test_reading_the_prompt_takes_from_the_requests_own_time() -> None:
    async def main() -> None:
        router, _ = routed(KeptPrompts(template("{{land}}"), seconds=6.0), a=[SILENCE], b=[SILENCE])
        began = asyncio.get_running_loop().time()
        with pytest.raises(DeadlineExceededError):
            await router.complete(asking("a", timeout=8.0))
        assert asyncio.get_running_loop().time() - began == pytest.approx(8.0, abs=0.1)

    run_virtually(main())


def test_a_prompt_that_takes_too_long_to_read_ends_the_request_in_time() -> None:
    async def main() -> None:
        router, rig = routed(KeptPrompts(template("{{land}}"), seconds=1e6))
        began = asyncio.get_running_loop().time()
        with pytest.raises(DeadlineExceededError, match="prompt 'ABCDEFGHIJ' was being read"):
            await router.complete(asking("a", time_left=4.0))
        assert asyncio.get_running_loop().time() - began == pytest.approx(4.0, abs=0.1)
        assert rig.provider.asked == []

    run_virtually(main())


@pytest.mark.parametrize("streaming", [False, True])
async def test_a_prompt_that_cannot_be_read_fails_the_request_and_asks_nobody(streaming: bool) -> None:
    router, rig = routed(KeptPrompts(UnavailableError("not now", retry_after=1.0)))
    with pytest.raises(UnavailableError):
        await (read(router, asking()) if streaming else router.complete(asking()))
    assert rig.provider.asked == []
    assert [type(outcome) for outcome in rig.notes.outcomes] == [UnavailableError]


async def test_a_request_without_a_prompt_reads_none() -> None:
    prompts = KeptPrompts(template("{{land}}"))
    router, _ = routed(prompts)
    await router.complete(ChatRequest("a", [{"role": "user", "content": "hi"}]))
    assert prompts.asked == []


async def test_without_an_operators_list_there_are_no_prompts() -> None:
    router = Rig(config_of(deployment("a")), ScriptedProvider()).router
    with pytest.raises(InvalidRequestError, match="no managed prompts"):
        await router.complete(asking("a"))


async def test_a_prompt_and_a_request_without_any_message_is_refused() -> None:
    router, rig = routed(KeptPrompts(template(model=HAIKU)))
    with pytest.raises(InvalidRequestError, match="has no messages"):
        await router.complete(ChatRequest("a", [], prompt=Prompt("ABCDEFGHIJ")))
    assert rig.provider.asked == []
