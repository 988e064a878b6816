"""A plan is executed: attempts, waits, retries, deadlines, giving up."""

from .admission import health_for_plan
from .attempt import BUG, Gate, Stop
from .background import run_in_background
from .caches import Conversation, PromptCaches, may_be_cached
from .carrying import carried_over, same_places, with_same_deployments
from .chain import ChainExecution
from .cooldowns import Cooldowns
from .counting import TokenCount, counted, estimated
from .dependencies import ExecutionDependencies, ShutdownState, forgetful
from .holds import AttemptHook, Hold

__all__ = [
    "BUG",
    "AttemptHook",
    "ChainExecution",
    "Conversation",
    "Cooldowns",
    "ExecutionDependencies",
    "Gate",
    "Hold",
    "PromptCaches",
    "ShutdownState",
    "Stop",
    "TokenCount",
    "carried_over",
    "counted",
    "estimated",
    "forgetful",
    "health_for_plan",
    "may_be_cached",
    "run_in_background",
    "same_places",
    "with_same_deployments",
]
