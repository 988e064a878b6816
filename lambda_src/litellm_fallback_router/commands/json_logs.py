"""The gateway's log on stderr: one line of JSON per event."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any


class JsonFormatter(logging.Formatter):
    """`{"time", "level", "logger", ...}`: an event's own fields where the message is a JSON object, else `message`.

    Of an exception it keeps the type: its text may quote a prompt, an answer or a key.
    """

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            **_content(record.getMessage()),
        }
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = record.exc_info[0].__qualname__
        return json.dumps(line)


def _content(message: str) -> dict[str, Any]:
    if message.startswith("{"):
        try:
            event = json.loads(message)
        except ValueError:
            return {"message": message}
        if isinstance(event, dict):
            return event
    return {"message": message}


def log_to_stderr(level: str) -> None:
    """Our log at `level`, and what uvicorn has to complain about."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    for name, threshold in (("litellm_fallback_router", level), ("uvicorn.error", "WARNING")):
        logger = logging.getLogger(name)
        logger.addHandler(handler)
        logger.setLevel(threshold)
        logger.propagate = False
