"""Bedrock's GetPrompt, asked with boto3."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import boto3
import httpx
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError, ConnectionClosedError, HTTPClientError, ReadTimeoutError

from local.simulator import AWS_ACCESS_KEY_ID, Fault, Simulator

HOME = "arn:aws:bedrock:us-east-1:123456789012:prompt"


@pytest.fixture
def client(sim: Simulator) -> Iterator[Any]:
    made = boto3.client(
        "bedrock-agent",
        endpoint_url=f"{sim.url}/bedrock",
        region_name="us-east-1",
        aws_access_key_id=AWS_ACCESS_KEY_ID,
        aws_secret_access_key="sim-bedrock-secret",
        config=Config(retries={"total_max_attempts": 1}, read_timeout=1, connect_timeout=5),
    )
    yield made
    made.close()


async def get(client: Any, prompt: str, **more: str) -> dict[str, Any]:
    answer: dict[str, Any] = await asyncio.to_thread(client.get_prompt, promptIdentifier=prompt, **more)
    return answer


async def code(client: Any, prompt: str, **more: str) -> str:
    with pytest.raises(ClientError) as refused:
        await get(client, prompt, **more)
    return str(refused.value.response["Error"]["Code"])


async def test_the_draft_comes_unless_a_version_is_named(client: Any) -> None:
    draft = await get(client, "CAPITALS01")
    first = await get(client, "CAPITALS01", promptVersion="1")
    assert (draft["version"], draft["arn"]) == ("DRAFT", f"{HOME}/CAPITALS01")
    assert (first["version"], first["arn"]) == ("1", f"{HOME}/CAPITALS01:1")
    template = first["variants"][0]["templateConfiguration"]["text"]
    assert template == {"text": "What is the capital of {{country}}?", "inputVariables": [{"name": "country"}]}
    assert draft["createdAt"] < draft["updatedAt"]


@pytest.mark.parametrize("identifier", [f"{HOME}/CAPITALS01:1", f"{HOME}/CAPITALS01"])
async def test_an_arn_is_as_good_as_an_id(client: Any, identifier: str) -> None:
    assert (await get(client, identifier))["version"] == ("1" if identifier.endswith(":1") else "DRAFT")


async def test_metadata_alone_holds_no_template(client: Any) -> None:
    assert "variants" not in await get(client, "TRAVEL0001", includedData="METADATA_ONLY")


@pytest.mark.parametrize(
    ("prompt", "more", "expected"),
    [
        ("NOSUCHONE1", {}, "ResourceNotFoundException"),
        ("CAPITALS01", {"promptVersion": "2"}, "ResourceNotFoundException"),
        ("arn:aws:bedrock:eu-west-1:123456789012:prompt/CAPITALS01", {}, "ResourceNotFoundException"),
        ("too-short", {}, "ValidationException"),
        ("CAPITALS01", {"promptVersion": "latest"}, "ValidationException"),
    ],
)
async def test_what_is_not_there_or_not_well_formed_is_refused_as_bedrock_does(
    client: Any, prompt: str, more: dict[str, str], expected: str
) -> None:
    assert await code(client, prompt, **more) == expected


async def test_nobody_reads_a_prompt_unsigned_or_with_an_unknown_key(sim: Simulator, http: httpx.AsyncClient) -> None:
    url = f"{sim.url}/bedrock/prompts/CAPITALS01/"
    signed = AWSRequest("GET", url)
    SigV4Auth(Credentials("AKIDNOBODY", "x"), "bedrock", "us-east-1").add_auth(signed)
    assert (await http.get(url)).status_code == 403
    assert (await http.get(url, headers=dict(signed.headers.items()))).status_code == 403


async def test_faults_act_on_the_prompt_they_name(sim: Simulator, client: Any) -> None:
    sim.inject(Fault(kind="status", status=429), model="CAPITALS01", times=1)
    sim.inject(Fault(kind="access_denied"), model="CAPITALS01", times=1)
    sim.inject(Fault(kind="reset"), model="CAPITALS01", times=1)
    sim.inject(Fault(kind="silence"), model="CAPITALS01", times=1)
    assert await code(client, "CAPITALS01") == "ThrottlingException"
    assert await code(client, "CAPITALS01") == "AccessDeniedException"
    for error in ((ConnectionClosedError, HTTPClientError), (ReadTimeoutError,)):
        with pytest.raises(error):
            await get(client, "CAPITALS01")
    assert (await get(client, "TRAVEL0001"))["name"] == "travel"
    assert [(r.provider, r.model, r.region) for r in sim.requests][-1] == ("bedrock", "TRAVEL0001", "us-east-1")


async def test_a_prompt_of_ones_own_is_kept_until_reset(sim: Simulator, client: Any) -> None:
    own = {"name": "own", "id": "MYPROMPT01", "version": "DRAFT"}
    sim.settings.prompts = [own]
    assert (await get(client, "MYPROMPT01"))["name"] == "own"
    assert await code(client, "CAPITALS01") == "ResourceNotFoundException"
    sim.reset()
    assert await code(client, "MYPROMPT01") == "ResourceNotFoundException"


async def test_what_could_not_be_a_prompt_is_never_answered_with(
    sim: Simulator, client: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    sim.settings.prompts = [{"name": "own", "id": "MYPROMPT01", "version": "DRAFT", "variants": [{"name": "v"}]}]
    with pytest.raises(HTTPClientError):
        await get(client, "MYPROMPT01")
    assert "no answer of GetPrompt" in capsys.readouterr().err
