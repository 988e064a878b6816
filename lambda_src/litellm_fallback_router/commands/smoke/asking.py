"""Asks every deployment of a stage once whole and once streamed, as a caller would."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from ...routing.types import Deployment

if TYPE_CHECKING:
    from ...adapters.gateway_client import GatewayClient, Reply

AT_ONCE = 2
"""Requests: each may be another environment's first, and a new account has few."""
SECONDS = 60.0
"""For one answer; sent to the gateway as its limit."""
TRIES = 10
"""Requests for each deployment of a group whose members no request can tell apart."""
THROTTLED_WAITS = 10
"""How often a request is sent again because of the key's usage plan."""
LONGEST_WAIT = 5.0
"""Seconds before it is."""
WHOLE = "Reply with one word: ok", 16, 512
STREAMED = "Count from 1 to 60 in digits, separated by spaces.", 256, 1024
"""The prompt, and the most tokens for it, without and with reasoning (which counts as tokens)."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of asking one deployment in one way."""

    reply: Reply
    attempt: Mapping[str, Any] | None
    """Its last line in the ledger; None: there was no attempt."""
    dropped: Mapping[str, Any] | None
    """Why the router dropped it."""

    @property
    def answered(self) -> bool:
        return self.attempt is not None and self.attempt["outcome"] == "answered" and not self.reply.problem

    @property
    def spread(self) -> float:
        """Seconds between the first and the last event of the stream, as the caller saw them."""
        return self.reply.last - self.reply.first

    @property
    def sent_over(self) -> float:
        """Seconds between them as the provider sent them; not a number where that is unknown."""
        if self.attempt is None or self.attempt["first_token_seconds"] is None:
            return math.nan
        return float(self.attempt["seconds"]) - float(self.attempt["first_token_seconds"])


@dataclass(frozen=True, slots=True)
class Answers:
    """What all of it came to, by deployment; one that no request got to is missing."""

    whole: Mapping[str, Asked]
    streamed: Mapping[str, Asked]
    requests: int
    """That got to the router."""
    cost_usd: float
    """As far as prices are known."""


class Asking:
    """`say`: called with the name of each request."""

    def __init__(self, client: GatewayClient, say: Callable[[str], None]) -> None:
        self._client = client
        self._say = say
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._requests = 0
        self._cost = 0.0

    async def all(self, deployments: Sequence[Deployment]) -> Answers:
        groups = indistinguishable(deployments)
        total, done = 2 * len(deployments), 0
        found: dict[bool, dict[str, Asked]] = {False: {}, True: {}}

        async def one(members: tuple[Deployment, ...], streamed: bool) -> None:
            nonlocal done
            rivals = sum(_reaches(members[0], deployment) for deployment in deployments)
            async with self._slots:
                tries = 1 if rivals == 1 else TRIES * rivals
                found[streamed] |= await self._group(members, streamed=streamed, tries=tries)
            done += len(members)
            self._say(f"asked {done} of {total}: {members[0].id}, {'streamed' if streamed else 'whole'}")

        async with asyncio.TaskGroup() as tasks:
            for members in groups:
                for streamed in (False, True):
                    tasks.create_task(one(members, streamed))
        return Answers(found[False], found[True], self._requests, self._cost)

    async def _group(self, members: tuple[Deployment, ...], *, streamed: bool, tries: int) -> dict[str, Asked]:
        """As many requests as it takes until each of the `members` was chosen, but no more than `tries`."""
        found: dict[str, Asked] = {}
        for _ in range(tries):
            reply = await self._unthrottled(_body(members[0], streamed=streamed))
            routing_report = reply.routing_report
            if routing_report is None:
                return {member.id: Asked(reply, None, None) for member in members} | found
            self._requests += 1
            self._cost += routing_report.get("cost_usd") or 0.0
            for member in members:
                attempt, dropped = _last(routing_report["attempts"], member), _last(routing_report["dropped"], member)
                if attempt or (dropped and member.id not in found):
                    found[member.id] = Asked(reply, attempt, dropped)
            if len(found) == len(members):
                break
        return found

    async def _unthrottled(self, body: Mapping[str, Any]) -> Reply:
        headers = {"x-router-timeout-ms": str(int(SECONDS * 1000))}
        reply = await self._client.complete(body, headers)
        for _ in range(THROTTLED_WAITS):
            if reply.status != 429 or reply.routing_report is not None or reply.retry_after is None:
                break
            await asyncio.sleep(min(reply.retry_after, LONGEST_WAIT))
            reply = await self._client.complete(body, headers)
        return reply


def indistinguishable(deployments: Iterable[Deployment]) -> list[tuple[Deployment, ...]]:
    """Deployments in groups that a request can single out: by model, provider and Region. Mostly groups of one."""

    def single(deployment: Deployment) -> tuple[str, str, str]:
        return deployment.model_name, deployment.provider, deployment.region or ""

    return [tuple(members) for _, members in groupby(sorted(deployments, key=single), key=single)]


def _reaches(asked: Deployment, other: Deployment) -> bool:
    """Whether a request for the one may end at the other."""
    alike = asked.model_name == other.model_name and asked.provider == other.provider
    return alike and (asked.region is None or asked.region == other.region)


def _body(deployment: Deployment, *, streamed: bool) -> dict[str, Any]:
    question, usual, reasoning = STREAMED if streamed else WHOLE
    router: dict[str, Any] = {"fallback": False, "resume": False, "explain": True, "providers": [deployment.provider]}
    if deployment.region:
        router["regions"] = [deployment.region]
    return {
        "model": deployment.model_name,
        "messages": [{"role": "user", "content": question}],
        "max_tokens": reasoning if deployment.info.reasoning else usual,
        "stream": streamed,
        "router": router,
    }


def _last(lines: Sequence[Mapping[str, Any]], deployment: Deployment) -> Mapping[str, Any] | None:
    return next((line for line in reversed(lines) if line["deployment"] == deployment.id), None)
