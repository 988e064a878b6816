"""What there is only so much of: money in a period, requests and tokens a minute, requests under way."""

from .account import Account, Balance, Granted, Refusal, Short, Slot, StoreLostError
from .accounts import Accounts, Reservation
from .spending import Spending, SpendLine

__all__ = [
    "Account",
    "Accounts",
    "Balance",
    "Granted",
    "Refusal",
    "Reservation",
    "Short",
    "Slot",
    "SpendLine",
    "Spending",
    "StoreLostError",
]
