"""A key names only its own models; what its requests fall back to is the operator's choice."""

from __future__ import annotations

from typing import Any

import pytest

from litellm_fallback_router.mapping import ROUTER_STYLE_MAPPING
from litellm_fallback_router.routing.callers import CallerKey
from litellm_fallback_router.routing.errors import UnknownModelError
from litellm_fallback_router.routing.failures import FailureKind as Kind
from litellm_fallback_router.routing.mapping import RouterConfig, load_config
from litellm_fallback_router.routing.types import ModelInfo
from tests.support.scripted import Rig, ScriptedProvider, fails, question
from tests.support.virtual_time import run_virtually


def load(mapping: Any) -> RouterConfig:
    return load_config(mapping, lambda provider, model: ModelInfo(), lambda name: "key")


SHIPPED = load(ROUTER_STYLE_MAPPING)
OPENAI = CallerKey("ab12", models=("openai-*",))


def test_a_model_of_the_key_is_answered_whole_and_streamed_by_its_own_name_and_its_providers() -> None:
    async def main() -> None:
        r = Rig(SHIPPED, ScriptedProvider())
        for name in ("openai-gpt4o", "gpt-4o", "openai:gpt-4o"):
            assert (await r.router.complete(question(name, key=OPENAI))).model == "gpt-4o"
            async with r.router.stream(question(name, key=OPENAI)) as stream:
                assert [chunk async for chunk in stream]

    run_virtually(main())


def test_another_model_is_as_unknown_as_one_that_is_not_there() -> None:
    async def main() -> None:
        provider = ScriptedProvider()
        r = Rig(SHIPPED, provider)
        for name in ("anthropic-claude-sonnet", "claude-sonnet-4-6", "cost-optimized", "nothing-like-it"):
            with pytest.raises(UnknownModelError) as whole:
                await r.router.complete(question(name, key=OPENAI))
            with pytest.raises(UnknownModelError) as streamed:
                async with r.router.stream(question(name, key=OPENAI)) as stream:
                    await stream.start()
            with pytest.raises(UnknownModelError) as counted:
                await r.router.count_tokens(question(name, key=OPENAI))
            said = {str(one.value) for one in (whole, streamed, counted)}
            assert len(said) == 1
            (text,) = said
            assert text.startswith(f"unknown model '{name}', or one that this key may not ask; ")
            assert "openai-gpt4o" in text
            assert "anthropic-claude" not in text.partition(";")[2], "names of others' models are not told"
        assert provider.calls == []

    run_virtually(main())


def test_a_request_falls_back_to_models_that_the_key_may_not_name() -> None:
    async def main() -> None:
        r = Rig(SHIPPED, ScriptedProvider({"openai-gpt4o": [fails(Kind.NOT_FOUND)]}))
        result = await r.router.complete(question("openai-gpt4o", key=OPENAI))
        assert (result.provider, result.fallback) == ("anthropic:claude-sonnet-4-6", True)

    run_virtually(main())


def test_a_key_whose_models_are_none_of_the_mapping_is_told_so() -> None:
    async def main() -> None:
        r = Rig(SHIPPED, ScriptedProvider())
        with pytest.raises(UnknownModelError, match="this key may ask no model of the mapping"):
            await r.router.complete(question("openai-gpt4o", key=CallerKey("ab12", models=("gone",))))

    run_virtually(main())


def test_keys_with_the_same_models_share_one_view_and_views_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    config = load(ROUTER_STYLE_MAPPING)
    assert config.for_key(None) is config.for_key(CallerKey("1")) is config
    assert config.for_key(OPENAI) is config.for_key(CallerKey("2", models=OPENAI.models))
    monkeypatch.setattr("litellm_fallback_router.routing.mapping.config.MOST_VIEWS", 3)
    for number in range(10):
        config.for_key(CallerKey("1", models=(f"m{number}",)))
    assert len(config._views) <= 3


def test_a_chat_that_names_no_model_asks_the_first_that_the_key_may_ask() -> None:
    assert SHIPPED.first_chat == "openai-gpt4o"
    assert SHIPPED.for_key(CallerKey("1", models=("anthropic-*",))).first_chat.startswith("anthropic-")
