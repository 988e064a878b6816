"""A Guard by simple rules: it blocks what speaks of forbidden fruit, and masks e-mail addresses."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from litellm_fallback_router.routing.mapping.config import RouterConfig
from litellm_fallback_router.routing.mapping.governance import Guardrail
from litellm_fallback_router.routing.ports import Source
from litellm_fallback_router.routing.request.images import Picture
from litellm_fallback_router.routing.verdicts import GuardUnreachableError, Outcome, Verdict
from tests.support.scripted import Rig, ScriptedProvider, Step, config_of, deployment

DENIED = re.compile(r"forbidden\s+fruit", re.IGNORECASE)
EMAIL = re.compile(r"[a-z0-9]+@[a-z0-9]+\.com")
MESSAGES = {"input": "I cannot talk about that.", "output": "I cannot say that."}


@dataclass
class RuledGuard:
    """Remembers what it was asked."""

    wait: float = 0.01
    unreachable: bool = False
    asked: list[tuple[Source, tuple[str, ...]]] = field(default_factory=list)

    async def check(self, source: Source, texts: Sequence[str]) -> Verdict:
        self.asked.append((source, tuple(texts)))
        await asyncio.sleep(self.wait)
        if self.unreachable:
            raise GuardUnreachableError("ThrottlingException")
        units = {"topicPolicy": 1}
        if DENIED.search(" ".join(texts)):
            return Verdict(Outcome.BLOCKED, message=MESSAGES[source], reasons=("topic: Fruit",), units=units)
        checked = tuple(EMAIL.sub("{EMAIL}", text) for text in texts)
        outcome = Outcome.PASSED if checked == tuple(texts) else Outcome.MASKED
        return Verdict(outcome, checked, units=units)

    async def check_pictures(self, source: Source, pictures: Sequence[Picture]) -> Verdict:
        texts = [one.content.decode(errors="replace") for one in pictures]
        self.asked.append((source, tuple(texts)))
        blocked = DENIED.search(" ".join(texts))
        return Verdict(Outcome.BLOCKED, message=MESSAGES[source]) if blocked else Verdict(Outcome.PASSED)

    def sources(self) -> list[str]:
        return [source for source, _ in self.asked]


def guarded_config(config: RouterConfig, **guardrail: Any) -> RouterConfig:
    return replace(config, guardrail=Guardrail(**{"id": "abc123", "version": "1", "stream_window": 200, **guardrail}))


def guarded_rig(
    *names: str,
    guard: RuledGuard | None = None,
    scripts: dict[str, list[Step]] | None = None,
    providers: dict[str, str] | None = None,
    settings: dict[str, Any] | None = None,
    **guardrail: Any,
) -> Rig:
    """A Router under a guardrail. `providers`: whose a deployment is, where it is not OpenAI's."""
    deployments = [deployment(name, provider=(providers or {}).get(name, "openai")) for name in names]
    config = guarded_config(config_of(*deployments, **(settings or {})), **guardrail)
    return Rig(config, ScriptedProvider(scripts or {}), guard=guard or RuledGuard())
