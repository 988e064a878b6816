"""The finish reason as the provider sent it. LiteLLM makes a `stop` of every reason it does not know, of some that it
does (`error`), and of none at all.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from ..providers import OPENAI_REASONS, FinishReasons


class FinishReader:
    """Reads one answer's finish reasons."""

    def __init__(self, reasons: FinishReasons, *, streamed: bool = False) -> None:
        self._reasons = reasons
        self.streamed = streamed
        """In a stream most chunks have none."""
        self.broken: str | None = None
        """The first reason that means that the answer is not complete."""
        self.last: str | None = None
        """The last reason, in OpenAI's word; None: there has been none."""
        self.on_read: Callable[[], None] | None = None
        """Called at each."""
        self.unsaid = False
        """A choice of a whole answer in OpenAI's format came without a reason, of which LiteLLM makes a `stop`."""

    def read_body(self, body: bytes) -> None:
        """Look through a whole answer as the provider sent it. One that is not in OpenAI's format is ignored."""
        try:
            choices = json.loads(body)["choices"]
            self.unsaid = any(not (one.get("finish_reason") or one.get("finish_details")) for one in choices)
        except (ValueError, LookupError, TypeError, AttributeError):
            return

    def read(self, reason: str) -> str:
        """OpenAI's word for it. It may be one already, since LiteLLM reads some reasons twice."""
        said = self._reasons.as_openai(reason) or (reason if reason in OPENAI_REASONS else None)
        if said is None:
            self.broken = self.broken or reason
            said = "stop"
        self.last = said
        if self.on_read is not None:
            self.on_read()
        return said
