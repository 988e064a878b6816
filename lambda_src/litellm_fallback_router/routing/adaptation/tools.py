"""Tools, and the form of an answer, as Claude and Bedrock's models take them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..types import Deployment
from .cache_marks import CacheMarks
from .report import Report, UnfitError
from .schemas import answer_schema, tool_schema

ANTHROPICS_OWN = frozenset({"defer_loading", "allowed_callers", "input_examples", "eager_input_streaming"})
"""What Anthropic's tools have besides OpenAI's."""
_TOOL = frozenset({"type", "function", "cache_control"})
_FUNCTION = frozenset({"name", "description", "parameters", "strict", "cache_control"})


class ToolFit:
    """Fits the tools and the response format of one request to one deployment."""

    def __init__(self, deployment: Deployment, report: Report) -> None:
        self._report = report
        self._dialect = deployment.profile.dialect
        self._marks = CacheMarks(deployment, report)
        self._converse = self._dialect.converse
        self._native = deployment.info.native_schema is True

    def tool(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """A tool in OpenAI's form. Raises UnfitError where its schema needs what the API lacks."""
        function = given["function"]
        own = frozenset() if self._converse else ANTHROPICS_OWN
        if _more(given, _TOOL | own) or _more(function, _FUNCTION | own):
            self._report.say("unknown fields dropped")
        kept = {name: function[name] for name in ("name", "description", "strict") if function.get(name)}
        kept["parameters"] = tool_schema(
            function.get("parameters"),
            self._report,
            inline=not self._dialect.references,
            top=self._dialect.schema_top,
        )
        if kept.get("strict"):
            self._hold(kept)
        extras = {name: owner[name] for owner in (function, given) for name in own if owner.get(name) is not None}
        tool = {"type": "function", "function": kept, **extras}
        mark = self._marks.of(given if given.get("cache_control") is not None else function, tool=True)
        return tool if mark is None else {**tool, "cache_control": mark}

    def _hold(self, function: dict[str, Any]) -> None:
        """A strict tool's schema is within the grammar of answers; where it cannot be, the tool is not strict."""
        report = Report()
        try:
            function["parameters"] = answer_schema(function["parameters"], report, of="tools")
        except UnfitError:
            del function["strict"]
            self._report.say("tools strict dropped")
        else:
            self._report.say_all(report.lines)

    def format(self, given: Mapping[str, Any], *, beside_tools: bool) -> dict[str, Any]:
        """A `response_format` of a JSON schema. Raises UnfitError as above."""
        wanted = dict(given["json_schema"])
        if self._native:
            wanted["schema"] = answer_schema(wanted["schema"], self._report)
        elif beside_tools:
            # LiteLLM implements it by a tool that must be called: the caller's own never would be.
            raise UnfitError("json_schema", "does not keep to a response_format beside tools")
        else:
            self._report.say("response_format asked for by a tool")
            wanted["schema"] = tool_schema(
                wanted["schema"],
                self._report,
                inline=not self._dialect.references,
                top=self._dialect.schema_top,
                of="response_format",
            )
        unsent = ("name",) if self._converse and not self._native else () if self._converse else ("name", "description")
        for name in unsent:
            if wanted.pop(name, None):
                self._report.say(f"response_format {name} dropped")
        return {"type": "json_schema", "json_schema": wanted}


def _more(owner: Mapping[str, Any], known: frozenset[str]) -> bool:
    return any(value is not None for name, value in owner.items() if name not in known)
