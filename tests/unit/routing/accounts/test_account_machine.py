"""Accounts of three processes in SQLite against a model."""

from __future__ import annotations

from hypothesis import settings

from litellm_fallback_router.adapters.local_accounts import LocalAccounts
from tests.support.account_machine import AccountMachine


class LocalMachine(AccountMachine):
    store_made = staticmethod(lambda clock: LocalAccounts(clock=clock))


LocalMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=60)
TestLocalAccounts = LocalMachine.TestCase
