"""Conversations that no provider could make sense of: refused, with the place named, before anybody is asked."""

from __future__ import annotations

from typing import Any

import pytest

from litellm_fallback_router.routing.errors import InvalidRequestError
from litellm_fallback_router.routing.request.messages import check_messages
from litellm_fallback_router.routing.types import ChatRequest, Message
from tests.support.scripted import read, rig

ASKED: Message = {"role": "user", "content": "x"}


def called(*ids: str) -> Message:
    calls = [{"id": one, "type": "function", "function": {"name": "f", "arguments": "{}"}} for one in ids]
    return {"role": "assistant", "content": None, "tool_calls": calls}


def result(call: str) -> Message:
    return {"role": "tool", "tool_call_id": call, "content": "SECRET"}


@pytest.mark.parametrize(
    ("messages", "param"),
    [
        ([result("a")], "messages[0]"),
        ([ASKED, result("a")], "messages[1]"),
        ([ASKED, {"role": "assistant", "content": "x"}, result("a")], "messages[2]"),
        ([ASKED, called("a"), result("b")], "messages[2]"),
        ([ASKED, called("a"), result("a"), ASKED, result("a")], "messages[4]"),
        ([ASKED, called("a")], "messages[1].tool_calls"),
        ([ASKED, called("a", "b"), result("a"), ASKED], "messages[1].tool_calls"),
        ([ASKED, called("a"), ASKED, result("a")], "messages[1].tool_calls"),
        ([{"role": "user", "content": [{"type": "hologram", "SECRET": 1}]}], "messages[0].content[0].type"),
    ],
)
def test_is_refused_with_its_place(messages: list[Message], param: str) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        check_messages(messages)
    assert refused.value.param == param
    assert "SECRET" not in str(refused.value)


@pytest.mark.parametrize(
    "messages",
    [
        [ASKED, called("a", "b"), result("b"), result("a")],
        [ASKED, called("a"), result("a"), called("b"), result("b"), ASKED],
        [ASKED, {"role": "assistant", "content": "x", "tool_calls": []}, ASKED],
        [{"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]}, ASKED],
    ],
)
def test_a_sound_one_is_not(messages: list[Message]) -> None:
    check_messages(messages)


@pytest.mark.parametrize(
    ("messages", "params"),
    [([ASKED, result("a")], {}), ([ASKED], {"tool_choice": "required"})],
    ids=["stray result", "choice of nothing"],
)
async def test_nobody_is_asked(messages: list[Message], params: dict[str, Any]) -> None:
    gateway = rig("a", "b")
    request = ChatRequest("a", messages, params)
    with pytest.raises(InvalidRequestError):
        await gateway.router.complete(request)
    with pytest.raises(InvalidRequestError):
        await read(gateway.router, request)
    assert gateway.provider.asked == []
