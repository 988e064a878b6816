"""The parts of an evaluation that need no model: dataset, scores, budget, standings, proposal, picture."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fallback_router_evaluation.answers import Answer, read_answers, record
from fallback_router_evaluation.budget import Budget, most_expensive
from fallback_router_evaluation.dataset import read_dataset
from fallback_router_evaluation.folder import LocalFolder
from fallback_router_evaluation.manifest import Manifest, Model
from fallback_router_evaluation.picture import draw
from fallback_router_evaluation.proposal import propose
from fallback_router_evaluation.scores import (
    Scored,
    exact_match,
    goodness,
    judged_scores,
    local_scores,
    similarity,
)
from fallback_router_evaluation.standings import Standing, standings
from litellm_fallback_router.adapters.price_map import describe
from litellm_fallback_router.mapping import ROUTER_STYLE_MAPPING
from litellm_fallback_router.routing.errors import ConfigurationError
from litellm_fallback_router.routing.mapping import load_config
from litellm_fallback_router.routing.observe.samples import as_prompt, identifier, response_line
from litellm_fallback_router.routing.types import Deployment, ModelInfo

PRICED = ModelInfo(input_usd_per_token=1e-6, output_usd_per_token=1e-5)


def place(name: str, quality: float | None, usd: float | None = 1.0, p50: float | None = 1.0) -> Standing:
    model = Model(name, name, name, f"openai:{name}")
    return Standing(model, 40, 40, 0, quality, {}, 40, usd, p50, p50)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{", "not JSON"),
        ("[]", "must be an object, got a list"),
        ('{"promt": "x"}', "promt: unknown field, did you mean 'prompt'?"),
        ('{"referenceResponse": "x"}', "prompt: missing"),
        ('{"prompt": " "}', "prompt: must not be empty"),
        ('{"prompt": 7}', "prompt: must be a string, got a number"),
        ('{"prompt": "x", "category": ""}', "category: must not be empty; leave it out"),
        ('{"prompt": "\\ud800"}', "prompt: holds half a character"),
        ('{"prompt": "first"}', "the same prompt as in line 1"),
    ],
)
def test_dataset_names_the_line_and_what_is_wrong_with_it(line: str, problem: str) -> None:
    with pytest.raises(ConfigurationError) as wrong:
        read_dataset(f'{{"prompt": "first"}}\n\n{line}\n', "d.jsonl")

    assert f"d.jsonl, line 3: {problem}" in str(wrong.value)


def test_every_wrong_line_is_told_at_once_but_not_hundreds() -> None:
    with pytest.raises(ConfigurationError) as wrong:
        read_dataset("x\n" * 500, "d.jsonl")

    assert "line 20:" in str(wrong.value)
    assert "480 more lines are wrong" in str(wrong.value)


def test_empty_dataset_is_told_what_to_write() -> None:
    with pytest.raises(ConfigurationError, match="one JSON object a line"):
        read_dataset("\n", "d.jsonl")


def test_dataset_may_hold_line_separators_in_its_strings_and_end_its_lines_as_any_system_does() -> None:
    text = '{"prompt": "a\u2028b\x85c"}\r\n{"prompt": "d\u2029"}\r{"prompt": "e"}\n'

    assert [prompt.text for prompt in read_dataset(text, "d")] == ["a\u2028b\x85c", "d\u2029", "e"]


def test_same_prompt_with_another_system_prompt_is_another_question() -> None:
    prompts = read_dataset('{"prompt": "x"}\n{"prompt": "x", "system": "s"}\n', "d")

    assert len({prompt.id(10) for prompt in prompts} | {prompts[0].id(20)}) == 3


@given(st.text(max_size=300))
def test_identifier_is_always_one_that_bedrock_takes(name: str) -> None:
    found = identifier(name)

    assert 1 <= len(found) <= 256
    assert found[0].isascii()
    assert found[0].isalnum()
    assert all(c.isascii() and (c.isalnum() or c in "._-") for c in found)


def test_conversation_becomes_one_prompt() -> None:
    picture: dict[str, Any] = {"type": "image_url", "image_url": {"url": "data:,"}}
    said = [{"type": "text", "text": "a"}, picture, {"type": "text", "text": "b"}]

    assert as_prompt([{"role": "user", "content": said}]) == "a\nb"
    assert (
        as_prompt([{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}])
        == "user: q\n\nassistant: a"
    )


@pytest.mark.parametrize(
    ("answer", "reference", "similar", "exact"),
    [
        ("Paris.", "paris", 1.0, 1.0),
        ("It is Paris", "Paris", 0.5, 0.0),
        ("Rome", "Paris", 0.0, 0.0),
        ("", "Paris", 0.0, 0.0),
        ("!", "?", 1.0, 1.0),
        ("a a b", "a b b", 2 / 3, 0.0),
    ],
)
def test_answers_are_compared_word_by_word(answer: str, reference: str, similar: float, exact: float) -> None:
    assert similarity(answer, reference) == pytest.approx(similar)
    assert exact_match(answer, reference) == exact


def test_lines_without_a_reference_have_no_local_score() -> None:
    lines = [response_line("q", "a", "m"), response_line("q", "a", "m", reference="a")]

    assert [one.model for one in local_scores(lines, "file")] == ["m"]


def test_judges_scores_without_a_number_are_left_out() -> None:
    def line(*scores: tuple[str, Any]) -> str:
        listed = [{"metricName": name, "result": result} for name, result in scores]
        said = [{"response": "a", "modelIdentifier": "m"}]
        return json.dumps({"automatedEvaluationResult": {"scores": listed}, "inputRecord": {}, "modelResponses": said})

    found = list(judged_scores([line(("Builtin.Correctness", 0.5), ("Builtin.Refusal", None)), line(), "{}"], "m"))

    assert found == [Scored("m", {"Builtin.Correctness": 0.5})]


def test_harm_counts_against_quality() -> None:
    assert goodness({"Builtin.Correctness": 1.0, "Builtin.Harmfulness": 0.0}) == 1.0
    assert goodness({"Builtin.Correctness": 1.0, "Builtin.Harmfulness": 1.0}) == 0.5


async def test_budget_lets_a_question_wait_while_another_may_turn_out_cheap() -> None:
    budget = Budget(1.0, spent=0.2)
    assert await budget.reserve(0.6)
    waiting = asyncio.create_task(budget.reserve(0.6))
    await asyncio.sleep(0)
    assert not waiting.done()

    await budget.settle(0.6, 0.1)

    assert await waiting
    await budget.settle(0.6, None)
    assert budget.spent == pytest.approx(0.9), "an unknown cost is the dearest"
    assert not await budget.reserve(0.2)


def test_dearest_answer_is_never_less_than_the_real_one() -> None:
    deployment = Deployment("m", "m", "openai", "m", "openai/m", "key", info=PRICED)
    messages = [{"role": "user", "content": "漢字" * 10}]

    most = most_expensive(deployment, messages, max_tokens=100)

    assert most == pytest.approx((60 + 20) * 1e-6 + 100 * 1e-5)
    assert most_expensive(Deployment("m", "m", "x", "m", "x/m", "key"), messages, 100) is None
    cached = replace(deployment, info=replace(PRICED, cached_usd_per_token=2e-6))
    assert most_expensive(cached, messages, 100) == pytest.approx((60 + 20) * 2e-6 + 100 * 1e-5)


def answer(prompt_id: str, seconds: float, *, response: str | None = "yes", cost: float | None = 0.001) -> Answer:
    return Answer(prompt_id, response, "" if response else "503", seconds, 1, 1, cost)


def test_standing_counts_a_failure_as_quality_zero_and_not_as_latency(tmp_path: Path) -> None:
    folder, model = LocalFolder(tmp_path), Model("m", "m", "m", "openai:m")
    for number in range(3):
        record(folder, "m", answer(str(number), seconds=number + 1.0))
    record(folder, "m", answer("3", 60.0, response=None))
    scored = [Scored("m", {"similarity": 0.8})] * 3

    (found,) = standings(folder, Manifest(10, ("0", "1", "2", "3", "4"), (model,)), scored)

    assert found.quality == pytest.approx(0.6)
    assert (found.p50_seconds, found.p95_seconds) == (2.0, 3.0)
    assert found.usd_per_1000 == pytest.approx(1.0)
    assert (found.answered, found.failed, found.complete) == (3, 1, False)


def test_log_keeps_an_answer_against_a_later_failure_and_adds_all_costs(tmp_path: Path) -> None:
    folder = LocalFolder(tmp_path)
    for one in (answer("a", 1, response=None), answer("a", 1), answer("a", 1, response=None)):
        record(folder, "m", one)

    found = read_answers(folder, "m")

    assert found.latest["a"].response == "yes"
    assert found.spent_usd == pytest.approx(0.003)
    assert found.missing(["a", "b"]) == ["b"]


def test_strategies_keep_their_members_in_the_order_of_their_goal() -> None:
    places = [
        place("anthropic-claude-sonnet", 0.9, usd=6.0, p50=3.0),
        place("bedrock-claude-haiku", 0.85, usd=1.0, p50=2.0),
        place("openai-gpt4o-mini", 0.5, usd=0.1, p50=0.5),
    ]

    proposal = propose(ROUTER_STYLE_MAPPING, places)
    config = load_config(proposal.mapping, describe)

    assert config.chains["cost-optimized"] == ("bedrock-claude-haiku", "anthropic-claude-sonnet", "openai-gpt4o-mini")
    assert config.chains["performance-optimized"] == ("openai-gpt4o-mini", "bedrock-claude-sonnet")
    assert config.chains["evaluated-latency"][0] == "bedrock-claude-haiku", "quick enough and good enough"
    assert config.chains["multi-region-bedrock"] == tuple(ROUTER_STYLE_MAPPING["strategies"]["multi-region-bedrock"])
    assert proposal.left_out == ()


def test_proposal_repeats_no_literal_secret() -> None:
    params = {"model": "gpt-4o", "api_key": "sk-literal", "first_token_timeout": 5, "extra_headers": {"x": "secret"}}
    mapping = {"model_list": [{"model_name": "m", "litellm_provider": "openai", "params": params}]}

    proposal = propose(mapping, [place("m", 0.5)])
    text = proposal.to_yaml("why")

    assert proposal.left_out == ("model_list[0].params.api_key", "model_list[0].params.extra_headers")
    assert "sk-literal" not in text
    assert "first_token_timeout: 5" in text
    assert params["api_key"] == "sk-literal", "the mapping itself is left alone"


def test_proposal_for_litellms_config_is_a_mapping_of_ours() -> None:
    item = {"model_name": "m", "litellm_params": {"model": "openai/gpt-4o", "api_key": "os.environ/OPENAI_API_KEY"}}

    proposal = propose({"model_list": [item]}, [place("m", 0.5)])

    assert load_config(proposal.mapping, describe).chains["evaluated-quality"] == ("m",)


@pytest.mark.parametrize(
    "places",
    [
        [place("only", 0.5)],
        [place("free", 0.5, usd=0.0), place("unknown", 0.4, usd=None, p50=None), place("unscored", None)],
        [place(f"model-{n}", 0.9, usd=1.0, p50=1.0) for n in range(12)],
        [place(f"model-{n}", n / 40, usd=10.0**n, p50=0.001 * 3**n) for n in range(6)],
    ],
    ids=["one", "unknown", "same", "far-apart"],
)
def test_picture_is_drawn_whatever_the_numbers(places: list[Standing]) -> None:
    assert draw(places, title="t", quality="q").startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "values",
    [
        [(0.018, 0.0100), (0.080, 0.0126)],
        [(1.0, 1.0), (1.0, 1.0)],
        [(0.5, 2.0), (0.5000001, 2.0000001)],
        [(0.0, 0.2), (3.0, 30.0)],
        [(1.5, 4.0), (9.0, 7.0)],
    ],
    ids=["simulator", "same", "nearly-the-same", "free", "usual"],
)
def test_numbers_on_an_axis_differ_and_cover_no_other(
    values: list[tuple[float, float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Any] = []
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda figure, *_, **__: drawn.append(figure))
    draw([place(f"model-{n}", 0.5 + n / 9, usd, p50) for n, (usd, p50) in enumerate(values)], title="t", quality="q")

    (figure,) = drawn
    figure.draw_without_rendering()
    for axes in figure.axes:
        low, high = axes.get_xlim()
        shown = [one for one in axes.xaxis.get_major_ticks() if low <= one.get_loc() <= high]
        texts = [one.label1.get_text() for one in shown]
        boxes = [one.label1.get_window_extent() for one in shown]
        assert len(texts) == len(set(texts)) >= 2
        assert all(left.x1 < right.x0 for left, right in pairwise(boxes))
