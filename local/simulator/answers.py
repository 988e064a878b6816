"""The simulated models' answers: a function of the conversation alone, never of the model.

So a stream that broke on one model and went on another can be checked letter by letter, and an answer that reached
the wrong caller shows.
"""

import re
import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from local.simulator.conversation import Answer, Call, Text, Tool, ToolCall, ToolResult, Turn
from local.simulator.dictated_calls import next_dictated
from local.simulator.json_schema import instance

Continuation = Literal["exact", "restart", "overlap", "preamble"]

COUNT_LIMIT = 2000
_THOUGHT = "Let me see what was asked and what is known about it."
_GREETING = "Hello. What can I do for you?"
_OVERLAP_WORDS = 6
_COUNT = re.compile(r"\bcount to (\d+)", re.IGNORECASE)
_WEATHER = re.compile(r"\bweather in ([^?.!\n]+)", re.IGNORECASE)
_AND = re.compile(r"\s*,\s*(?:and\s+)?|\s+and\s+")
_ASKS_FOR_AN_OBJECT = re.compile(r"\bone JSON object\b")
_PLACE_NAMES = ("city", "location", "place", "town")
_STRUCTURING_TOOL = "json_tool_call"  # LiteLLM's, for models without structured outputs; real ones take the hint
_WORD = re.compile(r"\S+\s*|\s+")


def answer(call: Call, continuation: Continuation) -> Answer:
    """The answer to a call, cut to its stop strings and token limit."""
    thought = _THOUGHT if call.thinking else ""
    if calls := _tool_calls(call):
        return Answer(call.prompt_tokens, thought, tool_calls=calls, finish="tool_calls")
    turns = call.turns
    if turns and turns[-1].role == "assistant" and not call.model.prefill:
        turns = turns[:-1]  # it answers afresh
    if call.schema is not None:
        text = _structured(call)
    elif _ASKS_FOR_AN_OBJECT.search(call.system):
        text = _obliging(call)
    else:
        text = reply_to(turns, continuation)
    searched = call.web_search and "search the web" in _last_text(turns).lower()
    return _limited(Answer(call.prompt_tokens, thought, text, searched=searched), call)


def reply_to(turns: tuple[Turn, ...], continuation: Continuation = "exact") -> str:
    """The text for a conversation without regard to limits."""
    if not turns:
        return _GREETING  # to instructions alone
    if turns[-1].role == "assistant":
        rest = _continued(turns[:-1], turns[-1].text, continuation)
        return reply_to(turns[:-1]) if rest is None else rest
    spoken = _last_text(turns)
    if "continue" in spoken.lower() and len(turns) > 2:
        rest = _continued(turns[:-2], turns[-2].text, continuation)
        if rest is not None:
            return rest
    if results := _trailing_results(turns[-1]):
        return "The tools say: " + "; ".join(results) + ". That is all I know."
    return _said(spoken)


def _said(spoken: str) -> str:
    if "capital of france" in spoken.lower():
        return "Paris is the capital of France."
    if count := _COUNT.search(spoken):
        last = min(int(count[1]), COUNT_LIMIT)
        return ", ".join(str(number) for number in range(1, last + 1)) + "."
    return f"You said: {spoken}\nThat is all I have to answer to it. Ask me something else whenever you like."


def _continued(turns: tuple[Turn, ...], partial: str, continuation: Continuation) -> str | None:
    """What follows `partial` in the answer to `turns`, nothing if that was all of it.

    None when `partial` is not the beginning of that answer.
    """
    whole = reply_to(turns)
    if not partial or not whole.startswith(partial):
        return None
    if whole == partial:
        return ""
    rest = whole[len(partial) :]
    match continuation:
        case "restart":
            return whole
        case "overlap":
            return "".join(pieces(partial)[-_OVERLAP_WORDS:]) + rest
        case "preamble":
            return "Sure, continuing: " + rest
        case "exact":
            return rest


def pieces(text: str) -> list[str]:
    """The text as a model streams it: word by word, each with the white space that follows it."""
    return _WORD.findall(text)


def _last_text(turns: tuple[Turn, ...]) -> str:
    for turn in reversed(turns):
        if turn.role == "user":
            for part in reversed(turn.parts):
                if isinstance(part, Text):
                    return part.text
    return ""


def _trailing_results(turn: Turn) -> list[str]:
    results: list[str] = []
    for part in reversed(turn.parts):
        if not isinstance(part, ToolResult):
            break
        results.insert(0, part.text)
    return results


def _structured(call: Call) -> str:
    said = reply_to(call.turns)
    schema: Mapping[str, Any] = call.schema or {
        "type": "object",
        "properties": {"answer": {"type": "string"}},
        "required": ["answer"],
    }
    return ToolCall("", "", instance(schema, said)).arguments_json()


def _obliging(call: Call) -> str:
    """As models answer an instruction to write an object: mostly they do; in a code fence or in prose where the
    question calls for that."""
    spoken = _last_text(call.turns).lower()
    if "in prose" in spoken:
        return reply_to(call.turns)
    written = _structured(call)
    return f"```json\n{written}\n```" if "in a fence" in spoken else written


def _tool_calls(call: Call) -> tuple[ToolCall, ...]:
    if not call.tools or call.tool_choice == "none" or call.turns[-1].role == "assistant":
        return ()
    if dictated := next_dictated(call):
        return (dictated,)
    spoken = _last_text(call.turns)
    asked = _WEATHER.search(spoken)
    places = [place.strip() for place in _AND.split(asked[1]) if place.strip()] if asked else []
    if call.tool_choice == "auto":
        structuring = next((tool for tool in call.tools if tool.name == _STRUCTURING_TOOL), None)
        if structuring is None and (not places or _trailing_results(call.turns[-1])):
            return ()
        tool = structuring or _weather_tool(call.tools)
    else:
        tool = call.tool_choice if isinstance(call.tool_choice, Tool) else _weather_tool(call.tools)
    if not call.parallel:
        places = places[:1]
    said = reply_to(call.turns)
    return tuple(_tool_call(tool, said, place) for place in places or [None])


def _weather_tool(tools: tuple[Tool, ...]) -> Tool:
    about_weather = (tool for tool in tools if "weather" in f"{tool.name} {tool.description}".lower())
    return next(about_weather, tools[0])


def _tool_call(tool: Tool, said: str, place: str | None) -> ToolCall:
    named = dict.fromkeys(_PLACE_NAMES, place) if place else {}
    return ToolCall(secrets.token_hex(12), tool.name, instance(tool.schema, said, named))


def _limited(full: Answer, call: Call) -> Answer:
    text, finish, stopped_by = full.text, full.finish, None
    found = [(text.find(stop), stop) for stop in call.stop if stop in text]
    if found:
        at, stopped_by = min(found)
        text, finish = text[:at], "stop_sequence"
    limit = 4 * min(call.max_tokens or call.model.max_output, call.model.max_output)
    if len(text) > limit:
        text, finish, stopped_by = text[:limit], "length", None
    return replace(full, text=text, finish=finish, stop_sequence=stopped_by)
