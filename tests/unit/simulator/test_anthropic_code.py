"""What Claude Code asks of Anthropic's API, with the official client; each event is checked against its types."""

from typing import Any

import anthropic
import httpx
import pytest
from anthropic.types.beta import BetaMessage, BetaRawMessageStreamEvent
from pydantic import TypeAdapter

from local.simulator import Fault, Simulator

EVENTS: TypeAdapter[Any] = TypeAdapter(BetaRawMessageStreamEvent)
SEARCH: Any = {"type": "web_search_20250305", "name": "web_search", "max_uses": 8}
READ: Any = {"name": "Read", "input_schema": {"type": "object", "properties": {"path": {"type": "string"}}}}
BETAS = [
    "claude-code-20250219",
    "interleaved-thinking-2025-05-14",
    "context-management-2025-06-27",
    "prompt-caching-scope-2026-01-05",
]
AS_CLAUDE_CODE: Any = {
    "model": "claude-sonnet-4-6",
    "max_tokens": 32_000,
    "betas": BETAS,
    "system": [
        {"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1.37; cc_entrypoint=cli;"},
        {"type": "text", "text": "You are a coder.", "cache_control": {"type": "ephemeral", "scope": "global"}},
    ],
    "tools": [READ],
    "thinking": {"type": "adaptive"},
    "output_config": {"effort": "medium"},
    "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
    "metadata": {"user_id": "{}"},
}
HI: Any = [
    {
        "role": "user",
        "content": [
            {"type": "text", "text": "<system-reminder></system-reminder>"},
            {"type": "text", "text": "Count to 3", "cache_control": {"type": "ephemeral", "ttl": "5m"}},
        ],
    }
]


async def events_of(client: anthropic.AsyncAnthropic, **request: Any) -> list[Any]:
    stream = await client.beta.messages.create(**{**AS_CLAUDE_CODE, "messages": HI, **request}, stream=True)
    events = [event async for event in stream]
    for event in events:
        EVENTS.validate_python(event.model_dump())
    return events


INSTRUCTED: Any = [
    *HI,
    {"role": "system", "content": [{"type": "text", "text": "Be brief."}], "output_config": {"effort": "low"}},
]


@pytest.mark.parametrize("beta", ["per-turn-control-2026-07-01", "mid-conversation-output-config-2026-07-01"])
async def test_newer_models_take_instructions_among_the_messages(
    anthropic_client: anthropic.AsyncAnthropic, beta: str
) -> None:
    asked = {**AS_CLAUDE_CODE, "model": "claude-opus-5-5", "betas": [*BETAS, beta]}
    message = await anthropic_client.beta.messages.create(**asked, messages=INSTRUCTED)
    assert message.content[-1].text == "1, 2, 3."
    effort_alone = [*HI, {"role": "system", "content": [], "output_config": {"effort": "low"}}]
    assert (await anthropic_client.beta.messages.create(**asked, messages=effort_alone)).content


async def test_an_effort_among_the_messages_needs_its_beta(anthropic_client: anthropic.AsyncAnthropic) -> None:
    asked = {**AS_CLAUDE_CODE, "model": "claude-opus-5-5"}
    with pytest.raises(anthropic.BadRequestError, match=r"messages\.1\.output_config: Extra inputs are not permitted"):
        await anthropic_client.beta.messages.create(**asked, messages=INSTRUCTED)


async def test_its_whole_request_is_answered(anthropic_client: anthropic.AsyncAnthropic) -> None:
    message = await anthropic_client.beta.messages.create(**AS_CLAUDE_CODE, messages=HI)
    BetaMessage.model_validate(message.model_dump())
    assert [block.type for block in message.content] == ["thinking", "text"]
    assert message.context_management is not None
    assert message.context_management.applied_edits == []
    assert message._request_id is not None


async def test_a_stream_tells_of_the_managed_context_at_its_end(anthropic_client: anthropic.AsyncAnthropic) -> None:
    events = await events_of(anthropic_client)
    (ending,) = [event for event in events if event.type == "message_delta"]
    assert ending.context_management.applied_edits == []
    assert ending.delta.stop_reason == "end_turn"


async def test_thoughts_that_are_not_to_be_shown_are_signed_only(anthropic_client: anthropic.AsyncAnthropic) -> None:
    events = await events_of(anthropic_client, thinking={"type": "adaptive", "display": "omitted"})
    deltas = [event.delta.type for event in events if event.type == "content_block_delta"]
    assert deltas[0] == "signature_delta"
    assert "thinking_delta" not in deltas
    message = await anthropic_client.beta.messages.create(
        **{**AS_CLAUDE_CODE, "thinking": {"type": "adaptive", "display": "omitted"}}, messages=HI
    )
    history = [*HI, {"role": "assistant", "content": message.content}, *HI]
    await anthropic_client.beta.messages.create(**AS_CLAUDE_CODE, messages=history)


async def test_the_web_is_searched_by_the_provider(anthropic_client: anthropic.AsyncAnthropic) -> None:
    asked: Any = [{"role": "user", "content": "search the web: count to 3"}]
    request = {"model": "claude-sonnet-4-6", "max_tokens": 100, "messages": asked, "tools": [SEARCH]}
    message: Any = await anthropic_client.messages.create(**request)
    assert [block.type for block in message.content] == ["server_tool_use", "web_search_tool_result", "text"]
    assert message.usage.server_tool_use.web_search_requests == 1
    async with anthropic_client.messages.stream(**request) as stream:
        streamed: Any = await stream.get_final_message()
    assert [block.type for block in streamed.content] == [block.type for block in message.content]
    assert streamed.content[0].input == message.content[0].input
    again = [*asked, {"role": "assistant", "content": message.content}, {"role": "user", "content": "Count to 2"}]
    told: Any = await anthropic_client.messages.create(**{**request, "messages": again})
    assert told.content[0].text == "1, 2."
    lost = [*asked, {"role": "assistant", "content": message.content[1:]}, {"role": "user", "content": "Count to 2"}]
    with pytest.raises(anthropic.BadRequestError, match="must have a corresponding `server_tool_use` block before it"):
        await anthropic_client.messages.create(**{**request, "messages": lost})


async def test_tokens_are_counted_as_a_message_would_cost(anthropic_client: anthropic.AsyncAnthropic) -> None:
    request = {name: AS_CLAUDE_CODE[name] for name in ("model", "betas", "system", "tools", "thinking")}
    counted = await anthropic_client.beta.messages.count_tokens(**request, messages=HI)
    message = await anthropic_client.beta.messages.create(**AS_CLAUDE_CODE, messages=HI)
    assert counted.input_tokens == message.usage.input_tokens
    managed = await anthropic_client.beta.messages.count_tokens(
        **request, messages=HI, context_management=AS_CLAUDE_CODE["context_management"]
    )
    assert managed.context_management is not None
    assert managed.context_management.original_input_tokens == counted.input_tokens


async def test_counting_refuses_what_a_message_alone_has(
    anthropic_client: anthropic.AsyncAnthropic, sim: Simulator
) -> None:
    count = anthropic_client.messages.count_tokens
    with pytest.raises(anthropic.BadRequestError, match="max_tokens: Extra inputs are not permitted"):
        await count(model="claude-sonnet-4-6", messages=HI, extra_body={"max_tokens": 10})
    with pytest.raises(anthropic.NotFoundError):
        await count(model="claude-0", messages=HI)
    sim.inject(Fault(kind="status", status=529))
    with pytest.raises(anthropic.APIStatusError) as overloaded:
        await count(model="claude-sonnet-4-6", messages=HI)
    assert overloaded.value.status_code == 529


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(("kind", "reason"), [("refusal", "refusal"), ("pause", "pause_turn")])
async def test_a_turn_is_refused_and_paused(
    anthropic_client: anthropic.AsyncAnthropic, sim: Simulator, kind: Any, reason: str, stream: bool
) -> None:
    sim.inject(Fault(kind=kind))
    if stream:
        events = await events_of(anthropic_client)
        stop = next(event.delta for event in events if event.type == "message_delta")
    else:
        stop = await anthropic_client.beta.messages.create(**AS_CLAUDE_CODE, messages=HI)
    assert stop.stop_reason == reason
    if kind == "refusal":
        assert stop.stop_details is not None
        assert stop.stop_details.fallback_credit_token is None


async def test_a_refusal_gives_credit_to_those_who_ask_for_it(
    anthropic_client: anthropic.AsyncAnthropic, sim: Simulator
) -> None:
    sim.inject(Fault(kind="refusal"))
    betas = [*BETAS, "fallback-credit-2026-07-01"]
    message = await anthropic_client.beta.messages.create(**{**AS_CLAUDE_CODE, "betas": betas}, messages=HI)
    assert message.stop_details is not None
    assert message.stop_details.fallback_credit_token is not None


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a field without its beta": (
        {"betas": ["prompt-caching-scope-2026-01-05"]},
        "context_management: Extra inputs are not permitted",
    ),
    "a scope without its beta": (
        {"betas": ["context-management-2025-06-27"]},
        "system.1.cache_control.ephemeral.scope: Extra inputs are not permitted",
    ),
    "a tool without its beta": (
        {"tools": [{"type": "advisor_20260301", "name": "advisor"}]},
        "tools.0: Input tag 'advisor_20260301' found",
    ),
    "an unknown beta": ({"betas": [*BETAS, "everything"]}, "Unexpected value\\(s\\) `everything`"),
    "more than edits": (
        {"context_management": {"edits": [], "enabled": True}},
        "context_management.enabled: Extra inputs are not permitted",
    ),
    "thoughts to clear without thinking": (
        {"thinking": {"type": "disabled"}},
        "strategy requires `thinking` to be enabled or adaptive",
    ),
    "a tool that is not known": ({"tools": [{"type": "poet_20260101", "name": "poet"}]}, "tools.0"),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_it_is_refused_as_the_provider_does(anthropic_client: anthropic.AsyncAnthropic, case: str) -> None:
    changed, words = REFUSED[case]
    with pytest.raises(anthropic.BadRequestError, match=words):
        await anthropic_client.beta.messages.create(**{**AS_CLAUDE_CODE, **changed}, messages=HI)


async def test_each_of_its_own_tools_is_taken(sim: Simulator) -> None:
    tools: list[dict[str, Any]] = [
        READ,
        SEARCH,
        {"type": "bash_20250124", "name": "bash"},
        {"type": "text_editor_20250728", "name": "str_replace_based_edit_tool", "max_characters": 100},
        {"type": "web_fetch_20260209", "name": "web_fetch", "cache_control": {"type": "ephemeral"}},
        {"type": "tool_search_tool_regex_20251119", "name": "tool_search_tool_regex"},
        {"type": "memory_20250818", "name": "memory"},
    ]
    body = {"model": "claude-sonnet-4-6", "max_tokens": 10, "messages": HI, "tools": tools}
    headers = {"authorization": "Bearer sim-anthropic-key", "anthropic-version": "2023-06-01"}
    async with httpx.AsyncClient() as client:
        answer = await client.post(f"{sim.url}/anthropic/v1/messages?beta=true", json=body, headers=headers)
    assert answer.status_code == 200
    assert answer.headers["request-id"].startswith("req_")
