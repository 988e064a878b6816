"""No leaf of a request for a response is lost without a word, and nothing a caller can write is a bug of ours."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from litellm_fallback_router.api.formats.responses import request as request_of
from litellm_fallback_router.routing.adaptation import speaks
from litellm_fallback_router.routing.adaptation.native import fitted_native
from litellm_fallback_router.routing.adaptation.report import Report
from litellm_fallback_router.routing.errors import InvalidRequestError
from litellm_fallback_router.routing.mapping import RouterConfig
from litellm_fallback_router.routing.request.messages import check_messages
from litellm_fallback_router.routing.types import ModelInfo
from tests.support.responses_requests import CONFIG, GPT, translated

words = st.integers(10_000, 99_999).map("w{}w".format)
cache = st.just({"mode": "explicit"})


def having(required: dict[str, Any], **optional: Any) -> st.SearchStrategy[dict[str, Any]]:
    fixed = {
        name: value if isinstance(value, st.SearchStrategy) else st.just(value) for name, value in required.items()
    }
    return st.fixed_dictionaries(fixed, optional=optional)


input_parts = st.one_of(
    having({"type": "input_text", "text": words}, prompt_cache_breakpoint=cache, odd=words),
    having({"type": "input_image", "image_url": words}, detail=words, odd=words),
    having({"type": "input_file", "file_data": words}, filename=words, detail=words),
    having({"type": "input_file", "file_url": words}, filename=words),
    having({"type": "input_file", "file_id": words}),
)
cited = st.lists(having({"type": "file_path", "file_id": words, "index": 1}), max_size=1)
said = st.one_of(
    having(
        {"type": "output_text", "text": words},
        annotations=cited,
        logprobs=st.lists(having({"token": words}), max_size=1),
    ),
    having({"type": "refusal", "refusal": words}),
)
content = st.one_of(words, st.lists(input_parts, min_size=1, max_size=2))
items = st.one_of(
    having({"role": st.sampled_from(["user", "system", "developer"]), "content": content}, odd=words),
    having({"type": "message", "role": "assistant", "content": st.lists(said, min_size=1, max_size=2)}, phase=words),
    having({"type": "reasoning", "summary": st.lists(having({"type": "summary_text", "text": words}), max_size=1)},
           content=st.lists(having({"type": "reasoning_text", "text": words}), min_size=1, max_size=1), odd=words),
    having({"type": "function_call", "call_id": words, "name": words, "arguments": words}, namespace=words, odd=words),
    having({"type": "custom_tool_call", "call_id": words, "name": words, "input": words},
           caller=st.just({"type": "direct"})),
    having({"type": "web_search_call", "query": words}),
)  # fmt: skip
tools = st.one_of(
    having({"type": "function", "name": words}, description=words, parameters=having({"title": words}),
           strict=st.booleans(), output_schema=having({"title": words}), defer_loading=st.booleans(), odd=words),
    having({"type": "custom", "name": words}, description=words,
           format=having({"type": "grammar", "syntax": "lark", "definition": words})),
    having({"type": "namespace", "name": words, "description": words,
            "tools": st.lists(having({"type": "function", "name": words}, description=words), min_size=1, max_size=2)}),
    having({"type": "mcp", "server_label": words}),
)  # fmt: skip
bodies = having(
    {"model": "m", "input": st.lists(items, min_size=1, max_size=4)},
    instructions=words,
    tools=st.lists(tools, min_size=1, max_size=3),
    reasoning=having({}, effort=words, summary=st.sampled_from(["auto", "detailed"]), context=words, mode=words),
    text=having({}, verbosity=st.sampled_from(["low", "high"]), format=having(
        {"type": "json_schema", "name": words, "schema": having({"title": words})}, description=words, odd=words)),
    include=st.lists(words, max_size=2),
    metadata=having({}, key=words),
    truncation=st.just("auto"),
    max_tool_calls=st.integers(1000, 9999),
    max_output_tokens=st.integers(1000, 9999),
    client_metadata=having({}, key=words),
    **dict.fromkeys(("user", "safety_identifier", "prompt_cache_key", "service_tier", "previous_response_id"), words),
)  # fmt: skip
MADE_BY_THE_API = ("type", "id", "status", "role", "mode")


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from leaves(inner, f"{path}[{index}]")
    else:
        yield path, value


def with_results(body: dict[str, Any]) -> dict[str, Any]:
    """Each call answered, right after all of them."""
    calls = {item["call_id"]: item["type"] for item in body["input"] if "call_id" in item}
    results = [
        {"type": f"{kind}_output", "call_id": call_id, "output": f"r{call_id}"} for call_id, kind in calls.items()
    ]
    return {**body, "input": [*body["input"], *results]}


@given(bodies)
def test_no_leaf_is_lost_without_a_word(body: dict[str, Any]) -> None:
    body = with_results(body)
    try:
        got = translated(body)
    except InvalidRequestError as error:
        assert error.param is not None
        places = [path for path, _ in leaves(body)]
        assert error.param == "input" or any(path.startswith(error.param) for path in places), error.param
        return
    request = got.request
    sent = json.dumps([request.model, list(request.messages), request.params])
    told = [re.split(r" (?:dropped|sent|moved|left)", line)[0] for line in request.adjusted]
    lost = [
        path
        for path, value in leaves(body)
        if path.rpartition(".")[2] not in MADE_BY_THE_API
        and json.dumps(value).strip('"') not in sent
        and not any(path.startswith(place) for place in told)
        and (path, value) not in (("reasoning.summary", "auto"), ("reasoning.context", "auto"))
        and value is not False
    ]
    assert lost == []


def with_plain_gpt() -> RouterConfig:
    plain = replace(GPT, model="gpt-4o", info=ModelInfo(reasoning=False, max_output_tokens=5000))
    return RouterConfig((plain,), {"m": ("m",)})


@given(bodies)
def test_no_leaf_is_lost_on_the_way_to_openai_itself(body: dict[str, Any]) -> None:
    config = with_plain_gpt()
    body = with_results(body)
    try:
        native = request_of.translated(body, config).request.native
    except InvalidRequestError as error:
        assert error.param is not None
        return
    assert native is not None
    report = Report()
    sent = dict(leaves(fitted_native(config.deployments[0], native, report).body))
    told = [line.rpartition(" dropped")[0] or line.partition(" ")[0] for line in report.lines]
    gone = {path for path, value in leaves(body) if sent.get(path) != value}
    assert [path for path in gone - {"model"} if not any(path.startswith(place) for place in told)] == []
    assert not sent.keys() - {path for path, _ in leaves(body)}


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@given(bodies, st.data())
def test_whatever_stands_anywhere_is_taken_or_refused(body: dict[str, Any], data: st.DataObject) -> None:
    """A value in the place of another is a mistake of the caller's, never a bug."""
    body = json.loads(json.dumps(with_results(body)))
    for _ in range(data.draw(st.integers(1, 3))):
        places = [*containers(body)]
        owner, key = data.draw(st.sampled_from(places))
        if not isinstance(owner, dict) or key in owner:
            owner[key] = data.draw(anything)
    for config in (CONFIG, with_plain_gpt()):
        try:
            request = request_of.translated(body, config).request
        except InvalidRequestError as error:
            assert str(error)
            continue
        native = request.native
        assert native is not None
        if not native.only:
            check_messages(request.messages)
        for deployment in config.deployments:
            if speaks(deployment, native):
                fitted_native(deployment, native, Report())


def containers(value: Any) -> Iterator[tuple[Any, Any]]:
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        yield value, key
        if isinstance(inner, dict | list):
            yield from containers(inner)
