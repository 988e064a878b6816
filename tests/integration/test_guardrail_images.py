"""Images under the guardrail, and what it cannot read, through the real gateway."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai import OpenAI

from local.simulator import SimulatorControl
from local.simulator.bedrock.guardrails import BLOCKED_INPUT
from tests.support.guarded_gateway import BOTH, asked, guarded, said_to, user

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def running(simulator: SimulatorControl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenAI]:
    with guarded(simulator, tmp_path_factory.mktemp("images")) as gateway, gateway.client() as made:
        yield made


@pytest.fixture
def client(running: OpenAI, simulator: SimulatorControl) -> OpenAI:
    simulator.reset()
    return running


def png(said: bytes, form: str = "png") -> dict[str, Any]:
    return {
        "type": "image_url",
        "image_url": {"url": f"data:image/{form};base64," + base64.b64encode(said).decode()},
    }


@BOTH
@pytest.mark.parametrize("model", ["openai-gpt4o", "anthropic-claude-haiku", "bedrock-nova"])
def test_an_image_is_looked_at_before_a_provider_gets_it(
    client: OpenAI, simulator: SimulatorControl, model: str, streaming: bool
) -> None:
    question = {"type": "text", "text": "count to 3"}
    fine = said_to(client, user([question, png(PNG + b"a cat")]), model, streaming=streaming)
    assert fine == ("1, 2, 3.", "stop")
    (body,) = asked(simulator)
    assert base64.b64encode(PNG + b"a cat").decode() in str(body)

    bad = said_to(client, user([question, png(PNG + b"forbidden fruit")]), model, streaming=streaming)
    assert bad == (BLOCKED_INPUT, "content_filter")
    assert len(asked(simulator)) == 1


UNREADABLE: dict[str, Any] = {
    "an address": {"type": "image_url", "image_url": {"url": "https://example.com/cat.png"}},
    "another format": png(b"RIFF....WEBP", "webp"),
    "another format by another name": png(b"RIFF....WEBP"),
    "sound": {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
    "a file": {"type": "file", "file": {"file_data": "data:application/pdf;base64,AAAA", "filename": "a.pdf"}},
    "too large an image": png(PNG + b"." * 4_000_000),
}


@pytest.mark.parametrize("part", UNREADABLE.values(), ids=UNREADABLE)
def test_what_the_guardrail_cannot_read_reaches_no_provider(
    client: OpenAI, simulator: SimulatorControl, part: Any
) -> None:
    for streaming in (False, True):
        with pytest.raises(openai.BadRequestError, match="cannot read") as refused:
            said_to(client, user([{"type": "text", "text": "What is it?"}, part]), streaming=streaming)
        assert refused.value.param == "messages[0].content[1]"
    assert asked(simulator) == []


def test_what_the_guardrail_cannot_read_goes_on_unchecked_where_it_fails_open(
    simulator: SimulatorControl, tmp_path_factory: pytest.TempPathFactory
) -> None:
    simulator.reset()
    with (
        guarded(simulator, tmp_path_factory.mktemp("open"), on_unreachable="fail_open") as gateway,
        gateway.client() as client,
    ):
        content = [{"type": "text", "text": "count to 3"}, UNREADABLE["an address"]]
        raw = client.chat.completions.with_raw_response.create(model="openai-gpt4o", messages=user(content))
    assert raw.headers["x-router-guardrail"] == "unchecked"
    assert raw.parse().choices[0].message.content == "1, 2, 3."
    simulator.reset()
