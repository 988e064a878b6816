"""Numbers that others write as text."""

from __future__ import annotations

import pytest

from litellm_fallback_router.routing.decimals import decimal, index


@pytest.mark.parametrize(("text", "number"), [("0", 0.0), ("12", 12.0), ("0.5", 0.5), ("600.0", 600.0), ("007", 7.0)])
def test_plain_digits_are_a_number(text: str, number: float) -> None:
    assert decimal(text) == number


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "1_0",
        "+5",
        "-5",
        " 5",
        "5 ",
        "5\n",
        "nan",
        "inf",
        "1e3",
        "0x10",
        ".5",
        "5.",
        "1,5",
        "٣",
        "²",
        "\uff11",
        "9" * 400,
    ],
)
def test_nothing_else_is(text: str) -> None:
    assert decimal(text) is None
    assert index(text) is None


def test_a_place_in_a_list_has_no_leading_zero() -> None:
    assert (index("0"), index("10"), index("01"), index("9" * 8)) == (0, 10, None, None)
