"""GetPrompt's answers in OpenAI's shapes."""

from __future__ import annotations

import copy
import logging
from typing import Any

import pytest

from litellm_fallback_router.adapters.prompts.client import UnfitPromptError, template_of
from local.simulator.bedrock.prompt_library import LIBRARY

CACHED = {"cache_control": {"type": "ephemeral"}}
POINT = {"cachePoint": {"type": "default"}}


def prompt(**variant: Any) -> dict[str, Any]:
    text = {"text": {"text": "hi {{a}}", "inputVariables": [{"name": "a"}, {"name": "b"}, {}]}}
    known = {"name": "v", "templateType": "TEXT", "templateConfiguration": text}
    return {"id": "ABCDEFGHIJ", "version": "3", "variants": [{**known, **variant}]}


def chat(**configuration: Any) -> dict[str, Any]:
    hello = [{"role": "user", "content": [{"text": "hi"}]}]
    return prompt(templateType="CHAT", templateConfiguration={"chat": {"messages": hello, **configuration}})


def test_a_text_prompt_is_one_user_message() -> None:
    template = template_of(prompt())
    assert (template.id, template.version, template.model) == ("ABCDEFGHIJ", "3", None)
    assert template.messages == ({"role": "user", "content": "hi {{a}}"},)
    assert template.declared == {"a", "b"}
    assert template.params == {}


def test_a_chat_prompt_is_its_system_prompt_messages_tools_and_settings() -> None:
    travel = next(one for one in LIBRARY if one["id"] == "TRAVEL0001")

    template = template_of(travel)

    assert [message["role"] for message in template.messages] == ["system", "user", "assistant", "user"]
    (system,) = template.messages[0]["content"]
    assert system == {"type": "text", "text": "Advise travellers, in {{language}}.", **CACHED}
    assert template.messages[1]["content"] == "I shall be in {{city}}."
    (tool,) = template.params["tools"]
    assert tool["function"]["name"] == "get_weather"
    assert tool["function"]["parameters"]["required"] == ["city"]
    settings = {name: value for name, value in template.params.items() if name != "tools"}
    assert settings == {"temperature": 0.25, "max_tokens": 200, "stop": ["END"]}
    assert template.model == "us.amazon.nova-2-lite-v1:0"


def test_the_default_variant_is_chosen() -> None:
    answer = prompt()
    other = copy.deepcopy(answer["variants"][0])
    other["name"], other["templateConfiguration"]["text"]["text"] = "chosen", "other"
    answer["variants"].append(other)
    assert template_of(answer).messages[0]["content"] == "hi {{a}}"
    assert template_of({**answer, "defaultVariant": "chosen"}).messages[0]["content"] == "other"
    with pytest.raises(UnfitPromptError, match="no variant 'gone'"):
        template_of({**answer, "defaultVariant": "gone"})


@pytest.mark.parametrize("answer", [{"id": "A", "version": "DRAFT"}, {"id": "A", "version": "1", "variants": []}])
def test_a_prompt_without_a_variant_cannot_be_used(answer: dict[str, Any]) -> None:
    with pytest.raises(UnfitPromptError, match="no variant yet"):
        template_of(answer)


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ({"auto": {}}, None),
        ({"any": {}}, "required"),
        ({"tool": {"name": "look"}}, {"type": "function", "function": {"name": "look"}}),
    ],
)
def test_a_tool_choice_is_openais(choice: Any, expected: Any) -> None:
    spec = {"name": "look", "inputSchema": {"json": {"type": "object"}}, "strict": True}
    template = template_of(chat(toolConfiguration={"tools": [{"toolSpec": spec}, POINT], "toolChoice": choice}))
    function = {"name": "look", "parameters": {"type": "object"}, "strict": True}
    assert template.params["tools"] == [{"type": "function", "function": function}]
    assert template.params.get("tool_choice") == expected


def test_cache_points_mark_the_text_before_them() -> None:
    content = [{"text": "long"}, POINT, {"text": "short"}]
    template = template_of(chat(messages=[{"role": "user", "content": content}], system=[POINT]))
    (message,) = template.messages
    assert message["content"] == [{"type": "text", "text": "long", **CACHED}, {"type": "text", "text": "short"}]
    configuration = {"text": {"text": "long", "cachePoint": POINT["cachePoint"]}}
    (message,) = template_of(prompt(templateConfiguration=configuration)).messages
    assert message["content"] == [{"type": "text", "text": "long", **CACHED}]


def test_settings_that_say_nothing_are_left_out() -> None:
    settings = {"temperature": 0.0, "topP": 0.5, "maxTokens": 0, "stopSequences": []}
    template = template_of(prompt(inferenceConfiguration={"text": settings}))
    assert template.params == {"temperature": 0.0, "top_p": 0.5}


def test_fields_of_one_model_are_used_where_a_request_may_carry_them_and_named_where_not(
    caplog: pytest.LogCaptureFixture,
) -> None:
    fields = {"top_k": 50, "thinking": {"type": "disabled"}, "reasoning_config": {"secret": 1}}
    with caplog.at_level(logging.WARNING):
        template = template_of(prompt(additionalModelRequestFields=fields))
    assert template.params == {"top_k": 50, "thinking": {"type": "disabled"}}
    assert "prompt ABCDEFGHIJ (3): additionalModelRequestFields reasoning_config not used" in caplog.text
    assert "secret" not in caplog.text


def test_a_block_of_a_kind_that_is_not_known_makes_a_prompt_unfit() -> None:
    with pytest.raises(UnfitPromptError, match="neither text nor a cache point"):
        template_of(chat(messages=[{"role": "user", "content": [{"SDK_UNKNOWN_MEMBER": {"name": "video"}}]}]))
