"""A plan is carried out: attempts, waits, retries, deadlines, giving up."""

from .admission import health_of
from .attempts import Recorder, ask
from .background import run_in_background
from .chain import ChainExecution, Stop
from .cooldowns import Cooldowns
from .counting import TokenCount, counted, estimated
from .dependencies import RouterDependencies
from .streaming import StreamExecution

__all__ = [
    "ChainExecution",
    "Cooldowns",
    "Recorder",
    "RouterDependencies",
    "Stop",
    "StreamExecution",
    "TokenCount",
    "ask",
    "counted",
    "estimated",
    "health_of",
    "run_in_background",
]
