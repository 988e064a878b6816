"""JSON mode for models whose API has none: asked for by an instruction, and the answer checked to be an object."""

from __future__ import annotations

import json
from typing import Any

import pytest

from litellm_fallback_router.routing.adaptation.json_mode import ADJUSTED, BESIDE_TOOLS, INSTRUCTION
from litellm_fallback_router.routing.errors import ProvidersFailedError, StreamInterruptedError
from litellm_fallback_router.routing.failures import FailureKind as Kind
from litellm_fallback_router.routing.types import ChatRequest, ChatResult, Deployment, Message
from tests.support.scripted import Rig, ScriptedProvider, Step, breaks, config_of, deployment, question, read
from tests.support.virtual_time import run_virtually

ASKED = {"response_format": {"type": "json_object"}}
OBJECT = '{"capital": "Paris"}'
CALL = {"index": 0, "id": "c", "type": "function", "function": {"name": "look", "arguments": "{}"}}
TOOLS = {"tools": [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]}
CHAIN = {
    "c": deployment("c", provider="anthropic", model="claude-sonnet-4-6"),
    "n": deployment("n", provider="bedrock", model="us.amazon.nova-2-lite-v1:0"),
    "l": deployment("l", provider="bedrock", model="us.meta.llama3-3-70b-instruct-v1:0"),
    "b": deployment("b", provider="bedrock", model="us.anthropic.claude-sonnet-4-6"),
    "o": deployment("o", provider="openai", model="gpt-4o"),
    "g": deployment("g", provider="groq", model="llama-3.3-70b-versatile"),
}


def rig_of(names: str, scripts: dict[str, list[Step]], **settings: Any) -> Rig:
    return Rig(config_of(*(CHAIN[name] for name in names), **settings), ScriptedProvider(scripts))


def pieces(*said: str, finish: str = "stop") -> Step:
    return Step(said, finish_reason=finish)


async def answer(r: Rig, request: ChatRequest, *, streaming: bool) -> tuple[str, ChatResult]:
    if streaming:
        return await read(r.router, request)
    result = await r.router.complete(request)
    return result.text, result


async def sent(place: Deployment, messages: list[Message]) -> tuple[list[Message], dict[str, Any], tuple[str, ...]]:
    r = Rig(config_of(place), ScriptedProvider({place.id: [pieces(OBJECT)]}))
    result = await r.router.complete(ChatRequest(place.id, messages, ASKED))
    (call,) = r.provider.calls
    return call.messages, dict(call.params), result.ledger.attempts[0].adjusted


USER: Message = {"role": "user", "content": "Which is the capital of France? As JSON."}
SYSTEM: Message = {"role": "system", "content": "Be brief."}
TOLD: Message = {"role": "system", "content": INSTRUCTION}


@pytest.mark.parametrize("name", "cnlb")
@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ([USER], [TOLD, USER]),
        ([SYSTEM, {**SYSTEM, "role": "developer"}, USER], [SYSTEM, SYSTEM, TOLD, USER]),
    ],
)
def test_is_asked_for_by_an_instruction_where_the_api_has_no_json_mode(
    name: str, messages: list[Message], expected: list[Message]
) -> None:
    async def main() -> None:
        got, params, adjusted = await sent(CHAIN[name], messages)
        assert got == expected
        assert "response_format" not in params
        told = [line for line in adjusted if line != "developer sent as system"]
        assert told == [ADJUSTED.format(INSTRUCTION)], "what was put into the prompt is told word by word"

    run_virtually(main())


def test_tools_may_be_called_all_the_same() -> None:
    async def main() -> None:
        r = rig_of("c", {"c": [pieces(OBJECT)]})
        result = await r.router.complete(question("c", params=ASKED | TOOLS))
        assert r.provider.calls[0].messages[0] == {"role": "system", "content": BESIDE_TOOLS}
        assert result.ledger.attempts[0].adjusted == (ADJUSTED.format(BESIDE_TOOLS),)

    run_virtually(main())


@pytest.mark.parametrize("name", "og")
def test_is_passed_on_where_the_api_has_it(name: str) -> None:
    async def main() -> None:
        assert await sent(CHAIN[name], [USER]) == ([USER], ASKED, ())

    run_virtually(main())


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize(
    "said",
    [
        (OBJECT,),
        ("```json\n", OBJECT, "\n```"),
        ("\n", "``", "`JSON", "\n{", '"capital": "Pa', 'ris"}\n``', "`\n"),
    ],
)
def test_an_object_is_the_answer_without_its_code_fence(streaming: bool, said: tuple[str, ...]) -> None:
    async def main() -> None:
        r = rig_of("co", {"c": [pieces(*said)]})
        text, result = await answer(r, question("c", params=ASKED), streaming=streaming)
        assert (text, result.provider) == (OBJECT, "anthropic:claude-sonnet-4-6")

    run_virtually(main())


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("said", [("It is Paris.",), ("[", "]"), ('"Paris"',), (), ("\n", "\n")])
def test_what_is_no_object_is_a_failed_attempt_and_falls_back(streaming: bool, said: tuple[str, ...]) -> None:
    async def main() -> None:
        r = rig_of("co", {"c": [pieces(*said)], "o": [pieces(OBJECT)]})
        for _ in range(5):
            text, result = await answer(r, question("c", params=ASKED), streaming=streaming)
            assert (text, result.provider) == (OBJECT, "openai:gpt-4o")
        assert r.provider.asked == ["c", "o"] * 5, "not again at once; and no request takes a model from the others"
        failed, answered = result.ledger.attempts
        assert (failed.failure, failed.status) == (Kind.INVALID_RESPONSE, 200)
        assert failed.reason == "its answer is no JSON object, which `response_format` asks for"
        assert failed.wasted
        assert failed.usage is not None, "it is billed"
        assert answered.adjusted == ()

    run_virtually(main())


def test_when_nobody_gives_an_object_the_error_says_so() -> None:
    async def main() -> None:
        r = rig_of("cn", {name: [pieces("Paris")] for name in "cn"})
        with pytest.raises(ProvidersFailedError, match="n: its answer is no JSON object"):
            await r.router.complete(question("c", params=ASKED))
        assert r.provider.asked == ["c", "n"]

    run_virtually(main())


@pytest.mark.parametrize("rest", ["} That is all.", "}]", "oops", '}{"b": 1}'])
def test_a_stream_that_turns_out_to_be_none_after_text_was_sent_ends_in_an_error(rest: str) -> None:
    async def main() -> None:
        r = rig_of("co", {"c": [pieces('{"capital": ', rest, " and so on")]})
        with pytest.raises(StreamInterruptedError, match="no JSON object"):
            await read(r.router, question("c", params=ASKED))
        assert r.provider.asked == ["c"]

    run_virtually(main())


def test_held_back_until_complete_it_falls_back_instead() -> None:
    async def main() -> None:
        scripts = {"c": [pieces('{"capital": ', "oops")], "o": [pieces(OBJECT)]}
        r = rig_of("co", scripts, hold_structured=True)
        text, result = await read(r.router, question("c", params=ASKED))
        assert (text, result.provider) == (OBJECT, "openai:gpt-4o")

    run_virtually(main())


def test_a_stream_that_breaks_off_is_not_continued_as_text() -> None:
    async def main() -> None:
        r = rig_of("co", {"c": [breaks('{"capital": ')]})
        with pytest.raises(StreamInterruptedError, match="structured output"):
            await read(r.router, question("c", params=ASKED))

    run_virtually(main())


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize(
    ("said", "finish", "params", "text"),
    [
        ('```json\n{"capital": "Pa', "length", {}, '{"capital": "Pa'),
        ("", "length", {}, ""),
        ('{"capital": "Pa', "stop", {"stop": "r"}, '{"capital": "Pa'),
        ("I cannot say", "content_filter", TOOLS, "I cannot say"),
    ],
)
def test_what_the_provider_cut_off_is_passed_on_as_that(
    streaming: bool, said: str, finish: str, params: dict[str, Any], text: str
) -> None:
    async def main() -> None:
        r = rig_of("co", {"c": [pieces(said, finish=finish)]})
        got, result = await answer(r, question("c", params=ASKED | params), streaming=streaming)
        assert (got, result.provider) == (text, "anthropic:claude-sonnet-4-6")

    run_virtually(main())


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize(("said", "finish"), [("It is Pa", "length"), ("It is Pa", "stop")])
def test_a_cut_is_no_excuse_for_what_is_no_object(streaming: bool, said: str, finish: str) -> None:
    async def main() -> None:
        r = rig_of("co", {"c": [pieces(said, finish=finish)], "o": [pieces(OBJECT)]})
        asked = question("c", params=ASKED | {"stop": "ris"})
        assert (await answer(r, asked, streaming=streaming))[0] == OBJECT

    run_virtually(main())


@pytest.mark.parametrize("preface", [(), ("Let me ", "look."), ("```json",), ('{"a": 1}',), ('{"a": ',)])
def test_a_tool_call_is_an_answer_with_what_is_said_before_it(preface: tuple[str, ...]) -> None:
    async def main() -> None:
        deltas: list[dict[str, Any]] = [*({"content": piece} for piece in preface), {"tool_calls": [CALL]}]
        r = rig_of("co", {"c": [Step((), deltas=tuple(deltas), finish_reason="tool_calls")]})
        said = ""
        calls: list[Any] = []
        async with r.router.stream(question("c", params=ASKED | TOOLS)) as stream:
            async for chunk in stream:
                for choice in chunk.choices:
                    said += choice["delta"].get("content") or ""
                    calls += choice["delta"].get("tool_calls") or []
        assert (said, calls) == ("".join(preface), [CALL])

    run_virtually(main())


@pytest.mark.parametrize("streaming", [False, True])
def test_words_without_a_call_are_no_answer_though_tools_were_offered(streaming: bool) -> None:
    async def main() -> None:
        r = rig_of("co", {"c": [pieces("Let me ", "think.")], "o": [pieces(OBJECT)]})
        text, result = await answer(r, question("c", params=ASKED | TOOLS), streaming=streaming)
        assert (text, result.provider) == (OBJECT, "openai:gpt-4o")

    run_virtually(main())


@pytest.mark.parametrize("streaming", [False, True])
def test_an_object_is_an_answer_though_tools_were_offered(streaming: bool) -> None:
    async def main() -> None:
        r = rig_of("c", {"c": [pieces("``", "`\n", OBJECT[:5], OBJECT[5:], "```")]})
        assert (await answer(r, question("c", params=ASKED | TOOLS), streaming=streaming))[0] == OBJECT

    run_virtually(main())


def test_thinking_goes_on_as_it_comes() -> None:
    async def main() -> None:
        thought = {"reasoning_content": "France, so"}
        r = rig_of("c", {"c": [Step((OBJECT,), deltas=(thought,))]})
        deltas = []
        async with r.router.stream(question("c", params=ASKED)) as stream:
            async for chunk in stream:
                deltas += [choice["delta"] for choice in chunk.choices]
        assert deltas[:2] == [thought, {"content": OBJECT}]
        assert json.loads(deltas[1]["content"]) == {"capital": "Paris"}

    run_virtually(main())
