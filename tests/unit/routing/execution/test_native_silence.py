"""How long a stream in the caller's own format may say nothing before its first token."""

from __future__ import annotations

from typing import Any

import pytest

from litellm_fallback_router.routing.types import NativeRequest
from tests.support.scripted import Step, question, read, rig, says
from tests.support.virtual_time import run_virtually


@pytest.mark.parametrize(
    ("body", "only", "answers"),
    [
        ({"reasoning": {"summary": "auto"}}, (), "a"),
        ({}, ("'tools[0]' (a tool of type 'web_search')",), "a"),
        ({}, (), "b"),
    ],
    ids=["it thinks", "it searches", "neither"],
)
def test_who_thinks_or_searches_has_the_time_of_reasoning(
    body: dict[str, Any], only: tuple[str, ...], answers: str
) -> None:
    async def main() -> None:
        scripts = {"a": [Step(wait=20.0)], "b": [says("Paris.")]}
        asked = rig("a", "b", scripts=scripts, first_token_timeout=10.0, reasoning_first_token_timeout=60.0)
        native = NativeRequest("responses", {"input": "hi", **body}, only=only)
        _, result = await read(asked.router, question(native=native, validated=True))
        assert result.deployment.id == answers

    run_virtually(main())
