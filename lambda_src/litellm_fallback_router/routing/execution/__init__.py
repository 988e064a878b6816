"""A plan is executed: attempts, waits, retries, deadlines, giving up."""

from .admission import health_of
from .background import run_in_background
from .chain import ChainExecution
from .cooldowns import Cooldowns
from .counting import TokenCount, counted, estimated
from .dependencies import ExecutionDependencies, ShutdownState
from .schedule import BUG, Gate, Stop

__all__ = [
    "BUG",
    "ChainExecution",
    "Cooldowns",
    "ExecutionDependencies",
    "Gate",
    "ShutdownState",
    "Stop",
    "TokenCount",
    "counted",
    "estimated",
    "health_of",
    "run_in_background",
]
