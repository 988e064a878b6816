"""What a caller's key may ask in a minute and at once: reserved before anything is asked, settled by what was used."""

from __future__ import annotations

import asyncio

from ..accounts import Account, Accounts, Refusal, Reservation
from ..adaptation import EMBEDDINGS
from ..callers import CallerKey, Period
from ..errors import RateLimitedError, RouterError, TooManyAtOnceError
from ..ledger import Ledger
from ..plan import estimate_tokens
from ..request import prompt_characters
from ..types import ChatRequest, ChatResult
from ..verdicts import Outcome
from .protocol import Exchange, Interceptor

USUAL_ANSWER = 1_000
"""Completion tokens that count against a minute until it is known how many there are, where the request sets no limit;
at most a tenth of what the minute has."""
LATER = 1.0
"""Seconds after which a caller with too many requests under way may ask again."""


class RatesInterceptor(Interceptor):
    """Requests and tokens a minute and requests under way of one key, once for a request."""

    def __init__(self, key: CallerKey, accounts: Accounts) -> None:
        self._key, self._accounts = key, accounts
        self._held: dict[str, Reservation] = {}
        """By the name of a limit of the key."""

    async def before(self, exchange: Exchange) -> None:
        limits, amounts = _limits(self._key), _amounts(self._key, exchange.request)
        wanted: dict[str, tuple[Account, int]] = {}
        for name, limit in limits.items():
            if limit is not None:
                at_once = name == "concurrency"
                period = Period.EVER if at_once else Period.MINUTE
                account = Account(f"{name}#key#{self._key.id}", limit, period, lapses=at_once)
                # More than a whole minute has is let through when nothing else was used in it.
                wanted[name] = account, min(amounts[name], limit)
        clock = asyncio.get_running_loop().time
        began = clock()
        outcome = await self._accounts.reserve_all(list(wanted.values()))
        if isinstance(outcome, Refusal):
            raise _out_of(outcome.account.name.partition("#")[0], outcome.account.limit, outcome)
        self._held = dict(zip(wanted, outcome, strict=True))
        await exchange.replace(exchange.request.after(clock() - began))

    def after(self, outcome: ChatResult | RouterError, request: ChatRequest) -> None:
        usages = [attempt.usage for attempt in outcome.ledger.attempts if attempt.usage is not None]
        used = {
            "rpm": 0 if _is_replayed(outcome.ledger) else 1,
            "tpm_in": sum(usage.prompt_tokens for usage in usages),
            "tpm_out": sum(usage.completion_tokens for usage in usages),
            "concurrency": 0,
        }
        held, self._held = self._held, {}
        for name, reservation in held.items():
            reservation.settle(used[name])


def has_rates(key: CallerKey) -> bool:
    """True where anything of the key is counted by the minute or at once."""
    return any(limit is not None for limit in _limits(key).values())


def _limits(key: CallerKey) -> dict[str, int | None]:
    return {"rpm": key.rpm, "tpm_in": key.tpm_in, "tpm_out": key.tpm_out, "concurrency": key.concurrency}


def _amounts(key: CallerKey, request: ChatRequest) -> dict[str, int]:
    """Estimated from the request as it came, without its managed prompt."""
    said = request.params.get("max_completion_tokens") or request.params.get("max_tokens")
    usual = min(USUAL_ANSWER, -(-(key.tpm_out or 0) // 10))
    embeds = request.native is not None and request.native.format == EMBEDDINGS
    return {
        "rpm": 1,
        "tpm_in": estimate_tokens(prompt_characters(request.messages, request.params)),
        "tpm_out": 0 if embeds else (said or usual) * (request.params.get("n") or 1),
        "concurrency": 1,
    }


def _is_replayed(ledger: Ledger) -> bool:
    """True for an earlier answer of the response cache. One in front of which the guardrail has blocked the request, or
    of which it has blocked the answer, has cost the guardrail's work and bought none: it counts."""
    blocked = ledger.guardrail is not None and ledger.guardrail.outcome is Outcome.BLOCKED
    return ledger.cache is not None and ledger.cache.outcome == "hit" and not blocked


def _out_of(name: str, limit: int, refusal: Refusal) -> RouterError:
    if name == "concurrency":
        text = f"{limit} requests of this key are being answered, and no more at once; send the next when one has ended"
        return TooManyAtOnceError(text, retry_after=LATER)
    what = {"rpm": "requests", "tpm_in": "prompt tokens", "tpm_out": "completion tokens"}[name]
    text = f"this key's {limit} {what} a minute are used up; send it again in the next minute"
    return RateLimitedError(text, retry_after=refusal.refills_in)
