"""What there is only so much of: money in a period, requests and tokens a minute, requests under way."""

from .account import Account, Refusal, Slot, StoreLostError
from .accounts import Accounts, Reservation
from .spending import Spending, SpendLine

__all__ = ["Account", "Accounts", "Refusal", "Reservation", "Slot", "SpendLine", "Spending", "StoreLostError"]
