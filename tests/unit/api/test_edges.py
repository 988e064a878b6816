"""What clients do at the edges: other people's paths and headers, browsers, probes, unknown URLs, repeats."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import anthropic
import httpx
import jsonschema
import openai
import pytest

from litellm_fallback_router.api import formats
from litellm_fallback_router.api.middleware import READABLE
from litellm_fallback_router.api.wire import answer_headers
from litellm_fallback_router.routing.errors import ProvidersFailedError, UnavailableError
from litellm_fallback_router.routing.ledger import CacheRecord
from litellm_fallback_router.routing.verdicts import Outcome
from tests.unit.api.fakes import CONFIG, FakeRouter, exhausted, gateway

CHAT = "/v1/chat/completions"
QUESTION = {"model": "openai-gpt4o", "messages": [{"role": "user", "content": "hi"}]}
APP = "https://app.example.com"
PREFLIGHT = {"access-control-request-method": "POST", "access-control-request-headers": "authorization,content-type"}
AI_SDK = "ai/6.0.326 ai-sdk/openai/3.0.141 ai-sdk/provider-utils/4.0.66 runtime/node.js/22"


@pytest.mark.parametrize("verb", ["GET", "HEAD"])
def test_a_probe_of_the_root_is_answered(http: httpx.Client, verb: str) -> None:
    assert http.request(verb, "/").status_code == 200


def test_options_names_the_methods_of_a_path(http: httpx.Client) -> None:
    answer = http.options(CHAT)
    assert (answer.status_code, answer.headers["allow"], answer.content) == (204, "POST", b"")
    assert "access-control-allow-origin" not in answer.headers


def test_no_origin_is_allowed_unless_the_operator_names_it(http: httpx.Client) -> None:
    for answer in (
        http.options(CHAT, headers={"origin": APP, **PREFLIGHT}),
        http.post(CHAT, json=QUESTION, headers={"origin": APP}),
    ):
        assert "access-control-allow-origin" not in answer.headers


@pytest.fixture(scope="module")
def from_browsers() -> Iterator[httpx.Client]:
    router = FakeRouter()
    router.config = replace(CONFIG, settings=CONFIG.settings.model_copy(update={"cors_origins": (APP,)}))
    with gateway(router, api_keys=["key"]) as url, httpx.Client(base_url=url, timeout=20) as http:
        yield http


def test_a_named_origin_s_preflight_needs_no_key(from_browsers: httpx.Client) -> None:
    answer = from_browsers.options(CHAT, headers={"origin": APP, **PREFLIGHT})
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == APP
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert "authorization" in answer.headers["access-control-allow-headers"]


def test_another_origin_s_preflight_is_refused(from_browsers: httpx.Client) -> None:
    answer = from_browsers.options(CHAT, headers={"origin": "https://evil.example.com", **PREFLIGHT})
    assert answer.status_code == 400
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(("key", "status"), [("key", 200), ("wrong", 401)])
def test_a_script_reads_who_answered_and_errors_too(from_browsers: httpx.Client, key: str, status: int) -> None:
    answer = from_browsers.post(CHAT, json=QUESTION, headers={"origin": APP, "authorization": f"Bearer {key}"})
    assert answer.status_code == status
    assert answer.headers["access-control-allow-origin"] == APP
    exposed = {name.strip() for name in answer.headers["access-control-expose-headers"].split(",")}
    assert exposed == set(READABLE)
    assert {name for name in answer.headers if name.startswith("x-r")} <= exposed


def test_a_script_may_read_every_header_of_an_answer() -> None:
    deployment = CONFIG.deployments[0]
    hit = CacheRecord("hit", age=1.0)
    headers = answer_headers(
        deployment, attempts=1, fallback=False, mapping="1", cost_usd=0.1, guardrail=Outcome.PASSED, cache=hit
    )

    assert set(headers) <= set(READABLE)


def test_a_model_s_name_beyond_ascii_is_percent_encoded_in_headers(http: httpx.Client, router: FakeRouter) -> None:
    router.responders = (replace(CONFIG.deployments[0], model="Qwen 日本:7b-100%"),)
    answer = http.post(CHAT, json=QUESTION)
    assert answer.json()["model"] == "Qwen 日本:7b-100%"
    assert answer.headers["x-router-model"] == "Qwen %E6%97%A5%E6%9C%AC:7b-100%"


@pytest.mark.parametrize("model", ["openai-gpt4o", "cost-optimized"])
def test_azure_s_client_asks_the_model_in_its_path(http: httpx.Client, router: FakeRouter, model: str) -> None:
    client = openai.AzureOpenAI(
        azure_endpoint=str(http.base_url), api_key="key", api_version="2024-10-21", max_retries=0
    )
    with client:
        answer = client.with_options(timeout=20).chat.completions.create(
            model=model, messages=[{"role": "user", "content": "hi"}]
        )
    assert answer.choices[0].message.content == "Paris."
    assert router.asked[0].model == model


def test_the_model_in_azure_s_path_wins_and_needs_no_other(http: httpx.Client, router: FakeRouter) -> None:
    path = "/openai/deployments/openai%2Dgpt4o/chat/completions?api-version=2024-10-21"
    for body in ({**QUESTION, "model": "nothing"}, {"messages": QUESTION["messages"]}):
        assert http.post(path, json=body, headers={"api-key": "x"}).status_code == 200
    assert [asked.model for asked in router.asked] == ["openai-gpt4o"] * 2


def test_azure_s_versioned_path_is_openai_s(http: httpx.Client) -> None:
    assert http.post("/openai/v1/chat/completions", json=QUESTION).status_code == 200
    assert http.get("/openai/v1/models").json()["object"] == "list"


@pytest.mark.parametrize("path", ["/openai/deployments/x", "/openai/x"])
def test_other_paths_of_azure_s_are_unknown(http: httpx.Client, path: str) -> None:
    assert http.post(path, json=QUESTION).json()["error"]["code"] == "unknown_url"


def test_an_unknown_url_is_told_what_there_is(http: httpx.Client) -> None:
    message = http.post("/v1/completions", json={}).json()["error"]["message"]
    paths = http.get("/openapi.json").json()["paths"]
    there = [f"{verb.upper()} {path}" for path, operations in paths.items() for verb in operations]
    assert message.startswith("Unknown request URL: POST /v1/completions. There are: ")
    assert set(message.split(": ", 2)[2].removesuffix("; see /docs.").split(", ")) == set(there)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_an_exhausted_chain_is_not_repeated_by_vercel_s_ai_sdk(
    *, http: httpx.Client, router: FakeRouter, stream: bool
) -> None:
    router.failure = exhausted(ProvidersFailedError, "every candidate failed")
    answer = http.post(CHAT, json=QUESTION | {"stream": stream}, headers={"user-agent": AI_SDK})
    assert (answer.status_code, answer.headers["x-router-status"]) == (424, "502"), "it repeats by status alone"
    assert answer.headers["x-should-retry"] == "false"
    assert answer.json()["error"]["message"] == "every candidate failed"


def test_what_may_be_repeated_keeps_its_status_for_vercel_s_ai_sdk(http: httpx.Client, router: FakeRouter) -> None:
    router.failure = UnavailableError("nobody can be asked now", retry_after=2.0)
    answer = http.post(CHAT, json=QUESTION, headers={"user-agent": AI_SDK})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2"), "it waits so many seconds"


@pytest.mark.parametrize("agent", ["OpenAI/Python 2.1.0", "my-ai/1.0", "curl/8", ""])
def test_other_clients_get_the_status_as_it_is(http: httpx.Client, router: FakeRouter, agent: str) -> None:
    router.failure = exhausted(ProvidersFailedError, "every candidate failed")
    answer = http.post(CHAT, json=QUESTION, headers={"user-agent": agent})
    assert answer.status_code == 502
    assert "x-router-status" not in answer.headers


def test_every_answer_s_schema_says_something_and_holds_for_its_example(http: httpx.Client) -> None:
    document = http.get("/openapi.json").json()
    for path, operations in document["paths"].items():
        for verb, operation in operations.items():
            for status, response in operation["responses"].items():
                for kind in response.get("content", {}).values():
                    assert kind["schema"], f"{verb} {path} {status}"
    for form in formats.FORMATS:
        jsonschema.validate(form.example_answer, form.answer_schema[1])
    assert "404" in document["paths"]["/v1/models/{model_id}"]["get"]["responses"]


@pytest.mark.parametrize("path", [CHAT, "/ask", "/v1/models", "/v1/models/openai-gpt4o", "/health"])
def test_an_answer_is_as_its_schema_says(http: httpx.Client, path: str) -> None:
    document = http.get("/openapi.json").json()
    operation = document["paths"]["/v1/models/{model_id}" if path.startswith("/v1/models/") else path]
    if "post" in operation:
        body = {"question": "hi"} if path == "/ask" else QUESTION
        answer, said = http.post(path, json=body), operation["post"]
    else:
        answer, said = http.get(path), operation["get"]
    schema = said["responses"]["200"]["content"]["application/json"]["schema"]
    jsonschema.validate(answer.json(), {**schema, "components": document["components"]})


def test_anthropic_s_client_lists_the_models_too(http: httpx.Client) -> None:
    with anthropic.Anthropic(base_url=str(http.base_url), api_key="key", max_retries=0, timeout=20) as client:
        listed = list(client.models.list())
        one = client.models.retrieve("openai-gpt4o")
    assert [model.id for model in listed] == list(CONFIG.chains)
    assert (one.id, one.type, one.display_name, one.lifecycle) == ("openai-gpt4o", "model", "openai-gpt4o", "active")
    assert one.created_at.tzinfo is not None
