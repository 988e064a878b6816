"""Which deployments a request may ask, in which order, and why not the others. Pure."""

from .health import WAITING, Health, out_of_rate
from .planner import Candidate, Plan, plan
from .requirements import check_choice, estimate_tokens, needed_params

__all__ = [
    "WAITING",
    "Candidate",
    "Health",
    "Plan",
    "check_choice",
    "estimate_tokens",
    "needed_params",
    "out_of_rate",
    "plan",
]
