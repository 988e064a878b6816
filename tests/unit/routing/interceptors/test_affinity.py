"""Conversations stay where their prompt is cached: tokens are read from caches, not paid for anew."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from litellm_fallback_router.routing.execution import PromptCaches
from litellm_fallback_router.routing.execution.caches import MOST, SHORTEST, may_be_cached
from litellm_fallback_router.routing.failures import FailureKind as Kind
from litellm_fallback_router.routing.failures import ProviderFailure
from litellm_fallback_router.routing.ledger import Usage
from litellm_fallback_router.routing.types import (
    ChatRequest,
    ChatResult,
    Deployment,
    Message,
    ModelInfo,
    NativeRequest,
    ProviderAnswer,
    RoutingConstraints,
)
from tests.support.learnt import now
from tests.support.scripted import Rig, ScriptedProvider, config_of, deployment
from tests.support.virtual_time import run_virtually

CACHING = ModelInfo(
    prompt_caching=True, input_usd_per_token=3e-6, cached_usd_per_token=3e-7, output_usd_per_token=15e-6
)
WORDS = "The history of the city of Paris, its bridges, its markets and its people. " * 80
"""1,500 tokens."""


@dataclass
class CachingProvider(ScriptedProvider):
    """Reads a prompt's longest prefix from its cache, as providers do: those of at least 1,024 tokens that it was sent
    within the last five minutes. Source: OpenAI, "Prompt caching"."""

    down: set[str] = field(default_factory=set)
    cached: int = 0
    cacheable: int = 0
    """Tokens that any provider has cached within the last five minutes."""
    held: dict[tuple[str, str], tuple[float, int]] = field(default_factory=dict)

    async def complete(
        self,
        deployment: Deployment,
        messages: list[Message],
        params: Mapping[str, Any],
        native: NativeRequest | None = None,
    ) -> ProviderAnswer:
        self._step(deployment, messages, params, native)
        await asyncio.sleep(0.01)
        if deployment.id in self.down:
            raise ProviderFailure(Kind.UNAVAILABLE, "down")
        texts, read, anywhere, tokens = "", 0, 0, 0
        for message in messages:
            texts += f"{message['role']}: {message['content']}\n"
            tokens = len(texts) // 4
            for (where, held), (until, size) in list(self.held.items()):
                if held == texts and until > now() and size >= SHORTEST:
                    anywhere = max(anywhere, size)
                    read = max(read, size) if where == deployment.id else read
        self.held[deployment.id, texts] = (now() + 300.0, tokens)
        self.cached += read
        self.cacheable += anywhere
        answer = {"index": 0, "message": {"role": "assistant", "content": "Yes."}, "finish_reason": "stop"}
        return ProviderAnswer([answer], Usage(tokens, 2, cached_tokens=read), cost_usd=None)


def caching(name: str, model_name: str, **fields: Any) -> Deployment:
    return deployment(name, model_name=model_name, info=fields.pop("info", CACHING), **fields)


def rig_of(*places: Deployment, **settings: Any) -> tuple[Rig, CachingProvider]:
    provider = CachingProvider()
    r = Rig(config_of(*places, **settings), provider)
    clock = asyncio.get_running_loop().time
    r.router._dependencies = replace(r.router._dependencies, caches=PromptCaches(clock))
    return r, provider


class Talk:
    """One conversation."""

    def __init__(self, r: Rig, topic: str, **fields: Any) -> None:
        self.messages: list[dict[str, Any]] = [{"role": "system", "content": f"{topic}. {WORDS}"}]
        self.rig, self.fields = r, fields

    async def turn(self) -> ChatResult:
        self.messages.append({"role": "user", "content": f"And then? ({len(self.messages)})"})
        result = await self.rig.router.complete(ChatRequest("a", list(self.messages), **self.fields))
        self.messages.append({"role": "assistant", "content": result.text})
        return result


def test_a_hundred_conversations_read_their_prompts_from_caches_although_one_of_three_deployments_flaps() -> None:
    async def main() -> None:
        r, provider = rig_of(caching("a1", "a"), caching("a2", "a"), caching("a3", "a"))
        talks, rng = [Talk(r, str(n)) for n in range(100)], random.Random(5)
        for turn in range(20):
            provider.down = {"a2"} if turn in (9, 10) else set()
            rng.shuffle(talks)
            for talk in talks:
                await talk.turn()
        assert provider.cached / provider.cacheable >= 0.95
        used = {name: provider.asked.count(name) for name in ("a1", "a2", "a3")}
        assert min(used.values()) > 200, f"it still spreads conversations: {used}"

    run_virtually(main())


def test_without_affinity_most_of_it_is_paid_for_anew() -> None:
    async def main() -> None:
        r, provider = rig_of(caching("a1", "a"), caching("a2", "a"), caching("a3", "a"), cache_affinity=False)
        for n in range(20):
            talk = Talk(r, str(n))
            for _ in range(5):
                await talk.turn()
        assert provider.cached / provider.cacheable < 0.8

    run_virtually(main())


def test_after_a_fallback_a_conversation_stays_until_the_cache_there_is_cold() -> None:
    async def main() -> None:
        r, provider = rig_of(caching("a", "a"), caching("b", "b"))
        talk = Talk(r, "x")
        await talk.turn()
        provider.down = {"a"}
        moved = await talk.turn()
        assert moved.ledger.cache_lost is not None
        assert (moved.ledger.cache_lost.deployment, moved.deployment.id) == ("a", "b")
        assert moved.ledger.cache_lost.usd == pytest.approx(moved.ledger.cache_lost.tokens * 2.7e-6)
        provider.down = set()
        await asyncio.sleep(200.0)
        stayed = await talk.turn()
        assert (stayed.deployment.id, stayed.usage.cached_tokens > SHORTEST, stayed.fallback) == ("b", True, True)
        assert stayed.ledger.cache_lost is None
        await asyncio.sleep(301.0)
        assert (await talk.turn()).deployment.id == "a"

    run_virtually(main())


def test_a_conversation_goes_back_at_once_where_that_costs_less() -> None:
    async def main() -> None:
        dear = replace(CACHING, input_usd_per_token=3e-5, cached_usd_per_token=3e-5)
        r, provider = rig_of(caching("a", "a"), caching("b", "b", info=dear))
        talk = Talk(r, "x")
        provider.down = {"a"}
        assert (await talk.turn()).deployment.id == "b"
        provider.down = set()
        await asyncio.sleep(10.0)
        assert (await talk.turn()).deployment.id == "a"

    run_virtually(main())


def test_warmth_leads_nowhere_that_the_request_or_health_excludes() -> None:
    async def main() -> None:
        r, provider = rig_of(caching("a", "a"), caching("b", "b", provider="anthropic"))
        talk = Talk(r, "x")
        provider.down = {"a"}
        await talk.turn()
        provider.down = set()
        await asyncio.sleep(10.0)
        talk.fields["constraints"] = RoutingConstraints(providers=("openai",))
        assert (await talk.turn()).deployment.id == "a"
        talk.fields["constraints"] = RoutingConstraints(fallback=False)
        assert (await talk.turn()).deployment.id == "a"

    run_virtually(main())


def test_a_callers_cache_is_no_others() -> None:
    async def main() -> None:
        r, provider = rig_of(caching("a", "a"), caching("b", "b"))
        provider.down = {"a"}
        await Talk(r, "x", caller="one").turn()
        provider.down = set()
        await asyncio.sleep(10.0)
        assert (await Talk(r, "x", caller="two").turn()).deployment.id == "a"
        assert (await Talk(r, "x", caller="one").turn()).deployment.id == "b"

    run_virtually(main())


def test_a_cache_key_of_the_callers_names_a_conversation_whose_prefix_changes() -> None:
    async def main() -> None:
        r, provider = rig_of(caching("a", "a"), caching("b", "b"))
        params = {"prompt_cache_key": "team-7"}
        provider.down = {"a"}
        await Talk(r, "x", params=params).turn()
        provider.down = set()
        await asyncio.sleep(10.0)
        assert (await Talk(r, "y", params=params).turn()).deployment.id == "b"
        assert provider.calls[-1].params["prompt_cache_key"] == "team-7"

    run_virtually(main())


def test_a_model_that_caches_only_what_is_marked_holds_nothing_unmarked() -> None:
    caches = PromptCaches(lambda: 0.0)
    plain = [{"role": "user", "content": WORDS}]
    marked = [{"role": "user", "content": [{"type": "text", "text": WORDS, "cache_control": {"type": "ephemeral"}}]}]
    hour = [
        {
            "role": "user",
            "content": [{"type": "text", "text": WORDS, "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
        }
    ]
    found = [caches.conversation(ChatRequest("a", messages)) for messages in (plain, marked, hour)]
    assert [(one.marked, one.long) for one in found] == [
        (False, False),
        (True, False),
        (True, True),
    ]


def test_short_prompts_are_not_looked_at_and_what_is_remembered_is_bounded() -> None:
    caches = PromptCaches(lambda: 0.0)
    assert not may_be_cached(ChatRequest("a", [{"role": "user", "content": "Hello"}]))
    for n in range(MOST + 50):
        conversation = caches.conversation(ChatRequest("a", [{"role": "user", "content": f"{n} {WORDS}"}]))
        caches.used(conversation, "a", 2_000)
    assert len(caches._known) == MOST
