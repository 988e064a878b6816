"""What the simulated models say."""

import json
from typing import Any

import pytest

from local.simulator.answers import Continuation, answer, pieces, reply_to
from local.simulator.catalogue import Model, find_model, reachable_from
from local.simulator.conversation import Call, Image, Text, Tool, ToolCall, ToolResult, Turn, alternating
from local.simulator.json_schema import Unsatisfiable, instance

WEATHER = Tool(
    "get_weather",
    "Current weather",
    {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)
CLOCK = Tool("get_time", "", {"type": "object", "properties": {"zone": {"type": "string"}}, "required": ["zone"]})


def user(text: str) -> Turn:
    return Turn("user", (Text(text),))


def assistant(text: str) -> Turn:
    return Turn("assistant", (Text(text),))


def call(*turns: Turn, model: Model | None = None, **more: Any) -> Call:
    return Call(model=model or Model("sim-any"), turns=turns, stream=False, **more)


def test_knows_the_capital_of_france() -> None:
    assert reply_to((user("What is the capital of France?"),)) == "Paris is the capital of France."


def test_counts_as_far_as_asked_but_not_forever() -> None:
    assert reply_to((user("Count to 4, please"),)) == "1, 2, 3, 4."
    assert reply_to((user("count to 999999"),)).endswith(" 2000.")


def test_repeats_the_last_user_text_letter_by_letter() -> None:
    odd = 'ünïcode "quotes"\n\tand {braces}'
    assert odd in reply_to((user("earlier"), assistant("yes"), user(odd)))


def test_answers_the_last_of_several_user_texts_in_one_turn() -> None:
    merged = Turn("user", (Text("Count to 3"), Image(), Text("Count to 2")))
    assert reply_to((merged,)) == "1, 2."
    assert reply_to(alternating((user("Count to 3"), user("Count to 2")))) == "1, 2."


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        ("exact", "6, 7, 8, 9."),
        ("restart", "1, 2, 3, 4, 5, 6, 7, 8, 9."),
        ("overlap", "1, 2, 3, 4, 5, 6, 7, 8, 9."),
        ("preamble", "Sure, continuing: 6, 7, 8, 9."),
    ],
)
def test_continues_when_asked_to(style: Continuation, expected: str) -> None:
    turns = (user("Count to 9"), assistant("1, 2, 3, 4, 5, "), user("Please CONTINUE where you stopped."))
    assert reply_to(turns, style) == expected


def test_overlap_repeats_the_last_six_words() -> None:
    turns = (user("Count to 12"), assistant("1, 2, 3, 4, 5, 6, 7, 8, 9, "), user("continue"))
    assert reply_to(turns, "overlap") == "4, 5, 6, 7, 8, 9, 10, 11, 12."


def test_continues_from_the_middle_of_a_word_and_without_trailing_space() -> None:
    assert reply_to((user("Count to 12"), assistant("1, 2, 3, 4, 5, 6, 7, 8, 9, 1"), user("continue"))) == "0, 11, 12."
    assert reply_to((user("Count to 4"), assistant("1, 2,"), user("continue"))) == " 3, 4."


@pytest.mark.parametrize("partial", ["something else", ""])
def test_does_not_continue_what_is_not_the_beginning_of_its_answer(partial: str) -> None:
    said = reply_to((user("Count to 3"), assistant(partial), user("continue")))
    assert said.startswith("You said: continue")


def test_has_nothing_to_add_to_a_whole_answer() -> None:
    assert reply_to((user("Count to 3"), assistant("1, 2, 3."), user("continue"))) == ""


def test_continues_an_answer_that_followed_tool_results() -> None:
    results = Turn("user", (ToolResult("1", "sunny"), ToolResult("2", "rainy")))
    turns = (user("weather in Oslo"), Turn("assistant", (ToolCall("1", "get_weather", {}),)), results)
    whole = reply_to(turns)
    assert "sunny; rainy" in whole
    assert reply_to((*turns, assistant(whole[:9]), user("continue"))) == whole[9:]


def test_prefill_goes_on_where_the_model_can_and_starts_afresh_where_not() -> None:
    turns = (user("Count to 5"), assistant("1, 2, "))
    assert answer(call(*turns, model=Model("m", prefill=True)), "exact").text == "3, 4, 5."
    assert answer(call(*turns), "exact").text == "1, 2, 3, 4, 5."


def test_max_tokens_cuts_at_four_characters_each() -> None:
    said = answer(call(user("Count to 9"), max_tokens=3), "exact")
    assert (said.text, said.finish, said.completion_tokens) == ("1, 2, 3, 4, ", "length", 3)


def test_the_first_stop_string_ends_the_text() -> None:
    said = answer(call(user("Count to 9"), stop=("8", "4")), "exact")
    assert (said.text, said.finish, said.stop_sequence) == ("1, 2, 3, ", "stop_sequence", "4")


def test_token_limit_before_the_stop_string_is_a_length() -> None:
    said = answer(call(user("Count to 9"), stop=("8",), max_tokens=1), "exact")
    assert (said.text, said.finish, said.stop_sequence) == ("1, 2", "length", None)


def test_pieces_lose_nothing() -> None:
    text = "  a b\n\nc  d. "
    assert "".join(pieces(text)) == text


@pytest.mark.parametrize(
    ("question", "cities"),
    [
        ("What is the weather in Paris?", ["Paris"]),
        ("weather in Paris and Rome", ["Paris", "Rome"]),
        ("weather in New York, Rio de Janeiro, and Rome!", ["New York", "Rio de Janeiro", "Rome"]),
    ],
)
def test_calls_the_weather_tool_once_for_each_place(question: str, cities: list[str]) -> None:
    said = answer(call(user(question), tools=(CLOCK, WEATHER)), "exact")
    assert said.finish == "tool_calls"
    assert [(one.name, one.arguments) for one in said.tool_calls] == [
        ("get_weather", {"city": city}) for city in cities
    ]
    assert len({one.id for one in said.tool_calls}) == len(cities)


def test_calls_one_tool_when_parallel_calls_are_off() -> None:
    said = answer(call(user("weather in Paris and Rome"), tools=(WEATHER,), parallel=False), "exact")
    assert [one.arguments for one in said.tool_calls] == [{"city": "Paris"}]


def test_calls_no_tool_without_need_or_when_told_not_to() -> None:
    assert not answer(call(user("hello"), tools=(WEATHER,)), "exact").tool_calls
    assert not answer(call(user("weather in Paris"), tools=(WEATHER,), tool_choice="none"), "exact").tool_calls


def test_calls_the_tool_it_is_forced_to() -> None:
    said = answer(call(user("hello"), tools=(WEATHER, CLOCK), tool_choice=CLOCK), "exact")
    assert [one.name for one in said.tool_calls] == ["get_time"]
    assert answer(call(user("hello"), tools=(CLOCK,), tool_choice="required"), "exact").tool_calls


def test_tells_the_results_of_tools() -> None:
    results = Turn("user", (ToolResult("1", "sunny"), ToolResult("2", "rainy")))
    asked = (user("weather in Oslo and Rome"), Turn("assistant", (ToolCall("1", "get_weather", {}),)), results)
    said = answer(call(*asked, tools=(WEATHER,)), "exact")
    assert not said.tool_calls
    assert "sunny; rainy" in said.text


def test_structured_answer_holds_the_text_in_the_form_asked_for() -> None:
    schema = {"type": "object", "properties": {"x": {"type": "string"}}, "required": ["x"]}
    assert json.loads(answer(call(user("Count to 3"), schema=schema), "exact").text) == {"x": "1, 2, 3."}
    assert json.loads(answer(call(user("Count to 3"), schema={}), "exact").text) == {"answer": "1, 2, 3."}


SCHEMAS: list[tuple[dict[str, Any], Any]] = [
    ({"type": "string", "enum": ["b", "a"]}, "b"),
    ({"const": 7}, 7),
    ({"type": "integer", "minimum": 5}, 5),
    ({"type": "integer", "exclusiveMinimum": 5}, 6),
    ({"type": "number", "maximum": -2.5}, -2.5),
    ({"type": "integer", "minimum": 5, "multipleOf": 4}, 8),
    ({"type": "boolean"}, True),
    ({"type": ["string", "null"]}, "text"),
    ({"type": "null"}, None),
    ({"type": "string", "maxLength": 2}, "te"),
    ({"type": "string", "minLength": 6}, "text.."),
    ({"type": "string", "format": "date"}, "2026-01-31"),
    ({"type": "array", "items": {"type": "boolean"}, "minItems": 2}, [True, True]),
    ({"anyOf": [{"$ref": "#/nowhere"}, {"type": "boolean"}]}, True),
    (
        {"$ref": "#/$defs/a", "$defs": {"a": {"type": "object", "required": ["b"], "properties": {"b": {}}}}},
        {"b": "text"},
    ),
    (
        {
            "allOf": [
                {"type": "object", "properties": {"a": {"const": 1}}, "required": ["a"]},
                {"properties": {"b": {"const": 2}}, "required": ["b"]},
            ]
        },
        {"a": 1, "b": 2},
    ),
    ({"type": "object", "properties": {"optional": {"type": "string"}}}, {}),
]


@pytest.mark.parametrize(("schema", "expected"), SCHEMAS)
def test_instance_satisfies_its_schema(schema: dict[str, Any], expected: Any) -> None:
    assert instance(schema, "text") == expected


def test_an_endless_schema_is_unsatisfiable() -> None:
    endless = {"type": "object", "properties": {"next": {"$ref": "#"}}, "required": ["next"]}
    with pytest.raises(Unsatisfiable, match="without end"):
        instance(endless, "text")


def test_any_sim_model_exists_everywhere_and_others_only_at_home() -> None:
    assert all(find_model(provider, "sim-x") for provider in ("openai", "anthropic", "bedrock"))
    assert find_model("openai", "claude-sonnet-4-6") is None
    assert find_model("anthropic", "claude-3-5-sonnet-20241022") is None


@pytest.mark.parametrize(
    ("profile", "region", "reachable"),
    [
        ("us.anthropic.claude-sonnet-4-6", "us-west-2", True),
        ("us.anthropic.claude-sonnet-4-6", "eu-central-1", False),
        ("global.anthropic.claude-sonnet-4-6", "eu-central-1", True),
        ("sim-x", "eu-central-1", True),
    ],
)
def test_a_profile_is_reachable_from_its_own_regions(profile: str, region: str, reachable: bool) -> None:
    assert reachable_from(profile, region) is reachable
