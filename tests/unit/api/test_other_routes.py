"""`/ask`, the small routes, request ids, timeouts, and errors of HTTP itself."""

from __future__ import annotations

import logging
import math

import httpx
import pytest

from litellm_fallback_router.api import docs
from litellm_fallback_router.routing.errors import ProvidersFailedError
from tests.unit.api.fakes import CLAUDE, FELL_BACK, FakeRouter, exhausted, gateway

CHAT = "/v1/chat/completions"
QUESTION = {"model": "openai-gpt4o", "messages": [{"role": "user", "content": "hi"}]}


def test_ask_answers_and_says_who_did(http: httpx.Client, router: FakeRouter) -> None:
    router.responders, router.ledger = (CLAUDE,), FELL_BACK
    answer = http.post(
        "/ask",
        json={
            "question": "What is the capital of France?",
            "system_prompt": "Be brief.",
            "primary_model": "cost-optimized",
            "temperature": 0.5,
            "max_tokens": 9,
            "timeout": 12,
            "router": {"fallback": False},
        },
    )
    told = answer.json()
    assert told["provider"] == "anthropic:claude-sonnet-4-6"
    assert told["model"] == "claude-sonnet-4-6"
    assert told["response"] == "Paris."
    assert told["usage"]["total_tokens"] == 14
    assert told["cost_usd"] == 0.00025
    assert [attempt["outcome"] for attempt in told["attempts"]] == ["unavailable", "answered"]
    assert told["request_id"] == answer.headers["x-request-id"]
    assert answer.headers["x-router-fallback"] == "true"
    (asked,) = router.asked
    assert asked.model == "cost-optimized"
    assert [message["role"] for message in asked.messages] == ["system", "user"]
    assert asked.params == {"temperature": 0.5, "max_tokens": 9}
    assert asked.timeout == 12
    assert not asked.constraints.fallback


def test_ask_needs_no_more_than_a_question(http: httpx.Client, router: FakeRouter) -> None:
    assert http.post("/ask", json={"question": "hi"}).status_code == 200
    assert router.asked[0].model == "openai-gpt4o"
    assert router.asked[0].params == {}


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "question"),
        ({"question": ""}, "question"),
        ({"question": 1}, "question"),
        ({"question": "x", "api_key": "k"}, "api_key"),
        ({"question": "x", "stream": True}, "stream"),
        ({"question": "x", "timeout": 0}, "timeout"),
        ({"question": "x", "temperature": 3}, "temperature"),
        ({"question": "x", "max_tokens": 0}, "max_tokens"),
    ],
)
def test_ask_names_the_field_that_is_wrong(http: httpx.Client, body: dict[str, object], param: str) -> None:
    answer = http.post("/ask", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param


def test_ask_that_nobody_could_answer_lists_the_attempts(http: httpx.Client, router: FakeRouter) -> None:
    router.failure = exhausted(ProvidersFailedError, "every candidate failed")
    answer = http.post("/ask", json={"question": "hi"})
    assert answer.status_code == 502
    assert answer.headers["x-should-retry"] == "false"
    assert answer.json()["router"]["attempts"][0]["deployment"] == "openai-gpt4o"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"x-router-timeout-ms": "1500"}, 1.5),
        ({"x-router-timeout-ms": "1500", "x-stainless-read-timeout": "600"}, 1.5),
        ({"x-stainless-read-timeout": "600"}, 599.5),
        ({"x-stainless-read-timeout": "1.0"}, 0.9),
        ({"x-stainless-timeout": "60"}, 59.5),
        ({"x-stainless-read-timeout": "None"}, None),
        ({"x-stainless-read-timeout": "-1"}, None),
        ({"x-stainless-read-timeout": "nan"}, None),
        ({"x-stainless-read-timeout": "inf"}, None),
        ({"x-stainless-read-timeout": "Timeout(5)"}, None),
        ({"x-stainless-read-timeout": "1_0"}, None),
        ({"x-stainless-read-timeout": "+10"}, None),
    ],
)
def test_caller_s_patience_is_read_from_its_headers(
    http: httpx.Client, router: FakeRouter, headers: dict[str, str], seconds: float | None
) -> None:
    assert http.post(CHAT, json=QUESTION, headers=headers).status_code == 200
    timeout = router.asked[0].timeout
    assert timeout is None if seconds is None else timeout is not None and math.isclose(timeout, seconds)


@pytest.mark.parametrize(
    "garbage",
    [
        "",
        "soon",
        "0",
        "-5",
        "nan",
        "inf",
        "1e999",
        "1_0",
        "+5",
        "0x10",
        "1e3",
        ".5",
        "5.",
        "1 0",
        "5\u00b2",
        "\u00b2",
        "9" * 400,
    ],
)
def test_unusable_timeout_header_is_a_400_that_names_it(http: httpx.Client, garbage: str) -> None:
    answer = http.post(CHAT, json=QUESTION, headers={b"x-router-timeout-ms": garbage.encode("latin-1")})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "x-router-timeout-ms"


def test_request_id_of_the_caller_is_kept(http: httpx.Client, router: FakeRouter) -> None:
    answer = http.post(CHAT, json=QUESTION, headers={"x-request-id": "abc-123_4.5"})
    assert answer.headers.get_list("x-request-id") == ["abc-123_4.5"]
    assert router.asked[0].request_id == "abc-123_4.5"


@pytest.mark.parametrize("insane", ["", "x" * 129, "a b", "<script>", "é"])
def test_request_id_that_is_not_plain_is_replaced(http: httpx.Client, router: FakeRouter, insane: str) -> None:
    answer = http.post(CHAT, json=QUESTION, headers={b"x-request-id": insane.encode()})
    assert len(answer.headers["x-request-id"]) == 32
    assert router.asked[0].request_id == answer.headers["x-request-id"]


TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.mark.parametrize(("sent", "kept"), [(TRACE, TRACE), ("00-4bf9-01", None), (TRACE + "\t<x>", None)])
def test_traceparent_is_kept_where_it_is_one(
    http: httpx.Client, router: FakeRouter, sent: str, kept: str | None
) -> None:
    http.post(CHAT, json=QUESTION, headers={"traceparent": sent})
    http.post("/ask", json={"question": "hi"}, headers={"traceparent": sent})
    assert [asked.traceparent for asked in router.asked] == [kept, kept]


def test_bug_is_a_500_and_its_log_holds_the_place_but_not_the_message(
    http: httpx.Client, router: FakeRouter, caplog: pytest.LogCaptureFixture
) -> None:
    router.failure = RuntimeError("the secret prompt")
    with caplog.at_level(logging.INFO):
        answer = http.post(CHAT, json=QUESTION)
    assert answer.status_code == 500
    assert answer.headers["x-request-id"] in answer.json()["error"]["message"]
    assert answer.headers["x-request-id"] in caplog.text
    assert "RuntimeError" in caplog.text
    assert "fakes.py" in caplog.text
    assert "secret" not in caplog.text + answer.text


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/chat/completion", 404, "unknown_url"),
        ("POST", "/v2/chat/completions", 404, "unknown_url"),
        ("POST", "/v1/chat/completions/", 404, "unknown_url"),
        ("GET", "/docs/", 404, "unknown_url"),
        ("GET", "/docs/../../etc/passwd", 404, "unknown_url"),
        ("GET", "/docs/%2e%2e%2fapp.py", 404, "unknown_url"),
        ("GET", CHAT, 405, "method_not_allowed"),
        ("POST", "/health", 405, "method_not_allowed"),
        ("GET", "/v1/models/nothing", 404, "model_not_found"),
    ],
)
def test_wrong_url_or_method_is_told_in_the_envelope(
    *, http: httpx.Client, method: str, path: str, status: int, code: str
) -> None:
    answer = http.request(method, path)
    assert answer.status_code == status
    assert answer.json()["error"]["code"] == code


@pytest.mark.parametrize("path", ["/chat/completions", CHAT])
def test_base_url_works_with_and_without_its_version(http: httpx.Client, path: str) -> None:
    assert http.post(path, json=QUESTION).status_code == 200


def test_health_asks_nobody(http: httpx.Client, router: FakeRouter) -> None:
    assert http.get("/health").json()["status"] == "ok"
    assert http.head("/health").status_code == 200
    assert router.asked == []


def test_root_points_at_the_docs(http: httpx.Client) -> None:
    assert http.get("/").json()["docs"] == "/docs"


def test_docs_need_no_network(http: httpx.Client) -> None:
    page = http.get("/docs").text
    assert "https://" not in page
    for name in docs.FILES:
        assert f"/docs/{name}" in page
        assert http.get(f"/docs/{name}").status_code == 200


def test_docs_describe_every_field_a_caller_may_send(http: httpx.Client) -> None:
    document = http.get("/openapi.json").json()
    schemas = document["components"]["schemas"]
    assert {"tools", "router", "temperature"} <= set(schemas["ChatCompletionRequest"]["properties"])
    assert schemas["AskRequest"]["anyOf"] == [{"required": ["question"]}, {"required": ["prompt"]}]
    body = document["paths"][CHAT]["post"]["requestBody"]["content"]["application/json"]
    assert body["schema"]["$ref"].rpartition("/")[2] in schemas
    assert body["examples"]
    references = [part.split('"')[0] for part in http.get("/openapi.json").text.split("#/components/schemas/")[1:]]
    assert set(references) <= set(schemas)


def test_router_is_closed_with_the_server() -> None:
    fake = FakeRouter()
    with gateway(fake) as url:
        assert httpx.get(f"{url}/health").status_code == 200
        assert not fake.closed
    assert fake.closed
