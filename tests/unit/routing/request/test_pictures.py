"""What of a request a guardrail can look at beside text."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from litellm_fallback_router.routing.request.images import LARGEST_PICTURE, MOST_PICTURES, Picture, shown_in
from litellm_fallback_router.routing.types import ChatRequest, Message
from tests.support.guards import RuledGuard, guarded_rig
from tests.support.virtual_time import run_virtually

PNG, JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"


def data_url(content: bytes, form: str) -> str:
    return f"data:image/{form};base64,{base64.b64encode(content).decode()}"


def message(*parts: Any) -> Message:
    return {"role": "user", "content": list(parts)}


def image(url: Any) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


@pytest.mark.parametrize(
    ("part", "picture"),
    [
        (image(data_url(PNG, "png")), Picture("png", PNG)),
        (image(data_url(JPEG, "jpeg")), Picture("jpeg", JPEG)),
        (image(data_url(JPEG, "jpg")), Picture("jpeg", JPEG)),
        (image(data_url(JPEG, "png")), Picture("jpeg", JPEG)),
        ({"type": "image_url", "image_url": data_url(PNG, "png")}, Picture("png", PNG)),
    ],
    ids=["png", "jpeg", "jpg", "by another name", "without an object"],
)
def test_a_png_or_jpeg_that_is_sent_along_can_be_checked(part: Any, picture: Picture) -> None:
    assert shown_in([message({"type": "text", "text": "hi"}, part)]) == ([picture], [])


@pytest.mark.parametrize(
    "part",
    [
        image("https://example.com/a.png"),
        image(data_url(b"GIF89a", "gif")),
        image(data_url(b"GIF89a", "png")),
        image("data:image/png;base64,@@@"),
        image(data_url(PNG + bytes(LARGEST_PICTURE), "png")),
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
        {"type": "file", "file": {"file_id": "file-1"}},
        {"type": "file", "file": {"file_data": data_url(PNG, "pdf")}},
        {"type": "document", "source": {"type": "text", "data": "forbidden fruit"}},
        {"type": "video_url", "video_url": {"url": "s3://bucket/a.mp4"}},
        {"type": "tool_result", "content": [{"type": "image", "source": {"url": "https://example.com/a.png"}}]},
    ],
)
def test_what_cannot_be_checked_is_named_by_its_path(part: Any) -> None:
    messages = [{"role": "system", "content": "x"}, message({"type": "text", "text": "hi"}, part)]

    assert shown_in(messages) == ([], ["messages[1].content[1]"])


def test_citations_and_signed_thinking_of_an_earlier_answer_are_no_files() -> None:
    earlier = {
        "role": "assistant",
        "content": "Paris.",
        "annotations": [{"type": "url_citation", "url_citation": {"url": "https://example.com"}}],
        "thinking_blocks": [{"type": "redacted_thinking", "data": "AAAA"}],
    }
    assert shown_in([earlier]) == ([], [])


def test_many_pictures_are_checked_in_several_turns_and_the_bad_one_is_found() -> None:
    async def scenario() -> None:
        guard = RuledGuard()
        rig = guarded_rig("a", guard=guard)
        fine = [image(data_url(PNG + bytes([number]), "png")) for number in range(MOST_PICTURES)]
        bad = image(data_url(PNG + b"forbidden fruit", "png"))
        result = await rig.router.complete(ChatRequest("a", [message(*fine, bad)]))

        assert [len(texts) for _, texts in guard.asked] == [MOST_PICTURES, 1]
        assert (result.choices[0]["finish_reason"], rig.provider.asked) == ("content_filter", [])

    run_virtually(scenario())
