"""Bodies of Anthropic's Messages API with everything that they may hold, each text of its own."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

from hypothesis import strategies as st

CACHE = {"type": "ephemeral", "ttl": "1h"}


class Bodies:
    """Draws one body. No text in it stands twice, so that each can be found again."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw
        self._numbers = count(1000)
        self._calls: list[str] = []

    def body(self) -> dict[str, Any]:
        """A whole one."""
        turns = [self._user(), *self._exchanges()]
        body: dict[str, Any] = {"model": self._word(), "max_tokens": next(self._numbers), "messages": turns}
        for name, value in self._options():
            if self._maybe():
                body[name] = value
        return body

    def _options(self) -> Iterator[tuple[str, Any]]:
        yield "system", self._some(self._word(), [self._text(), self._text()])
        yield "tools", [self._some(*self._tools()) for _ in range(self._few())]
        yield (
            "tool_choice",
            self._some(
                {"type": "any", "disable_parallel_tool_use": True},
                {"type": "tool", "name": self._word()},
                {"type": "auto", "of_the_future": self._word()},
            ),
        )
        yield "stop_sequences", [self._word() for _ in range(self._draw(st.integers(1, 6)))]
        yield "temperature", self._draw(st.sampled_from([0.25, 0.5, 1.0]))
        yield "top_p", 0.75
        yield "top_k", next(self._numbers)
        yield "metadata", {"user_id": self._word(), "of_the_future": self._word()}
        yield (
            "thinking",
            self._some(
                {"type": "enabled", "budget_tokens": next(self._numbers)}, {"type": "adaptive", "display": "omitted"}
            ),
        )
        schema = {"type": "object", "properties": {self._word(): {"type": "string"}}}
        form = {"type": "json_schema", "schema": schema}
        yield (
            "output_config",
            self._some(
                {"effort": "high", "task_budget": {"type": "tokens", "total": next(self._numbers)}}, {"format": form}
            ),
        )
        yield "service_tier", "standard_only"
        yield "cache_control", CACHE
        yield "context_management", {"edits": [{"type": self._word()}]}
        yield "container", self._word()
        yield "mcp_servers", [{"type": "url", "url": self._word(), "name": self._word()}]
        yield "fallbacks", [{"model": self._word()}]
        yield "fallback_credit_token", self._word()
        yield "inference_geo", self._word()
        yield "speed", "fast"

    def _tools(self) -> list[dict[str, Any]]:
        schema = {"type": "object", "properties": {self._word(): {"type": "string", "description": self._word()}}}
        own = {"name": self._word(), "description": self._word(), "input_schema": schema}
        return [
            own,
            {**own, "type": "custom", "strict": True, "cache_control": CACHE},
            {**own, "defer_loading": True, "input_examples": [{"a": self._word()}], "of_the_future": self._word()},
            {"type": "web_search_20250305", "name": "web_search", "allowed_domains": [self._word()]},
            {"type": "bash_20250124", "name": "bash"},
        ]

    def _exchanges(self) -> Iterator[dict[str, Any]]:
        for _ in range(self._few()):
            yield self._assistant()
            yield self._user()
            if self._maybe():
                yield self._instruction()

    def _assistant(self) -> dict[str, Any]:
        if self._maybe():
            return {"role": "assistant", "content": self._word()}
        call = {"type": "tool_use", "id": self._word(), "name": self._word(), "input": {self._word(): self._word()}}
        kinds = [
            self._text(),
            {"type": "thinking", "thinking": self._word(), "signature": self._word()},
            {"type": "thinking", "thinking": self._word(), "signature": f"fallback-router:{self._word()}"},
            {"type": "redacted_thinking", "data": self._word()},
            {**call, "cache_control": CACHE, "caller": {"type": "direct"}},
            {"type": "server_tool_use", "id": self._word(), "name": "web_search", "input": {"query": self._word()}},
            {"type": "fallback", "from": {"model": self._word()}, "to": {"model": self._word()}},
        ]
        blocks = [kind for kind in kinds if self._maybe()] or [self._text()]
        self._calls = [block["id"] for block in blocks if block["type"] == "tool_use"]
        return {"role": "assistant", "content": blocks}

    def _instruction(self) -> dict[str, Any]:
        """In the course of the conversation."""
        tool = {"name": self._word(), "input_schema": {"type": "object", "description": self._word()}}
        changes = [
            {"type": "tool_addition", "tool": {"type": "tool_definition", "definition": tool}},
            {"type": "tool_addition", "tool": {"type": "tool_reference", "name": self._word()}},
            {"type": "tool_removal", "tool": {"type": "tool_reference", "name": self._word()}},
            {"type": "tool_addition", "tool": {"type": "mcp_tool_reference", "name": self._word()}},
        ]
        said = {"role": "system", "content": [self._text(), *(change for change in changes if self._maybe())]}
        made: dict[str, Any] = self._some(
            said, {**said, "clear_at": "next_user_message"}, {**said, "output_config": {"effort": "low"}}
        )
        return made

    def _user(self) -> dict[str, Any]:
        calls, self._calls = self._calls, []
        results = [self._result(call) for call in calls]
        if not results and self._maybe():
            return {"role": "user", "content": self._word()}
        said = [self._some(*self._blocks()) for _ in range(self._few())] or [self._text()]
        return {"role": "user", "content": [*said, *results] if self._maybe() else [*results, *said]}

    def _result(self, call: str) -> dict[str, Any]:
        result: dict[str, Any] = {"type": "tool_result", "tool_use_id": call}
        if self._maybe():
            result["content"] = self._some(self._word(), [self._some(*self._blocks())])
        if self._maybe():
            result |= {"is_error": True, "cache_control": CACHE, "of_the_future": self._word()}
        return result

    def _blocks(self) -> list[dict[str, Any]]:
        """What a user says, or a tool gives."""
        pdf = {"type": "base64", "media_type": "application/pdf", "data": self._word()}
        title = {"title": self._word(), "context": self._word(), "citations": {"enabled": True}}
        found = {"type": "search_result", "title": self._word(), "source": self._word(), "content": [self._text()]}
        png = {"type": "base64", "media_type": "image/png", "data": self._word()}
        return [
            self._text(),
            {
                **self._text(),
                "cache_control": CACHE,
                "citations": [{"type": "char_location", "cited_text": self._word()}],
            },
            {"type": "image", "source": png, "cache_control": CACHE},
            {"type": "image", "source": {"type": "url", "url": f"https://{self._word()}"}},
            {"type": "image", "source": {"type": "file", "file_id": self._word()}},
            {"type": "document", "source": pdf, **title},
            {"type": "document", "source": {"type": "url", "url": f"https://{self._word()}"}, "title": self._word()},
            {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": self._word()}, **title},
            {"type": "document", "source": {"type": "content", "content": [self._text()]}, "title": self._word()},
            {**found, "citations": {"enabled": True}},
            {"type": "tool_reference", "tool_name": self._word()},
            {"type": "of_the_future", "data": self._word()},
        ]

    def _text(self) -> dict[str, Any]:
        return {"type": "text", "text": self._word()}

    def _word(self) -> str:
        return f"w{next(self._numbers)}"

    def _maybe(self) -> bool:
        return self._draw(st.booleans())

    def _few(self) -> int:
        return self._draw(st.integers(0, 3))

    def _some(self, *choices: Any) -> Any:
        return self._draw(st.sampled_from(choices))


@st.composite
def messages_bodies(draw: st.DrawFn) -> dict[str, Any]:
    """Bodies that Anthropic's API would take, but for what only its future has."""
    return Bodies(draw).body()
