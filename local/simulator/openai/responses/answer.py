"""OpenAI's form of a response: the object, and the items in it."""

import secrets
import time
from collections.abc import Mapping
from typing import Any

from local.simulator.conversation import Answer, ToolCall, tokens
from local.simulator.openai.answer import token_logprobs
from local.simulator.openai.responses import schema
from local.simulator.openai.responses.request import ResponsesCall
from local.simulator.openai.responses.sealing import seal

Json = Mapping[str, Any]


def response(call: ResponsesCall, answer: Answer | None) -> dict[str, Any]:
    """A finished response; without output when there is no answer."""
    return finished(call, answer, output(call, answer))


def finished(call: ResponsesCall, answer: Answer | None, made: list[dict[str, Any]]) -> dict[str, Any]:
    whole = {
        **envelope(call),
        "status": "completed",
        "completed_at": int(time.time()),
        "service_tier": "default",
        "output": made,
        "usage": _usage(call, answer),
    }
    if answer and answer.finish in {"length", "content_filter"}:
        reason = "max_output_tokens" if answer.finish == "length" else "content_filter"
        whole.update(status="incomplete", completed_at=None, incomplete_details={"reason": reason})
    elif answer and answer.finish is None:
        whole.update(status="in_progress", completed_at=None)
    return whole


def failed(call: ResponsesCall, code: str, message: str) -> dict[str, Any]:
    return {**envelope(call), "status": "failed", "error": {"code": code, "message": message}}


def envelope(call: ResponsesCall) -> dict[str, Any]:
    """A response that has just begun."""
    asked, body = call.asked, call.body
    reasoning = asked.reasoning
    return {
        "id": call.response_id,
        "object": "response",
        "created_at": int(time.time()),
        "status": "in_progress",
        "background": False,
        "completed_at": None,
        "error": None,
        "incomplete_details": None,
        "instructions": asked.instructions,
        "max_output_tokens": asked.max_output_tokens,
        "max_tool_calls": asked.max_tool_calls,
        "metadata": asked.metadata or {},
        "model": call.model.reported,
        "output": [],
        "parallel_tool_calls": call.parallel,
        "previous_response_id": asked.previous_response_id,
        "prompt_cache_key": asked.prompt_cache_key,
        "reasoning": {
            "effort": reasoning.effort if reasoning else None,
            "summary": reasoning.summary if reasoning else None,
        },
        "safety_identifier": asked.safety_identifier,
        "service_tier": "auto",
        "store": asked.store is not False,
        "temperature": 1.0 if asked.temperature is None else asked.temperature,
        "text": _text_told_back(body),
        "tool_choice": body.get("tool_choice") or "auto",
        "tools": [_tool_told_back(tool) for tool in body.get("tools") or ()],
        "top_logprobs": asked.top_logprobs or 0,
        "top_p": 1.0 if asked.top_p is None else asked.top_p,
        "truncation": asked.truncation or "disabled",
        "usage": None,
        "user": asked.user,
    }


def _text_told_back(body: Json) -> dict[str, Any]:
    given = body.get("text") or {}
    return {"format": given.get("format") or {"type": "text"}, "verbosity": given.get("verbosity") or "medium"}


def _tool_told_back(tool: Json) -> dict[str, Any]:
    # Source: types of the client, FunctionToolParam: `strict` and `parameters` are always there.
    defaults = {"description": None, "parameters": None, "strict": True} if tool["type"] == "function" else {}
    return {**defaults, **tool}


def output(call: ResponsesCall, answer: Answer | None) -> list[dict[str, Any]]:
    """The items of an answer, each whole."""
    if answer is None:
        return []
    made = [_thought(call, answer.thinking)] if answer.thinking else []
    if answer.searched:
        made.append(_search(call))
    if answer.text or not answer.tool_calls:
        made.append(_message(call, answer))
    custom = {tool.name for tool in call.asked.tools or () if isinstance(tool, schema.CustomTool)}
    made += [_custom_call(one) if one.name in custom else _function_call(one) for one in answer.tool_calls]
    return made


def _item(kind: str, prefix: str, **fields: Any) -> dict[str, Any]:
    return {"id": f"{prefix}_{secrets.token_hex(24)}", "type": kind, **fields}


def _thought(call: ResponsesCall, thinking: str) -> dict[str, Any]:
    asked = call.asked.reasoning
    told = bool(asked and (asked.summary or asked.generate_summary))
    item = _item("reasoning", "rs", summary=[{"type": "summary_text", "text": thinking}] if told else [])
    if call.wants("reasoning.encrypted_content"):
        item["encrypted_content"] = seal(thinking, call.owner)
    return item


def _search(call: ResponsesCall) -> dict[str, Any]:
    action: dict[str, Any] = {"type": "search", "query": "the question", "queries": ["the question"]}
    if call.wants("web_search_call.action.sources"):
        action["sources"] = [{"type": "url", "url": "https://example.com/"}]
    return _item("web_search_call", "ws", status="completed", action=action)


def _message(call: ResponsesCall, answer: Answer) -> dict[str, Any]:
    whole = answer.finish not in {"length", "content_filter"}
    if answer.refused:
        part: dict[str, Any] = {"type": "refusal", "refusal": answer.text}
    else:
        logprobs = token_logprobs(call, answer.text)
        part = {"type": "output_text", "annotations": [], "logprobs": logprobs, "text": answer.text}
    status = "completed" if whole else "incomplete"
    return _item("message", "msg", status=status, role="assistant", content=[part])


def _function_call(call: ToolCall) -> dict[str, Any]:
    written = call.arguments_json()
    call_id = f"call_{call.id}"
    return _item("function_call", "fc", status="completed", arguments=written, call_id=call_id, name=call.name)


def _custom_call(call: ToolCall) -> dict[str, Any]:
    written, call_id = str(call.arguments["input"]), f"call_{call.id}"
    return _item("custom_tool_call", "ctc", status="completed", call_id=call_id, input=written, name=call.name)


def _usage(call: ResponsesCall, answer: Answer | None) -> dict[str, Any]:
    read, written = call.prompt_tokens, answer.completion_tokens if answer else 0
    return {
        "input_tokens": read,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": written,
        "output_tokens_details": {"reasoning_tokens": tokens(answer.thinking) if answer else 0},
        "total_tokens": read + written,
    }
