"""Whatever is sent, the answer is a 4xx in OpenAI's envelope: never a 500, never a hang."""

from __future__ import annotations

import gzip
import json
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from litellm_fallback_router.api import body
from litellm_fallback_router.api.formats.chat import ChatCompletionRequest
from litellm_fallback_router.routing.mapping.settings import RouterSettings
from litellm_fallback_router.routing.request.schema import AskRequest
from tests.unit.api.fakes import CONFIG, FakeRouter

PATH = "/v1/chat/completions"
GOOD: dict[str, Any] = {"model": "openai-gpt4o", "messages": [{"role": "user", "content": "hi"}]}


def with_tail(tail: bytes) -> bytes:
    """A good request, one more field of which is written by hand."""
    return json.dumps(GOOD).encode()[:-1] + b"," + tail + b"}"


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "empty"),
        (b"  \n ", "empty"),
        (b"{", "line 1 column 1"),
        (b'{"model": "m",\n "messages": [}', "line 2 column"),
        (b"hello", "line 1 column"),
        (b"[]", "must be a JSON object"),
        (b'"text"', "must be a JSON object"),
        (b"null", "must be a JSON object"),
        (with_tail(b'"temperature": NaN'), "not valid JSON"),
        (with_tail(b'"temperature": Infinity'), "not valid JSON"),
        (with_tail(b'"temperature": -Infinity'), "not valid JSON"),
        (with_tail(b'"temperature": 1e999'), "too large for a double"),
        (with_tail(b'"prediction": {"a": [1, -1e999]}'), "too large for a double"),
        (with_tail(b'"seed": ' + b"9" * 5000), "not valid JSON"),
        (with_tail(b'"user": "\\ud800"'), "not valid JSON"),
        (with_tail(b'"user": "\\udc00\\ud800"'), "not valid JSON"),
        (with_tail(b'"user": "\xff\xfe"'), "not valid JSON"),
        (with_tail(b'"user": "\xed\xa0\x80"'), "not valid JSON"),
        (with_tail(b'"user": "\x00"'), "not valid JSON"),
        (with_tail(b'"prediction": ' + b'{"a":' * 5000 + b"1" + b"}" * 5000), "recursion"),
        (b"[" * 10_000, "recursion"),
        (b"[" * 100_000, "more than 25000 JSON values"),
        (with_tail(b'"messages": ' + b"[" * 5000 + b"]" * 5000), "recursion"),
        (b"\xef\xbb\xbf" + json.dumps(GOOD).encode(), "not valid JSON"),
        (json.dumps(GOOD).encode("utf-16"), "not valid JSON"),
        (gzip.compress(json.dumps(GOOD).encode(), mtime=0), "not valid JSON"),
        (json.dumps(GOOD).encode() + b"{}", "trailing"),
    ],
)
def test_body_that_is_no_json_object_is_a_400_that_says_where(
    http: httpx.Client, router: FakeRouter, raw: bytes, words: str
) -> None:
    answer = http.post(PATH, content=raw)
    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]
    assert answer.json()["error"]["type"] == "invalid_request_error"
    assert router.asked == []


def test_a_compressed_body_is_told_that_its_encoding_is_not_read(http: httpx.Client, router: FakeRouter) -> None:
    packed = gzip.compress(json.dumps(GOOD).encode(), mtime=0)
    error = http.post(PATH, content=packed, headers={"content-encoding": "gzip"}).json()["error"]
    assert (error["param"], error["code"]) == ("content-encoding", "invalid_json")
    assert error["message"].endswith("Send it as JSON without one.")
    assert router.asked == []


def test_wrong_content_type_is_tolerated_outside_a_browser(http: httpx.Client) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        assert http.post(PATH, content=json.dumps(GOOD), headers={"content-type": kind}).status_code == 200


def test_web_page_cannot_post_plain_text_through_its_visitor_s_browser(http: httpx.Client, router: FakeRouter) -> None:
    headers = {"content-type": "text/plain", "sec-fetch-site": "cross-site", "origin": "https://example.com"}
    assert http.post(PATH, content=json.dumps(GOOD), headers=headers).status_code == 400
    assert router.asked == []
    assert "access-control-allow-origin" not in http.options(PATH).headers


def test_error_does_not_repeat_a_long_field_name(http: httpx.Client) -> None:
    error = http.post(PATH, json={**GOOD, "x" * 100_000: 1}).json()["error"]
    assert len(error["message"]) < 200


def test_thousands_of_wrong_fields_are_refused_at_once(http: httpx.Client) -> None:
    many = {str(number): 0 for number in range(15_000)}
    for payload in ({**GOOD, **many}, {**GOOD, "metadata": many}, {**GOOD, "router": many}):
        started = time.monotonic()
        assert http.post(PATH, json=payload).status_code == 400
        assert time.monotonic() - started < 5


def test_declared_size_beyond_the_limit_is_refused_before_it_is_read(http: httpx.Client, router: FakeRouter) -> None:
    with connected(http) as line:
        line.sendall(head("Content-Length: 20000000"))
        assert status_of(line) == 413
    assert router.asked == []


def test_body_beyond_the_limit_is_refused_however_it_is_sent(http: httpx.Client, router: FakeRouter) -> None:
    large = json.dumps({**GOOD, "user": "x" * 20_000_000}).encode()
    whole = http.post(PATH, content=large)
    chunked = http.post(PATH, content=(large[start : start + 65_536] for start in range(0, 1_000_000, 65_536)))
    for answer in (whole, chunked):
        assert answer.status_code == 413
        assert answer.json()["error"]["code"] == "request_too_large"
        assert str(CONFIG.settings.max_request_bytes) in answer.json()["error"]["message"]
    assert router.asked == []
    assert http.post(PATH, json=GOOD).status_code == 200


@pytest.fixture
def wide(router: FakeRouter) -> Iterator[None]:
    """A gateway that reads as much as one does by default."""
    router.config = replace(CONFIG, settings=RouterSettings())
    yield
    router.config = CONFIG


LISTS: list[dict[str, Any]] = [
    {**GOOD, "messages": [{}] * 180_000},
    {**GOOD, "messages": [{"role": "user", "content": [{"type": "text", "text": "x"}] * 60_000}]},
    {**GOOD, "tools": [{"type": "function", "function": {"name": "f"}}] * 60_000},
    {**GOOD, "prediction": [1] * 60_000},
    {**GOOD, "metadata": {f"name{number}": "x" for number in range(60_000)}},
]


@pytest.mark.parametrize("chunked", [False, True], ids=["sized", "chunked"])
@pytest.mark.parametrize("payload", LISTS, ids=[next(reversed(one)) for one in LISTS])
@pytest.mark.usefixtures("wide")
def test_more_values_than_the_loop_can_look_at_are_refused_by_the_field_that_has_them(
    http: httpx.Client, router: FakeRouter, payload: dict[str, Any], chunked: bool
) -> None:
    raw = json.dumps({**payload, "user": "x"}).encode()
    answer = http.post(PATH, content=(raw[at : at + 9_999] for at in range(0, len(raw), 9_999)) if chunked else raw)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert (error["param"], error["code"]) == ([*payload][-1], "too_many_values")
    assert router.asked == []


def test_body_that_does_not_arrive_is_a_408(
    http: httpx.Client, router: FakeRouter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(body, "BODY_TIMEOUT", 0.3)
    with connected(http) as line:
        line.sendall(head("Content-Length: 100") + b'{"model":')
        assert status_of(line) == 408
        assert line.recv(1) == b""  # closed: what might still arrive must not be read as a new request
    assert router.asked == []


def test_caller_that_leaves_inside_its_body_leaves_nothing_behind(http: httpx.Client, router: FakeRouter) -> None:
    with connected(http) as line:
        line.sendall(head("Content-Length: 100") + b'{"model":')
    assert http.post(PATH, json=GOOD).status_code == 200
    assert len(router.asked) == 1


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(["user", "assistant", "tool", "text", "function", "json_schema", "openai-gpt4o"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(max_size=4) | st.sampled_from(["role", "content", "type", "function", "name", "tool_calls"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
CHAT_BODIES = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(ChatCompletionRequest.__annotations__, JSON),
        "model": st.just("openai-gpt4o") | JSON,
        "messages": st.just(GOOD["messages"]) | st.lists(JSON, max_size=3) | JSON,
    },
)
ASK_BODIES = st.fixed_dictionaries({}, optional=dict.fromkeys(AskRequest.__annotations__, JSON))
FUZZ = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


def assert_answer_or_clean_refusal(answer: httpx.Response) -> None:
    assert answer.status_code in {200, 400, 404, 413}, answer.text
    if answer.status_code != 200:
        assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


@FUZZ
@given(payload=CHAT_BODIES)
def test_any_json_for_chat_is_answered_or_cleanly_refused(http: httpx.Client, payload: dict[str, Any]) -> None:
    assert_answer_or_clean_refusal(http.post(PATH, content=json.dumps(payload)))


@FUZZ
@given(payload=ASK_BODIES)
def test_any_json_for_ask_is_answered_or_cleanly_refused(http: httpx.Client, payload: dict[str, Any]) -> None:
    assert_answer_or_clean_refusal(http.post("/ask", content=json.dumps(payload)))


@FUZZ
@given(raw=st.binary(max_size=200))
def test_any_bytes_are_cleanly_refused(http: httpx.Client, raw: bytes) -> None:
    assert http.post(PATH, content=raw).status_code == 400


@FUZZ
@given(position=st.integers(0, 200), noise=st.binary(min_size=1, max_size=4))
def test_good_body_with_a_few_bytes_spoilt_is_answered_or_cleanly_refused(
    http: httpx.Client, position: int, noise: bytes
) -> None:
    raw = bytearray(json.dumps({**GOOD, "temperature": 0.5, "stop": ["a"], "router": {"fallback": True}}).encode())
    raw[position % len(raw) : position % len(raw) + len(noise)] = noise
    assert_answer_or_clean_refusal(http.post(PATH, content=bytes(raw)))


def connected(http: httpx.Client) -> socket.socket:
    url = urlsplit(str(http.base_url))
    return socket.create_connection((url.hostname or "", url.port or 0), timeout=10)


def head(*headers: str) -> bytes:
    return "\r\n".join([f"POST {PATH} HTTP/1.1", "Host: x", *headers, "", ""]).encode()


def status_of(line: socket.socket) -> int:
    """The status of the answer, which is read to its end."""
    received = b"".join(read(line))
    return int(received.split(b" ", 2)[1])


def read(line: socket.socket) -> Iterator[bytes]:
    seen = b""
    while b"\r\n\r\n" not in seen:
        seen += line.recv(4096)
    headers, _, rest = seen.partition(b"\r\n\r\n")
    length = int(next(h.split(b":")[1] for h in headers.split(b"\r\n") if h.lower().startswith(b"content-length")))
    while len(rest) < length:
        rest += line.recv(4096)
    yield headers
    yield rest


def test_no_word_of_a_body_is_kept_for_the_next_one() -> None:
    first, second = (body.as_object(b'{"prompt": "a short secret"}', CONFIG.settings)["prompt"] for _ in range(2))
    assert first == second
    assert first is not second
