"""What counts as an event for a drill, and in which order a drill asks."""

from __future__ import annotations

from typing import Any

import pytest

from litellm_fallback_router.drill import EVENT, Order, order_in
from tests.support.rest_events import rest_event


@pytest.mark.parametrize("order", [Order(), Order(("a", "b"), 0.1)])
def test_an_order_is_read_as_it_was_sent(order: Order) -> None:
    assert order_in(order.to_event()) == order


@pytest.mark.parametrize(
    "event",
    [
        None,
        [],
        "fallback_router_drill",
        {},
        {"hello": "world"},
        {EVENT: {}, "requestContext": None},
        {"Records": [], EVENT: {}},
        {EVENT.upper(): {}},
    ],
)
def test_any_other_event_is_none(event: Any) -> None:
    assert order_in(event) is None


@pytest.mark.parametrize("path", ["/events", "/v1/chat/completions"])
@pytest.mark.parametrize("body", [{EVENT: {}}, {EVENT: {}, "requestContext": None}, b'{"fallback_router_drill": {}}'])
def test_no_request_of_api_gateway_is_one_whatever_its_caller_sends(path: str, body: Any) -> None:
    assert order_in(rest_event("POST", path, body, {EVENT: "{}"})) is None


@pytest.mark.parametrize(
    "said",
    [
        [],
        {"budget": 1},
        {"chains": "a"},
        {"chains": [1]},
        {"max_usd": 0},
        {"max_usd": -1},
        {"max_usd": "1"},
        {"max_usd": True},
        {"max_usd": float("nan")},
        {"max_usd": float("inf")},
    ],
)
def test_an_order_that_is_not_right_is_refused(said: Any) -> None:
    with pytest.raises(ValueError, match="is wanted"):
        order_in({EVENT: said})
