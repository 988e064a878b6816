"""What the Bedrock adapter makes of ApplyGuardrail's answers, asked with boto3 of a server that answers as told."""

from __future__ import annotations

import asyncio
import json
import time
from base64 import b64decode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from litellm_fallback_router.adapters import guardrails
from litellm_fallback_router.adapters.guardrails import BedrockGuard
from litellm_fallback_router.routing.request.images import Picture
from litellm_fallback_router.routing.verdicts import GuardUnreachableError, Outcome

NOTHING = dict.fromkeys(
    ["contentPolicyUnits", "wordPolicyUnits", "sensitiveInformationPolicyFreeUnits", "contextualGroundingPolicyUnits"],
    0,
)
USAGE = {"topicPolicyUnits": 2, "sensitiveInformationPolicyUnits": 1, **NOTHING}


class Bedrock:
    """Plays its answers in turn; the last one repeats."""

    def __init__(self, *answers: tuple[int, dict[str, Any]]) -> None:
        self.answers = list(answers)
        self.asked: list[dict[str, Any]] = []
        self.answers_after = 0.0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer.asked.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                time.sleep(outer.answers_after)
                status, answer = outer.answers.pop(0) if len(outer.answers) > 1 else outer.answers[0]
                body = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                if "code" in answer:
                    self.send_header("x-amzn-errortype", answer["code"])
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self.server.serve_forever, daemon=True).start()

    def guard(self) -> BedrockGuard:
        url = f"http://127.0.0.1:{self.server.server_port}"
        return BedrockGuard(
            "abc123", "1", "us-east-1", endpoint_url=url, aws_access_key_id="A", aws_secret_access_key="s"
        )


@pytest.fixture
def bedrock() -> Iterator[Any]:
    made: list[Bedrock] = []

    def make(*answers: tuple[int, dict[str, Any]]) -> Bedrock:
        made.append(Bedrock(*answers))
        return made[-1]

    yield make
    for one in made:
        one.server.shutdown()
        one.server.server_close()


def intervened(*outputs: str, **assessment: Any) -> tuple[int, dict[str, Any]]:
    found = [{"text": text} for text in outputs]
    answer = {"action": "GUARDRAIL_INTERVENED", "outputs": found, "assessments": [assessment], "usage": USAGE}
    return 200, answer


MASKED = {"sensitiveInformationPolicy": {"piiEntities": [{"match": "Jo", "type": "NAME", "action": "ANONYMIZED"}]}}
PASSED: tuple[int, dict[str, Any]] = (200, {"action": "NONE", "outputs": [], "assessments": [], "usage": USAGE})


async def test_blank_texts_keep_their_place_and_are_not_asked_about(bedrock: Any) -> None:
    server = bedrock(intervened("I am {NAME}", "fine", **MASKED))
    verdict = await server.guard().check("input", ["I am Jo", "  ", "fine"])

    assert (verdict.outcome, verdict.texts) == (Outcome.MASKED, ("I am {NAME}", "  ", "fine"))
    assert verdict.reasons == ("sensitiveInformation: NAME",)
    assert verdict.units == {"topicPolicy": 2, "sensitiveInformationPolicy": 1}
    assert server.asked == [{"source": "INPUT", "content": [{"text": {"text": "I am Jo"}}, {"text": {"text": "fine"}}]}]


async def test_outputs_that_do_not_match_the_texts_are_asked_for_one_by_one(bedrock: Any) -> None:
    joined = intervened("I am {NAME} fine", **MASKED)
    server = bedrock(joined, intervened("I am {NAME}", **MASKED), PASSED)
    verdict = await server.guard().check("output", ["I am Jo", "fine"])

    assert verdict.texts == ("I am {NAME}", "fine")
    assert len(server.asked) == 3


@pytest.mark.parametrize(
    ("assessment", "reason"),
    [
        ({**MASKED, "wordPolicy": {"customWords": [{"match": "fig", "action": "BLOCKED"}]}}, "word: custom"),
        ({"topicPolicy": {"topics": [{"name": "Fruit", "type": "DENY", "action": "BLOCKED"}]}}, "topic: Fruit"),
        ({"contentPolicy": {"filters": [{"type": "HATE", "action": "BLOCKED"}]}}, "content: HATE"),
        ({}, None),
    ],
    ids=["masked and blocked", "topic", "content", "a policy newer than this code"],
)
async def test_whatever_intervenes_without_only_masking_blocks(bedrock: Any, assessment: Any, reason: str) -> None:
    verdict = await bedrock(intervened("No.", **assessment)).guard().check("input", ["I am Jo"])

    assert (verdict.outcome, verdict.message, verdict.texts) == (Outcome.BLOCKED, "No.", ())
    assert reason is None or reason in verdict.reasons
    assert "fig" not in str(verdict.reasons)


async def test_throttling_is_tried_once_more(bedrock: Any) -> None:
    throttled = (429, {"code": "ThrottlingException", "message": "slow down"})
    assert (await bedrock(throttled, PASSED).guard().check("input", ["x"])).outcome is Outcome.PASSED

    server = bedrock(throttled)
    with pytest.raises(GuardUnreachableError, match="ThrottlingException"):
        await server.guard().check("input", ["x"])
    assert len(server.asked) == 2


async def test_a_refusal_or_nonsense_is_no_verdict_and_is_not_tried_again(bedrock: Any) -> None:
    for answer in ((403, {"code": "AccessDeniedException", "message": "no"}), (200, {"usage": USAGE})):
        server = bedrock(answer)
        with pytest.raises(GuardUnreachableError):
            await server.guard().check("input", ["x"])
        assert len(server.asked) == 1


PICTURES = [Picture("png", b"one"), Picture("jpeg", b"two")]


def seen(guarded: int, action: str = "NONE") -> tuple[int, dict[str, Any]]:
    coverage = {"images": {"guarded": guarded, "total": 2}}
    return 200, {"action": action, "outputs": [], "assessments": [], "usage": USAGE, "guardrailCoverage": coverage}


async def test_pictures_are_sent_as_they_are(bedrock: Any) -> None:
    server = bedrock(seen(2))
    verdict = await server.guard().check_pictures("input", PICTURES)

    images = [block["image"] for block in server.asked[0]["content"]]
    assert verdict.outcome is Outcome.PASSED
    assert [(one["format"], b64decode(one["source"]["bytes"])) for one in images] == [("png", b"one"), ("jpeg", b"two")]


async def test_a_guardrail_that_does_not_look_at_pictures_leaves_them_unchecked(bedrock: Any) -> None:
    assert (await bedrock(seen(0)).guard().check_pictures("input", PICTURES)).outcome is Outcome.UNCHECKED


async def test_a_bad_picture_blocks(bedrock: Any) -> None:
    blocked = intervened("No.", contentPolicy={"filters": [{"type": "HATE", "action": "BLOCKED"}]})
    verdict = await bedrock(blocked).guard().check_pictures("input", PICTURES)

    assert (verdict.outcome, verdict.message) == (Outcome.BLOCKED, "No.")


async def test_a_masked_picture_is_no_verdict(bedrock: Any) -> None:
    with pytest.raises(GuardUnreachableError):
        await bedrock(intervened(**MASKED)).guard().check_pictures("input", PICTURES)


async def test_a_silent_guardrail_is_unreachable(bedrock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guardrails, "TRY_SECONDS", 0.2)
    service = bedrock(PASSED)
    service.answers_after = 2.0
    with pytest.raises(GuardUnreachableError, match=r"no answer within 0\.2 s"):
        await service.guard().check("input", ["Hello"])


async def test_waiting_for_a_thread_is_not_the_guardrails_silence(
    bedrock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guardrails, "THREADS", 1)
    monkeypatch.setattr(guardrails, "TRY_SECONDS", 3.0)
    service = bedrock(PASSED)
    service.answers_after = 0.8
    guard = service.guard()
    at_once = [asyncio.create_task(guard.check("input", [str(n)])) for n in range(6)]
    await asyncio.sleep(0.1)
    at_once.pop().cancel()
    verdicts = await asyncio.gather(*at_once)
    assert [verdict.outcome for verdict in verdicts] == [Outcome.PASSED] * 5
    assert len(service.asked) == 5, "what was given up is not asked"
