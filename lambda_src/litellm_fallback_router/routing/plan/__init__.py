"""Which deployments a request may ask, in which order, and why not the others. Pure."""

from .health import WAITING, Health, out_of_rate
from .largest import most_completion_tokens, most_prompt_tokens, runs_providers_tools
from .planner import Candidate, Plan, plan
from .requirements import check_choice, estimate_tokens, needed_params
from .warm import cached_price

__all__ = [
    "WAITING",
    "Candidate",
    "Health",
    "Plan",
    "cached_price",
    "check_choice",
    "estimate_tokens",
    "most_completion_tokens",
    "most_prompt_tokens",
    "needed_params",
    "out_of_rate",
    "plan",
    "runs_providers_tools",
]
