"""The settings of one stage, checked first of all."""

from .loading import load_stage
from .settings import Plan, Stage
from .values import NEW

__all__ = ["NEW", "Plan", "Stage", "load_stage"]
