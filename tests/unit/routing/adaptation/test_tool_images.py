"""Images and files in results of tools, for APIs whose results are text."""

from __future__ import annotations

from typing import Any

from litellm_fallback_router.routing.adaptation.tool_images import with_moved_images

IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
FILE = {"type": "file", "file": {"file_data": "data:application/pdf;base64,AA=="}}
TEXT = {"type": "text", "text": "t"}
CALLS: dict[str, Any] = {"role": "assistant", "content": None, "tool_calls": []}


def result(name: str, content: Any) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": name, "content": content}


def test_they_follow_right_after_the_results_of_their_turn() -> None:
    asked = {"role": "user", "content": "So?"}
    given = [
        CALLS,
        result("a", [TEXT, IMAGE]),
        result("b", [FILE]),
        result("c", "text"),
        asked,
        CALLS,
        result("d", [IMAGE]),
    ]
    assert with_moved_images(given) == [
        CALLS,
        result("a", [TEXT]),
        result("b", ""),
        result("c", "text"),
        {"role": "user", "content": [IMAGE, FILE]},
        asked,
        CALLS,
        result("d", ""),
        {"role": "user", "content": [IMAGE]},
    ]
    assert given[1] == result("a", [TEXT, IMAGE]), "what others are asked too was changed"


def test_results_of_text_stay_as_they_are() -> None:
    given = [CALLS, result("a", [TEXT]), result("b", "t"), result("c", None)]
    assert with_moved_images(given) == given
