"""Bodies of OpenAI's Responses API on their way to a deployment that has it: what changes, and what is said of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from litellm_fallback_router.routing.adaptation import UnfitError, continued, marked, origin_of, speaks
from litellm_fallback_router.routing.adaptation.native import fitted_native
from litellm_fallback_router.routing.adaptation.report import Report
from litellm_fallback_router.routing.types import Deployment, ModelInfo, NativeRequest

GPT = Deployment("m", "m", "openai", "gpt-5.4", "openai/gpt-5.4", "key", info=ModelInfo(reasoning=True))
RUNTIME = "https://bedrock-runtime.us-east-1.amazonaws.com/openai/v1"
MANTLE = "https://bedrock-mantle.us-east-1.api.aws/v1"
CALL = {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "look", "arguments": "{}"}


def fitted(deployment: Deployment = GPT, **body: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    report = Report()
    native = fitted_native(deployment, NativeRequest("responses", {"input": "hi", **body}), report)
    return dict(native.body), report.lines


def thought(content: str | None, **more: Any) -> dict[str, Any]:
    return {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": content, **more}


@pytest.mark.parametrize(
    ("deployment", "has_it"),
    [
        (GPT, True),
        (replace(GPT, openai_compatible=True, api_base=MANTLE), True),
        (replace(GPT, openai_compatible=True, api_base=RUNTIME), True),
        (replace(GPT, openai_compatible=True, api_base=RUNTIME, model="openai.gpt-oss-120b-1:0"), False),
        (replace(GPT, openai_compatible=True, api_base="http://127.0.0.1:8000/v1"), False),
        (replace(GPT, openai_compatible=True, api_base="https://example.com/bedrock-mantle.us-east-1"), False),
        (replace(GPT, provider="groq"), False),
        (replace(GPT, provider="anthropic"), False),
    ],
)
def test_who_has_it(deployment: Deployment, has_it: bool) -> None:
    assert speaks(deployment, NativeRequest("responses", {"input": "hi"})) is has_it


def test_what_the_model_lacks_is_left_out_and_said() -> None:
    o3 = replace(GPT, model="o3", info=ModelInfo(reasoning=True, max_output_tokens=100))
    assert fitted(o3, temperature=0.5, top_p=0.5, max_output_tokens=200) == (
        {"input": "hi", "max_output_tokens": 100},
        ("max_output_tokens clamped to 100", "temperature dropped", "top_p dropped"),
    )
    plain = replace(GPT, model="gpt-4o", info=ModelInfo(reasoning=False))
    body, lines = fitted(
        plain,
        reasoning={"effort": "low"},
        text={"verbosity": "low", "format": {"type": "text"}},
        include=["message.output_text.logprobs", "reasoning.encrypted_content"],
        input=[thought(marked("x", origin_of(plain)))],
    )
    assert body == {"input": [], "text": {"format": {"type": "text"}}, "include": ["message.output_text.logprobs"]}
    assert lines == (
        *("text.verbosity dropped", "reasoning dropped", "include[1] dropped"),
        "input[0] dropped (not this model's reasoning)",
    )


@pytest.mark.parametrize(
    ("model", "asked", "sent"),
    [
        ("gpt-5.4", "max", "xhigh"),
        ("gpt-5.4", "minimal", "low"),
        ("gpt-5", "none", "minimal"),
        ("gpt-5.1", "xhigh", "high"),
        ("gpt-5.5", "max", "xhigh"),
        ("gpt-5.6-sol", "max", "max"),
        ("gpt-5.1-codex", "xhigh", "high"),
        ("gpt-5.1-codex-max", "xhigh", "xhigh"),
        ("gpt-5.2-codex", "max", "xhigh"),
        ("gpt-5.2-chat-latest", "high", "medium"),
        ("o3", "xhigh", "high"),
        ("o4-mini", "minimal", "low"),
        ("gpt-5.4", "ultra", "ultra"),
        ("gpt-5.4", "high", "high"),
    ],
)
def test_an_effort_that_the_model_lacks_is_sent_as_the_nearest(model: str, asked: str, sent: str) -> None:
    body, lines = fitted(replace(GPT, model=model), reasoning={"effort": asked, "summary": "auto"})
    assert body["reasoning"] == {"effort": sent, "summary": "auto"}
    assert lines == (() if sent == asked else (f"reasoning.effort sent as {sent}",))


def test_other_servers_get_the_effort_as_it_came() -> None:
    mantle = replace(GPT, openai_compatible=True, api_base=MANTLE, model="openai.gpt-5.4")
    asked = {"reasoning": {"effort": "max"}, "temperature": 0.5}
    assert fitted(mantle, **asked) == ({"input": "hi", **asked}, ())


@pytest.mark.parametrize(
    ("model", "asked"), [("gpt-5.4", {"reasoning": {"effort": "low"}}), ("gpt-5.5", {}), ("gpt-5", {"reasoning": None})]
)
def test_sampling_beside_reasoning_is_left_out_and_said(model: str, asked: dict[str, Any]) -> None:
    deployment = replace(GPT, model=model)
    body, lines = fitted(deployment, temperature=0.5, top_p=0.5, **asked)
    assert body == {"input": "hi", **asked}
    assert lines == ("top_p dropped", "temperature dropped")
    assert fitted(deployment, temperature=1, **asked) == ({"input": "hi", "temperature": 1, **asked}, ())


@pytest.mark.parametrize("asked", [{}, {"reasoning": {"effort": "none"}}, {"reasoning": {"summary": "auto"}}])
def test_a_model_that_does_not_reason_keeps_its_sampling(asked: dict[str, Any]) -> None:
    body = {"temperature": 0.5, "top_p": 0.5, "include": ["message.output_text.logprobs"], **asked}
    assert fitted(**body) == ({"input": "hi", **body}, ())


@pytest.mark.parametrize("asked", [{"include": ["message.output_text.logprobs"]}, {"top_logprobs": 2}])
@pytest.mark.parametrize(("model", "effort"), [("gpt-5.4", "low"), ("gpt-5", "low"), ("o3", "low")])
def test_log_probabilities_beside_reasoning_pass_the_model_over(model: str, effort: str, asked: Any) -> None:
    with pytest.raises(UnfitError) as caught:
        fitted(replace(GPT, model=model), reasoning={"effort": effort}, **asked)
    assert caught.value.code == "logprobs"


def test_a_model_without_efforts_is_sent_none() -> None:
    chat = replace(GPT, model="gpt-5-chat-latest")
    assert fitted(chat, reasoning={"effort": "low"}) == ({"input": "hi"}, ("reasoning dropped",))


def test_what_codex_says_of_itself_goes_to_openai_alone() -> None:
    assert fitted(client_metadata={"a": "b"}) == ({"input": "hi", "client_metadata": {"a": "b"}}, ())
    mantle = replace(GPT, openai_compatible=True, api_base=MANTLE)
    assert fitted(mantle, client_metadata={"a": "b"}) == ({"input": "hi"}, ("client_metadata dropped",))


@pytest.mark.parametrize(
    "other",
    [
        replace(GPT, credential="other"),
        replace(GPT, model="gpt-5.4-mini"),
        replace(GPT, api_base=MANTLE, openai_compatible=True),
    ],
)
def test_reasoning_goes_back_to_its_maker_alone(other: Deployment) -> None:
    items = [thought(marked("gAAAA", origin_of(GPT))), CALL]
    assert fitted(input=items) == ({"input": [thought("gAAAA"), CALL]}, ())
    body, lines = fitted(other, input=items)
    nameless = {name: value for name, value in CALL.items() if name != "id"}
    assert body == {"input": [nameless]}
    assert lines == ("input[0] dropped (not this model's reasoning)", "input ids dropped")


def test_reasoning_of_unknown_makers_is_left_to_openai() -> None:
    items = [thought("gAAAA"), thought(None)]
    assert fitted(input=items) == ({"input": items}, ())


def test_ids_that_were_made_here_are_taken_off() -> None:
    items = [
        {"role": "assistant", "id": "msg_gw_1", "content": "hi"},
        {**CALL, "id": "fc_gw_1"},
        thought(None, id="rs_gw_1"),
    ]
    body, lines = fitted(input=items)
    assert [item.get("id") for item in body["input"]] == [None, None]
    assert lines == ("input[2] dropped (not this model's reasoning)",)


@pytest.mark.parametrize("given", ["hi", [{"role": "user", "content": "hi"}]])
def test_the_rest_of_an_answer_is_asked_for_with_what_is_left(given: Any) -> None:
    native = NativeRequest("responses", {"input": given, "max_output_tokens": 100})
    rest = continued(native, "One, ", {"max_completion_tokens": 3}, "Go on.")
    assert rest.body == {
        "input": [
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": "One, "},
            {"role": "user", "content": "Go on."},
        ],
        "max_output_tokens": 16,
    }
    assert native.body["input"] == given
    assert continued(native, " ", {}, "Go on.").body["input"] == given
