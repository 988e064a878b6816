"""The state table: what all environments of a stage share."""

from .circuits import SharedCircuits
from .rate_limits import SharedRateLimits

__all__ = ["SharedCircuits", "SharedRateLimits"]
