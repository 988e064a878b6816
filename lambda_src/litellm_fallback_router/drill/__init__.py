"""A drill: every hop of every chain is asked with all before it taken out, before a night needs it."""

from .asking import Drill, Limits
from .cases import NEVER, Case, cases_of
from .findings import Finding, Price, findings_of, prices_of, retirement_warning
from .hops import Hop, hops_of
from .order import EVENT, Order, order_in
from .proofs import UNPROVEN_AFTER, Proof, at_text, last_proven, proven_by, unproven
from .report import SIMULATOR, Report, ReportStore, SealError, check_seals, keep, sealed
from .running import Silent, drilled

__all__ = [
    "EVENT",
    "NEVER",
    "SIMULATOR",
    "UNPROVEN_AFTER",
    "Case",
    "Drill",
    "Finding",
    "Hop",
    "Limits",
    "Order",
    "Price",
    "Proof",
    "Report",
    "ReportStore",
    "SealError",
    "Silent",
    "at_text",
    "cases_of",
    "check_seals",
    "drilled",
    "findings_of",
    "hops_of",
    "keep",
    "last_proven",
    "order_in",
    "prices_of",
    "proven_by",
    "retirement_warning",
    "sealed",
    "unproven",
]
