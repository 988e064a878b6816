"""Which events become a drill, behind the Web Adapter and in the plain handler; no request of a caller does."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from litellm_fallback_router.drill import EVENT, Order
from litellm_fallback_router.entrypoints.drill_door import MOST_BYTES, PATH, DrillDoor, answered, drilling, is_order
from litellm_fallback_router.entrypoints.lambda_context import MARGIN
from litellm_fallback_router.settings import load_settings
from tests.support.rest_events import rest_event

ORDER = json.dumps({EVENT: {}}).encode()
PASSED: Any = None
"""What the adapter has as the context of an event that is no request."""


class Drills:
    """Remembers the orders."""

    def __init__(self) -> None:
        self.orders: list[tuple[Order, float]] = []

    async def __call__(self, order: Order, seconds: float) -> dict[str, Any]:
        self.orders.append((order, seconds))
        return {"digest": "d", "well": True}


async def behind(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 404, "headers": []})
    await send({"type": "http.response.body", "body": b"the app"})


def scope(request_context: Any, *, path: str = PATH, seconds: float = 100.0, **more: Any) -> Scope:
    context = {"request_id": "1", "deadline": int((time.time() + seconds) * 1000)}
    headers = [
        (b"x-amzn-request-context", json.dumps(request_context).encode()),
        (b"x-amzn-lambda-context", json.dumps(context).encode()),
    ]
    return {"type": "http", "method": "POST", "path": path, "headers": headers, **more}


async def sent(scope: Scope, body: bytes, drills: Drills | None, *, inside: bool = True) -> tuple[int, bytes]:
    """Status and body of the answer."""
    messages: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        messages.append(message)

    await DrillDoor(behind, drills, inside=inside)(scope, receive, send)
    return messages[0]["status"], b"".join(one.get("body", b"") for one in messages[1:])


async def test_an_event_for_a_drill_is_answered_by_one_within_the_functions_time() -> None:
    drills = Drills()
    status, body = await sent(scope(PASSED), ORDER, drills)
    assert (status, json.loads(body)) == (200, {"digest": "d", "well": True})
    ((order, seconds),) = drills.orders
    assert order == Order()
    assert seconds == pytest.approx(100.0 - MARGIN, abs=1.0)


CONTEXT = rest_event("POST", PATH)["requestContext"]


@pytest.mark.parametrize(
    ("what", "body"),
    [
        # A caller's POST to the same path with the same body: the adapter has written API Gateway's context over his.
        (scope(CONTEXT), ORDER),
        (scope({}), ORDER),
        (scope("null"), ORDER),
        # Another path of an event that is no request, and a request without the adapter's headers.
        (scope(PASSED, path="/v1/chat/completions"), ORDER),
        ({**scope(PASSED), "headers": []}, ORDER),
        ({**scope(PASSED), "headers": scope(PASSED)["headers"][:1]}, ORDER),
    ],
    ids=["API Gateway's", "empty", "a text", "another path", "no header", "half of them"],
)
async def test_what_a_caller_can_send_goes_to_the_app(what: Scope, body: bytes) -> None:
    drills = Drills()
    assert await sent(what, body, drills) == (404, b"the app")
    assert drills.orders == []


async def test_a_request_that_the_adapter_could_not_read_as_one_is_no_order_either() -> None:
    """Then its event comes whole, with the context of no request."""
    drills = Drills()
    event = rest_event("POST", PATH, {EVENT: {}})
    status, body = await sent(scope(PASSED), json.dumps(event).encode(), drills)
    assert (status, "error" in json.loads(body)) == (400, True)
    assert drills.orders == []


@pytest.mark.parametrize("body", [b"", b"no json", b"[]", b'{"hello": "world"}', ORDER + b" " * MOST_BYTES])
async def test_any_other_event_is_told_that_it_is_unknown(body: bytes) -> None:
    drills = Drills()
    status, said = await sent(scope(PASSED), body, drills)
    assert (status, json.loads(said)) == (400, {"error": "no request, and no event that is known here"})
    assert drills.orders == []


async def test_outside_lambda_and_without_drills_the_door_is_not_there() -> None:
    drills = Drills()
    assert await sent(scope(PASSED), ORDER, drills, inside=False) == (404, b"the app")
    assert await sent(scope(PASSED), ORDER, None) == (404, b"the app")
    assert drills.orders == []


async def test_a_wrong_order_says_what_is_wrong() -> None:
    drills = Drills()
    assert await answered({EVENT: {"max_usd": 0}}, drills, 10.0) == {"error": "max_usd: a number above 0 is wanted"}
    assert drills.orders == []


def test_the_plain_handler_takes_no_request_of_api_gateway_for_an_order() -> None:
    assert is_order({EVENT: {}})
    bodies: tuple[Any, ...] = ({EVENT: {}}, ORDER)
    for body in bodies:
        assert not is_order(rest_event("POST", PATH, body, {EVENT: "{}"}))


def test_a_function_without_the_seals_secret_does_no_drills() -> None:
    assert drilling(load_settings({}), None) is None  # type: ignore[arg-type] # nothing is asked of it
    assert drilling(load_settings({"ROUTER_DRILL_SECRET": "a/drill-seal"}), None) is not None  # type: ignore[arg-type] # as above
