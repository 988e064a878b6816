"""A process that uses one account in a DynamoDB table: `python -m tests.support.account_worker TABLE LIMIT ahead|exact
HOLD REQUESTS...`, with AWS's own environment variables.

It makes so many requests at once, each of which holds up to a hundredth of the limit, and prints what all of them have
used. With HOLD above 0 it first holds that much, says so, and waits to be killed.
"""

from __future__ import annotations

import asyncio
import random
import sys

from litellm_fallback_router.adapters.dynamodb.accounts import PAUSE_SECONDS, TableAccounts
from litellm_fallback_router.adapters.dynamodb.responses import patient_client
from litellm_fallback_router.adapters.dynamodb.table import Availability
from litellm_fallback_router.routing.accounts import Account, Accounts, Reservation
from litellm_fallback_router.routing.callers import Period
from tests.support.fleet import StateNotes

ACCOUNT = "usd#key#shared"


def store(table: str) -> TableAccounts:
    return TableAccounts(patient_client(), table, Availability(StateNotes(), pause=PAUSE_SECONDS))


async def main(table: str, limit: int, ahead: bool, hold: int, requests: int) -> None:
    account = Account(ACCOUNT, limit, Period.EVER)
    accounts = Accounts(store(table), ahead=ahead, fail_closed=True)
    if hold:
        assert isinstance(await accounts.reserve(account, hold), Reservation)
        sys.stdout.write("held\n")
        sys.stdout.flush()
        await asyncio.sleep(600)
    used = 0

    async def request() -> None:
        nonlocal used
        most = random.randint(limit // 200, limit // 100)
        held = await accounts.reserve(account, most)
        if isinstance(held, Reservation):
            await asyncio.sleep(random.random() / 20)
            cost = random.randint(0, most)
            used += cost
            held.settle(cost, random.choice(["gpt-4o", "nova"]))

    await asyncio.gather(*(request() for _ in range(requests)))
    while accounts.unwritten:
        await accounts.flush()
    await accounts.aclose()
    sys.stdout.write(f"{used}\n")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3] == "ahead", int(sys.argv[4]), int(sys.argv[5])))
