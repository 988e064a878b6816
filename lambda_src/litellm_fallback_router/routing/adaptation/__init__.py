"""A request made fit for one deployment: what is merged, renamed or dropped, each with a line in `adjusted`."""

from .native import (
    EMBEDDINGS,
    FOREIGN,
    MADE_HERE,
    NATIVE_FORMATS,
    continued,
    is_foreign,
    marked,
    masked,
    origin_of,
    speaks,
    unmarked,
)
from .postprocess import Adapted, Chunks, Postprocessor, processed
from .report import UnfitError
from .steps import Conversation, adapt
from .tool_images import MOVED
from .tools import ANTHROPICS_OWN

__all__ = [
    "ANTHROPICS_OWN",
    "EMBEDDINGS",
    "FOREIGN",
    "MADE_HERE",
    "MOVED",
    "NATIVE_FORMATS",
    "Adapted",
    "Chunks",
    "Conversation",
    "Postprocessor",
    "UnfitError",
    "adapt",
    "continued",
    "is_foreign",
    "marked",
    "masked",
    "origin_of",
    "processed",
    "speaks",
    "unmarked",
]
