"""Cache marks go where they are taken, and are said to be dropped elsewhere."""

from __future__ import annotations

import pytest

from litellm_fallback_router.routing.types import Message
from local.simulator import SimulatorControl
from tests.support.fitted import (
    ASK,
    CLAUDE,
    CLAUDE_ON_BEDROCK,
    NOVA,
    OPENAI,
    calls,
    result,
    says,
    sent,
    tool,
)


async def test_a_cache_mark_of_a_call_is_said_to_be_dropped(fresh: SimulatorControl) -> None:
    marked = {**calls(), "cache_control": {"type": "ephemeral"}}
    got = await sent(fresh, OPENAI, [ASK, says(None, tool_calls=[marked]), result()], tools=[tool()])
    assert got.adjusted == ("cache_control dropped",)


@pytest.mark.parametrize(("name", "arrives"), [(CLAUDE, True), (CLAUDE_ON_BEDROCK, True), (NOVA, False)])
async def test_a_cache_point_behind_tools_goes_where_it_is_taken(
    fresh: SimulatorControl, name: str, *, arrives: bool
) -> None:
    marked = {**tool(), "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    got = await sent(fresh, name, [ASK], tools=[marked])
    assert ('"ttl": "1h"' in got.text) is arrives
    assert got.adjusted == (() if arrives else ("tools cache_control dropped",))


@pytest.mark.parametrize("name", [CLAUDE, CLAUDE_ON_BEDROCK])
async def test_of_too_many_cache_marks_the_last_are_sent(fresh: SimulatorControl, name: str) -> None:
    mark = {"cache_control": {"type": "ephemeral"}}
    system: Message = {"role": "system", "content": "Be kind", **mark}
    parts = [{"type": "text", "text": word, **mark} for word in ("one", "two", "three")]
    ask: Message = {"role": "user", "content": parts}
    got = await sent(fresh, name, [system, ask], tools=[{**tool(), **mark}])
    assert got.text.count('"cache_control"') + got.text.count('"cachePoint"') == 4
    assert got.adjusted == ("cache_control dropped",)
    assert ("cache_control" in str(got.body.get("tools")), "cachePoint" in str(got.body.get("toolConfig"))) == (
        False,
        False,
    )
    assert "cache_control" in ask["content"][0], "the caller's own is as it was"


async def test_how_long_a_cache_mark_holds_is_said_where_it_cannot_be_sent(fresh: SimulatorControl) -> None:
    part = {"type": "text", "text": "Ulm", "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    got = await sent(fresh, NOVA, [{"role": "user", "content": [part]}])
    assert got.adjusted == ("cache_control ttl dropped",)
    assert got.body["messages"][0]["content"][1] == {"cachePoint": {"type": "default"}}
