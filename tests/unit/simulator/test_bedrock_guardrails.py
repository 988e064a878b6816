"""ApplyGuardrail, asked with boto3."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local.simulator import AWS_ACCESS_KEY_ID, Fault, Simulator
from local.simulator.bedrock.guardrails import BLOCKED_INPUT, BLOCKED_OUTPUT


@pytest.fixture
def client(sim: Simulator) -> Iterator[Any]:
    made = boto3.client(
        "bedrock-runtime",
        endpoint_url=f"{sim.url}/bedrock",
        region_name="us-east-1",
        aws_access_key_id=AWS_ACCESS_KEY_ID,
        aws_secret_access_key="sim-bedrock-secret",
        config=Config(retries={"total_max_attempts": 1}, read_timeout=5, connect_timeout=5),
    )
    yield made
    made.close()


async def verdict(client: Any, *texts: str, guardrail: str = "simguard", **more: str) -> dict[str, Any]:
    options = {"guardrailVersion": "1", "source": "INPUT", **more}
    content = [{"text": {"text": text}} for text in texts]
    answer: dict[str, Any] = await asyncio.to_thread(
        client.apply_guardrail, guardrailIdentifier=guardrail, content=content, **options
    )
    return answer


async def code(client: Any, *texts: str, **more: str) -> str:
    with pytest.raises(ClientError) as refused:
        await verdict(client, *texts, **more)
    return str(refused.value.response["Error"]["Code"])


async def test_harmless_text_passes_and_is_billed_by_the_thousand_characters(client: Any) -> None:
    answer = await verdict(client, "x" * 1001)

    assert (answer["action"], answer["outputs"]) == ("NONE", [])
    assert answer["usage"]["topicPolicyUnits"] == 2


@pytest.mark.parametrize(("source", "message"), [("INPUT", BLOCKED_INPUT), ("OUTPUT", BLOCKED_OUTPUT)])
async def test_a_denied_topic_is_blocked_with_the_guardrails_own_message(
    client: Any, source: str, message: str
) -> None:
    answer = await verdict(client, "fine", "the Forbidden fruit", source=source)

    assert answer["action"] == "GUARDRAIL_INTERVENED"
    assert answer["outputs"] == [{"text": message}]
    assert answer["assessments"][0]["topicPolicy"]["topics"][0]["action"] == "BLOCKED"


async def test_addresses_are_masked_text_by_text(client: Any) -> None:
    answer = await verdict(client, "write to ann@example.com", "fine")

    assert answer["outputs"] == [{"text": "write to {EMAIL}"}, {"text": "fine"}]


async def test_the_guardrail_that_only_blocks_masks_nothing(client: Any) -> None:
    assert (await verdict(client, "ann@example.com", guardrail="simblocker"))["action"] == "NONE"


async def test_what_the_service_refuses_is_refused(client: Any, sim: Simulator) -> None:
    assert await code(client, "x", guardrail="unknown") == "ResourceNotFoundException"
    assert await code(client, "x", guardrailVersion="7") == "ResourceNotFoundException"
    assert await code(client, "x", source="BOTH") == "ValidationException"
    assert await code(client, "x" * 25_001) == "ValidationException"
    sim.inject(Fault(kind="status", status=429), model="simguard")
    assert await code(client, "x") == "ThrottlingException"


def image(content: bytes) -> dict[str, Any]:
    return {"image": {"format": "png", "source": {"bytes": content}}}


async def looked_at(client: Any, guardrail: str, *images: bytes) -> Any:
    options = {"guardrailIdentifier": guardrail, "guardrailVersion": "1", "source": "INPUT"}
    return await asyncio.to_thread(client.apply_guardrail, content=[image(one) for one in images], **options)


async def test_images_are_looked_at_by_one_guardrail_and_not_by_the_other(client: Any) -> None:
    bad = await looked_at(client, "simguard", b"a cat", b"forbidden fruit")
    unseen = await looked_at(client, "simblocker", b"forbidden fruit")

    assert (bad["action"], bad["usage"]["contentPolicyImageUnits"]) == ("GUARDRAIL_INTERVENED", 2)
    assert bad["assessments"][0]["contentPolicy"]["filters"][0]["type"] == "HATE"
    assert (unseen["action"], unseen["guardrailCoverage"]["images"]) == ("NONE", {"guarded": 0, "total": 1})


async def test_too_many_images_are_refused(client: Any) -> None:
    with pytest.raises(ClientError, match="at most 20 images"):
        await looked_at(client, "simguard", *[b"x"] * 21)


async def test_telephone_numbers_are_masked_too(client: Any) -> None:
    answer = await verdict(client, '{"to": 5550123}')

    assert answer["outputs"] == [{"text": '{"to": {PHONE}}'}]
