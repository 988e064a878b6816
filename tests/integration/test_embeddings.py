"""OpenAI's client asks for embeddings through the real gateway, of each provider that has them."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI

from local.simulator import Fault, SimulatorControl
from tests.support.commands import run
from tests.support.gateway import Gateway, gateway_process

SMALL, TITAN, COHERE = "text-embedding-3-small", "amazon.titan-embed-text-v2:0", "us.cohere.embed-v4:0"
TEXTS = ["The capital of France is Paris.", "The capital of Italy is Rome.", "Grüße aus 東京"]
LENGTHS = {"openai": 1536, "compatible": 1536, "titan": 512, "cohere": 1536}


def mapping(simulator: SimulatorControl) -> dict[str, Any]:
    west = {"model": f"bedrock/{TITAN}", "region": "us-west-2", "dimensions": 512}
    local = {"model": f"openai/{SMALL}", "api_base": f"{simulator.url}/openai/v1", "api_key": "sim-openai-key"}
    return {
        "model_list": [
            {"model_name": "chat", "params": {"model": "openai/gpt-4o"}},
            {"model_name": "openai", "params": {"model": f"openai/{SMALL}"}},
            {"model_name": "compatible", "params": local},
            {"model_name": "titan", "params": {**west, "region": "us-east-1"}},
            {"model_name": "titan-west", "params": west},
            {"model_name": "cohere", "params": {"model": f"bedrock/{COHERE}", "region": "us-east-1"}},
            {"model_name": "hasty", "params": {"model": f"openai/{SMALL}", "answer_timeout": 0.3}},
            {"model_name": "ada", "params": {"model": "openai/text-embedding-ada-002"}},
        ],
        "fallbacks": {"titan": ["titan-west"], "openai": ["compatible"], "hasty": ["compatible"]},
        "settings": {
            "tries_per_deployment": 1,
            "tries_on_last": 1,
            "circuit_failures": 100,
            "credential_block_seconds": 0,
        },
    }


@pytest.fixture(scope="module")
def gateway(simulator: SimulatorControl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("embeddings")
    with gateway_process(folder, mapping(simulator), simulator_url=simulator.url) as running:
        yield running


def vectors(client: OpenAI, model: str, given: Any = TEXTS, **more: Any) -> list[list[float]]:
    answer = client.embeddings.create(model=model, input=given, **more)
    assert [one.index for one in answer.data] == list(range(len(answer.data)))
    return [one.embedding for one in answer.data]


@pytest.mark.parametrize("model", LENGTHS)
def test_texts_are_embedded_in_order_and_at_their_price(client: OpenAI, model: str) -> None:
    raw = client.embeddings.with_raw_response.create(model=model, input=TEXTS)
    answer = raw.parse()
    assert [len(one.embedding) for one in answer.data] == [LENGTHS[model]] * 3
    assert [one.embedding for one in answer.data] == [vectors(client, model, text)[0] for text in TEXTS]
    assert answer.usage.prompt_tokens == answer.usage.total_tokens > 0
    assert float(raw.headers["x-router-cost-usd"]) > 0
    assert (raw.headers["x-router-attempts"], raw.headers["x-router-fallback"]) == ("1", "false")
    assert raw.headers["x-router-model"] == answer.model


@pytest.mark.parametrize("model", LENGTHS)
def test_numbers_and_packed_numbers_are_the_same(client: OpenAI, gateway: Gateway, model: str) -> None:
    asked = {"model": model, "input": TEXTS[2]}
    bodies = [
        httpx.post(f"{gateway.url}/v1/embeddings", json={**asked, **more}, timeout=30).json()
        for more in ({}, {"encoding_format": "float"}, {"encoding_format": "base64"})
    ]
    plain, numbers, packed = (body["data"][0]["embedding"] for body in bodies)
    assert plain == numbers
    unpacked = struct.unpack(f"<{LENGTHS[model]}f", base64.b64decode(packed))
    assert list(unpacked) == pytest.approx(numbers, abs=1e-7)


@pytest.mark.parametrize("given", [[1, 2, 3], [[1, 2, 3], [4]]], ids=["tokens", "several"])
def test_tokens_reach_models_that_read_them_and_no_others(
    client: OpenAI, simulator: SimulatorControl, given: Any
) -> None:
    assert len(vectors(client, "openai", given)) == (2 if isinstance(given[0], list) else 1)
    assert simulator.requests()[-1].body["input"] == given
    with pytest.raises(openai.BadRequestError, match=r"cannot be sent input \(tokens\)"):
        vectors(client, "titan", given)


def test_dimensions_are_the_callers_else_the_mappings(client: OpenAI, simulator: SimulatorControl) -> None:
    assert len(vectors(client, "openai", dimensions=256)[0]) == 256
    assert len(vectors(client, "titan", dimensions=1024)[0]) == 1024
    assert len(vectors(client, "cohere", dimensions=256)[0]) == 256
    for model, words in (("titan", "no vectors of 300 dimensions"), ("ada", "no vectors of 300 dimensions")):
        with pytest.raises(openai.BadRequestError, match=words) as refused:
            vectors(client, model, dimensions=300)
        assert refused.value.param == "dimensions"
    with pytest.raises(openai.BadRequestError, match="at most 1536 dimensions"):
        vectors(client, "openai", dimensions=2000)
    assert len(vectors(client, "ada", dimensions=1536)[0]) == 1536
    assert "dimensions" not in simulator.requests()[-1].body


def test_many_texts_are_as_many_requests_as_the_provider_needs(client: OpenAI, simulator: SimulatorControl) -> None:
    texts = [f"text {number}" for number in range(100)]
    found = vectors(client, "titan", texts)
    assert len({tuple(vector) for vector in found}) == 100
    assert found[41] == vectors(client, "titan", texts[41])[0]
    simulator.clear_requests()
    assert vectors(client, "cohere", texts)[99] == vectors(client, "cohere", texts[99])[0]
    assert [len(record.body["texts"]) for record in simulator.requests()] == [96, 4, 1]


def test_what_a_text_is_for_is_told_to_cohere_and_to_nobody_else(client: OpenAI, simulator: SimulatorControl) -> None:
    document = vectors(client, "cohere", TEXTS[0])
    question = vectors(client, "cohere", TEXTS[0], extra_body={"input_type": "search_query"})
    assert document != question
    explained: Any = client.embeddings.create(
        model="openai", input=TEXTS[0], extra_body={"input_type": "search_query", "router": {"explain": True}}
    )
    assert explained.router["attempts"][0]["adjusted"] == ["input_type dropped"]
    assert "input_type" not in simulator.requests()[-1].body


@pytest.mark.parametrize(
    "fault",
    [
        Fault(kind="status", status=500),
        Fault(kind="wrong_key"),
        Fault(kind="reset"),
        Fault(kind="garbled_headers"),
        Fault(kind="cut"),
        Fault(kind="malformed"),
        Fault(kind="html"),
        Fault(kind="error_object"),
        Fault(kind="empty"),
        Fault(kind="status", status=429, retry_after="60"),
    ],
    ids=["500", "wrong key", "reset", "garbled", "cut", "malformed", "html", "error object", "empty", "429"],
)
def test_a_fallback_gives_the_same_vectors(client: OpenAI, simulator: SimulatorControl, fault: Fault) -> None:
    expected = vectors(client, "compatible")
    simulator.inject(fault, times=1)
    raw = client.embeddings.with_raw_response.create(model="openai", input=TEXTS)
    assert [one.embedding for one in raw.parse().data] == expected
    assert [record.fault for record in simulator.requests()] == [None, fault.kind, None]
    assert (raw.headers["x-router-fallback"], raw.headers["x-router-attempts"]) == ("true", "2")


def test_a_deployment_that_gives_nothing_in_its_time_is_not_waited_for(
    client: OpenAI, simulator: SimulatorControl
) -> None:
    simulator.inject(Fault(kind="silence"), times=1)
    raw = client.embeddings.with_raw_response.create(
        model="hasty", input=TEXTS, extra_body={"router": {"explain": True}}
    )
    failed, answered = json.loads(raw.text)["router"]["attempts"]
    assert (failed["outcome"], answered["deployment"]) == ("timeout", "compatible")


@pytest.mark.parametrize(
    ("model", "adjusted", "sent"),
    [
        ("openai", ["input_type dropped"], {"dimensions": 256, "user": "zoe"}),
        ("compatible", ["input_type dropped"], {"dimensions": 256, "user": "zoe"}),
        ("titan", ["input_type dropped", "user dropped"], {"dimensions": 256}),
        ("cohere", ["user dropped"], {"output_dimension": 256, "input_type": "clustering", "truncate": "NONE"}),
    ],
)
def test_every_field_is_sent_or_said_to_be_dropped(
    client: OpenAI, simulator: SimulatorControl, model: str, adjusted: list[str], sent: dict[str, Any]
) -> None:
    more = {"input_type": "clustering", "router": {"explain": True}}
    told: Any = client.embeddings.create(model=model, input="a", dimensions=256, user="zoe", extra_body=more)
    assert told.router["attempts"][0]["adjusted"] == adjusted
    body = simulator.requests()[-1].body
    ours = {"model", "input", "inputText", "texts", "encoding_format"}
    assert {name: value for name, value in body.items() if name not in ours} == sent


def test_one_text_that_fails_fails_the_attempt(client: OpenAI, simulator: SimulatorControl) -> None:
    expected = vectors(client, "titan-west", [f"text {number}" for number in range(20)])
    simulator.inject(Fault(kind="status", status=503), region="us-east-1", skip=7, times=1)
    assert vectors(client, "titan", [f"text {number}" for number in range(20)]) == expected
    regions = [record.region for record in simulator.requests()]
    assert regions.count("us-west-2") == 40


def test_what_was_answered_of_a_failed_attempt_is_in_its_ledger(client: OpenAI, simulator: SimulatorControl) -> None:
    text = "The capital of France is Paris."
    alone = client.embeddings.create(model="titan", input=text).usage.prompt_tokens
    # Eight at a time: when the sixteenth is sent, eight have been answered.
    simulator.inject(Fault(kind="status", status=503), region="us-east-1", skip=15, times=1)
    raw = client.embeddings.with_raw_response.create(
        model="titan", input=[text] * 20, extra_body={"router": {"explain": True}}
    )
    told: Any = raw.http_response.json()["router"]
    failed, answered = told["attempts"]
    assert (failed["outcome"], failed["wasted"]) == ("unavailable", True)
    assert 8 * alone <= failed["usage"]["prompt_tokens"] <= 19 * alone
    assert failed["cost_usd"] == pytest.approx(
        answered["cost_usd"] * failed["usage"]["prompt_tokens"] / (20 * alone), abs=1e-9
    )
    assert told["wasted_usd"] == failed["cost_usd"]
    assert float(raw.headers["x-router-cost-usd"]) == pytest.approx(failed["cost_usd"] + answered["cost_usd"], abs=1e-8)


def test_an_exhausted_chain_says_what_was_attempted(client: OpenAI, simulator: SimulatorControl) -> None:
    simulator.inject(Fault(kind="status", status=500), model=COHERE)
    with pytest.raises(openai.APIStatusError) as failed:
        vectors(client, "cohere")
    body: Any = failed.value.response.json()
    assert [attempt["deployment"] for attempt in body["router"]["attempts"]] == ["cohere"]
    assert failed.value.response.headers["x-should-retry"] == "false"


def test_chats_and_embeddings_are_not_asked_of_each_other(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="'chat' answers chats and embeds no texts") as wrong:
        vectors(client, "chat")
    assert wrong.value.param == "model"
    messages: Any = [{"role": "user", "content": "Hello"}]
    with pytest.raises(openai.BadRequestError, match="'titan' embeds texts and answers no chats: ask it at POST"):
        client.chat.completions.create(model="titan", messages=messages)
    with pytest.raises(openai.BadRequestError, match="embeds texts and answers no chats"):
        client.responses.create(model="titan", input="Hello")


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no input": ({"input": ...}, "input"),
    "no model": ({"model": ...}, "model"),
    "an empty text": ({"input": ""}, "input"),
    "an empty array": ({"input": []}, "input"),
    "an empty text among others": ({"input": ["a", ""]}, "input[1]"),
    "a mixture": ({"input": ["a", 1]}, "input[1]"),
    "tokens that are none": ({"input": [[1, -1]]}, "input[0]"),
    "too many texts": ({"input": ["a"] * 2049}, "input"),
    "no dimensions": ({"dimensions": 0}, "dimensions"),
    "another encoding": ({"encoding_format": "hex"}, "encoding_format"),
    "an operator's field": ({"api_base": "http://x"}, "api_base"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_mistake_is_told_with_its_field(gateway: Gateway, simulator: SimulatorControl, case: str) -> None:
    changed, param = REFUSED[case]
    body = {name: value for name, value in {"model": "openai", "input": "a", **changed}.items() if value is not ...}
    simulator.reset()
    refused = httpx.post(f"{gateway.url}/v1/embeddings", json=body, timeout=30)
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, param), refused.text
    assert simulator.requests() == []


def test_as_many_tokens_as_openai_takes_are_read(gateway: Gateway, simulator: SimulatorControl) -> None:
    simulator.reset()
    given = [list(range(1000)) for _ in range(290)]
    with gateway.client() as client:
        assert len(vectors(client, "openai", given)) == 290


def test_azures_client_asks_at_its_own_path(gateway: Gateway, simulator: SimulatorControl) -> None:
    simulator.reset()
    with openai.AzureOpenAI(azure_endpoint=gateway.url, api_key="none", api_version="2024-10-21") as azure:
        assert len(vectors(azure, "titan")) == 3


def test_the_doctor_and_the_plan_know_models_that_embed_texts(
    simulator: SimulatorControl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "mapping.json"
    config.write_text(json.dumps(mapping(simulator)))
    monkeypatch.setenv("ROUTER_SIMULATOR_URL", simulator.url)
    simulator.reset()
    assert run(monkeypatch, "doctor", "--config", str(config), "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert {one["status"] for one in report["deployments"]} == {"ok"}
    assert run(monkeypatch, "chains", "--config", str(config), "--explain", "titan", "--json") == 0
    plan = json.loads(capsys.readouterr().out)
    assert [one["deployment"] for one in plan["candidates"]] == ["titan", "titan-west"]


def test_models_that_embed_texts_are_not_evaluated_as_chats(
    simulator: SimulatorControl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "mapping.json"
    config.write_text(json.dumps(mapping(simulator)))
    dataset = tmp_path / "prompts.jsonl"
    dataset.write_text('{"prompt": "Hello"}\n')
    monkeypatch.setenv("ROUTER_SIMULATOR_URL", simulator.url)
    monkeypatch.setenv("ROUTER_CONFIG", str(config))
    given = ("--dataset", str(dataset), "--out", str(tmp_path / "out"))
    assert run(monkeypatch, "evaluate", "run", "--models", "titan", *given) == 2
    assert "'titan' embeds texts and answers no chats; name some of: chat" in capsys.readouterr().err


def test_a_text_that_is_too_long_names_the_callers_own_field(gateway: Gateway) -> None:
    body = {"model": "openai", "input": list(range(9000))}
    answer = httpx.post(f"{gateway.url}/v1/embeddings", json=body, timeout=60)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, "context_length_exceeded", "input")
