"""Which deployments a request may ask, in which order, and why not the others. Pure."""

from .health import BUSY, LATER, WAITING, Health, busy, out_of_rate, rpm_kept
from .largest import most_completion_tokens, most_prompt_tokens, runs_providers_tools
from .planner import Candidate, Plan, plan
from .requirements import check_choice, estimate_tokens, needed_params

__all__ = [
    "BUSY",
    "LATER",
    "WAITING",
    "Candidate",
    "Health",
    "Plan",
    "busy",
    "check_choice",
    "estimate_tokens",
    "most_completion_tokens",
    "most_prompt_tokens",
    "needed_params",
    "out_of_rate",
    "plan",
    "rpm_kept",
    "runs_providers_tools",
]
