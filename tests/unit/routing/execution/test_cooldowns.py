"""How long a deployment or a credential is skipped."""

from __future__ import annotations

import asyncio

import pytest

from litellm_fallback_router.routing.execution.cooldowns import LONGEST_COOLDOWN, Cooldowns
from tests.support.virtual_time import run_virtually


@pytest.mark.parametrize(("first", "second"), [(30.0, 10.0), (10.0, 30.0)])
def test_the_later_of_two_ends_counts(first: float, second: float) -> None:
    async def main() -> None:
        cooldowns = Cooldowns()
        cooldowns.cool("a", first)
        cooldowns.cool("a", second)
        assert cooldowns.left("a") == pytest.approx(30.0)
        await asyncio.sleep(29.0)
        cooldowns.cool("a", 0.5)
        assert cooldowns.left("a") == pytest.approx(1.0)
        await asyncio.sleep(1.0)
        assert cooldowns.left("a") == 0.0
        cooldowns.cool("a", 2.0)
        assert cooldowns.left("a") == pytest.approx(2.0)

    run_virtually(main())


def test_each_name_has_its_own_end_and_none_is_later_than_an_hour() -> None:
    async def main() -> None:
        cooldowns = Cooldowns()
        cooldowns.cool("a", 1e9)
        assert (cooldowns.left("a"), cooldowns.left("b")) == (LONGEST_COOLDOWN, 0.0)

    run_virtually(main())
