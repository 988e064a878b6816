"""A request for each thing that a caller may send, and how to find it again in what a provider got."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from litellm_fallback_router.routing.types import Message

ASKED: list[Message] = [{"role": "user", "content": "Say it as json."}]
PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="  # one grey dot
)
SCHEMA = {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]}
FUNCTION = {"name": "look_up", "parameters": SCHEMA}
TOOL = {"type": "function", "function": FUNCTION}
CALL = {"id": "call_1", "type": "function", "function": {"name": "look_up", "arguments": '{"place": "Ulm"}'}}
CUSTOM_CALL = {"id": "call_1", "type": "custom", "custom": {"name": "run", "input": "Ulm"}}
RESULT = {"role": "tool", "tool_call_id": "call_1", "content": "On the Danube"}


@dataclass(frozen=True)
class Sample:
    """A request that uses one thing. `traces`: any of them in a provider's request says that it arrived.
    `report`: how a line of `adjusted` about it begins."""

    traces: tuple[str, ...]
    report: str | tuple[str, ...]
    params: dict[str, Any] = field(default_factory=dict)
    messages: list[Message] = field(default_factory=lambda: ASKED)


def param(name: str, value: Any, *traces: str, report: str | None = None, **more: Any) -> Sample:
    return Sample(traces or (f'"{name}": {json.dumps(value)}',), report or name, {name: value, **more})


PARAMS: dict[str, Sample] = {
    "temperature": param("temperature", 0.625),
    "top_p": param("top_p", 0.875, "0.875"),
    "top_p beside temperature": param("top_p", 0.875, "0.875", temperature=0.5),
    "top_k": param("top_k", 17),
    "n": param("n", 3),
    "max_tokens": param("max_tokens", 717, "717"),
    "max_completion_tokens": param("max_completion_tokens", 717, "717"),
    "stop": param("stop", "ENOUGH", "ENOUGH"),
    "stop of several": param("stop", ["ENOUGH", "\n"], '"ENOUGH", "\\n"'),
    "seed": param("seed", 717),
    "presence_penalty": param("presence_penalty", 0.625),
    "frequency_penalty": param("frequency_penalty", 0.625),
    "logit_bias": param("logit_bias", {"17": 5}),
    "logprobs": param("logprobs", True),
    "top_logprobs": param("top_logprobs", 3, logprobs=True),
    "tools": param("tools", [TOOL], "look_up"),
    "tools strict": param(
        "tools",
        [{"type": "function", "function": {**FUNCTION, "strict": True}}],
        '"strict": true',
        report="tools strict dropped",
    ),
    "tools custom": param("tools", [{"type": "custom", "custom": {"name": "run"}}], '"run"'),
    "tools custom among others": param("tools", [TOOL, {"type": "custom", "custom": {"name": "run"}}], '"run"'),
    "tool_choice": param("tool_choice", "none", '"tool_choice": "none"', '"type": "none"', tools=[TOOL]),
    "tool_choice required": param(
        "tool_choice", "required", '"tool_choice": "required"', '"type": "any"', '"any": {}', tools=[TOOL]
    ),
    "tool_choice of one": param(
        "tool_choice",
        {"type": "function", "function": {"name": "look_up"}},
        '"tool_choice": {"type": "function"',
        '"tool_choice": {"type": "tool", "name": "look_up"',
        '"toolChoice": {"tool": {"name": "look_up"}',
        tools=[TOOL],
    ),
    "tool_choice of some": param(
        "tool_choice",
        {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [{"type": "function"}]}},
        '"allowed_tools"',
        tools=[TOOL],
    ),
    "tool_choice without tools": param("tool_choice", "none"),
    "parallel_tool_calls": param(
        "parallel_tool_calls",
        False,
        '"parallel_tool_calls": false',
        '"disable_parallel_tool_use": true',
        tools=[TOOL],
    ),
    "parallel_tool_calls without tools": param("parallel_tool_calls", False),
    "functions": param("functions", [FUNCTION], "look_up"),
    "function_call": param("function_call", {"name": "look_up"}, functions=[FUNCTION]),
    "response_format": param(
        "response_format",
        {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA}},
        '"place"',
        '\\"place\\"',
    ),
    "response_format strict": param(
        "response_format",
        {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True}},
        # Claude is held to every schema; only Bedrock's other models are asked for it by a tool.
        *('"strict": true', '"output_format"', '"outputConfig"'),
        report="response_format strict dropped",
    ),
    "response_format without a schema": param(
        "response_format", {"type": "json_schema", "json_schema": {"name": "answer"}},
        '"json_schema": {"name": "answer"}', '"name": "answer", "schema": {}',
    ),
    "response_format json_object": param(
        "response_format", {"type": "json_object"}, 'format": {"type": "json_object"}'
    ),
    "reasoning_effort": param(
        "reasoning_effort", "low", '"effort": "low"', '"maxReasoningEffort": "low"', '"reasoning_effort": "low"',
        '"thinking": {',
    ),
    "thinking": param("thinking", {"type": "enabled", "budget_tokens": 1717}, "1717", max_tokens=4000),
    "verbosity": param("verbosity", "low"),
    "modalities": param("modalities", ["text"]),
    "modalities of speech": param("modalities", ["text", "audio"], audio={"voice": "alloy", "format": "wav"}),
    "audio": param("audio", {"voice": "alloy", "format": "wav"}),
    "prediction": param("prediction", {"type": "content", "content": "Paris"}),
    "moderation": param("moderation", {"model": "omni-moderation-latest"}),
    "web_search_options": param(
        "web_search_options", {"search_context_size": "low"}, '"web_search', '"nova_grounding"'
    ),
    "web_search_options of nothing": param(
        "web_search_options", {}, '"web_search_options": {}', '"web_search_2', '"nova_grounding"'
    ),
    "user": param("user", "user-717"),
    "safety_identifier": param("safety_identifier", "user-717"),
    "metadata": param("metadata", {"run": "717"}),
    "metadata of what is stored": param("metadata", {"run": "717"}, store=True),
    "store": param("store", True),
    "service_tier": param("service_tier", "flex"),
    "prompt_cache_key": param("prompt_cache_key", "717"),
    "prompt_cache_options": param("prompt_cache_options", {"mode": "explicit"}),
    "prompt_cache_retention": param("prompt_cache_retention", "24h"),
}  # fmt: skip


def said(
    *traces: str, report: str | tuple[str, ...] = "-", params: dict[str, Any] | None = None, messages: list[Message]
) -> Sample:
    return Sample(traces, report, params or {}, messages)


def user(kind: str, value: Any, trace: str) -> Sample:
    return said(trace, messages=[{"role": "user", "content": [{"type": "text", "text": "x"}, {"type": kind, **value}]}])


def before(message: Message, trace: str, *, report: str | tuple[str, ...] = "-") -> Sample:
    return said(trace, report=report, messages=[*ASKED, message, *ASKED])


IMAGE_URL = {"url": f"data:image/png;base64,{PIXEL}"}
IMAGE = {"image_url": IMAGE_URL}
PART: dict[str, Sample] = {
    "text": user("text", {"text": "Ulm"}, "Ulm"),
    "image_url": user("image_url", IMAGE, PIXEL),
    "input_audio": user("input_audio", {"input_audio": {"data": "UklGRg==", "format": "wav"}}, "UklGRg=="),
    "file": user("file", {"file": {"file_data": "data:application/pdf;base64,JVBERi0xLjQK"}}, "JVBERi0xLjQK"),
    "file by id": user("file", {"file": {"file_id": "file-717"}}, "file-717"),
    "document": user(
        "document", {"source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0xLjQK"}}, "JVBERi0"
    ),
    "document of text": user(
        "document", {"source": {"type": "text", "media_type": "text/plain", "data": "Ulm"}}, "Ulm"
    ),
    "video_url": user("video_url", {"video_url": {"url": "data:video/mp4;base64,UklGRg=="}}, "UklGRg=="),
    "audio_url": user("audio_url", {"audio_url": {"url": "data:audio/wav;base64,UklGRg=="}}, "UklGRg=="),
    "guarded_text": user("guarded_text", {"text": "Ulm"}, "Ulm"),
    "grounding_source": user("grounding_source", {"text": "Ulm"}, "Ulm"),
    "query": user("query", {"text": "Ulm"}, "Ulm"),
}
SAID: dict[str, Sample] = {
    "developer": said("Ulm", messages=[{"role": "developer", "content": "Ulm"}, *ASKED]),
    "system": said("Ulm", messages=[{"role": "system", "content": "Ulm"}, *ASKED]),
    "user": said("Ulm", messages=[{"role": "user", "content": "Ulm"}]),
    "assistant": before({"role": "assistant", "content": "Ulm"}, "Ulm"),
    "tool": said(
        "Danube",
        params={"tools": [TOOL]},
        messages=[*ASKED, {"role": "assistant", "content": None, "tool_calls": [CALL]}, RESULT],
    ),
    "function": said(
        "Danube",
        messages=[
            *ASKED,
            {"role": "assistant", "content": None, "function_call": CALL["function"]},
            {"role": "function", "name": "look_up", "content": "Danube"},
        ],
    ),
    "tool_calls": said(
        "Ulm", messages=[*ASKED, {"role": "assistant", "content": None, "tool_calls": [CALL]}, RESULT, *ASKED]
    ),
    "tool_calls, and no more of them": said(
        '"tool_choice": "none"',
        '"tool_choice": {"type": "none"}',
        report="tool_choice dropped",
        params={"tools": [TOOL], "tool_choice": "none"},
        messages=[*ASKED, {"role": "assistant", "content": None, "tool_calls": [CALL]}, RESULT],
    ),
    "tool_calls of a custom tool": said(
        "Ulm",
        params={"tools": [TOOL]},
        messages=[*ASKED, {"role": "assistant", "content": None, "tool_calls": [CUSTOM_CALL]}, RESULT],
    ),
    "function_call": before(
        {"role": "assistant", "content": None, "function_call": {"name": "look_up", "arguments": "Ulm"}}, "Ulm"
    ),
    "audio": before({"role": "assistant", "content": None, "audio": {"id": "audio_717"}}, "audio_717"),
    "refusal": before({"role": "assistant", "content": None, "refusal": "I will not"}, "I will not"),
    "refusal as a part": before(
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "I will not"}]}, "I will not"
    ),
    "reasoning_content": before(
        {"role": "assistant", "content": "x", "reasoning_content": "I thought"},
        "I thought",
        report=("reasoning_content dropped", "thinking blocks dropped"),
    ),
    "thinking_blocks": before(
        {
            "role": "assistant",
            "content": "x",
            "thinking_blocks": [{"type": "thinking", "thinking": "I thought", "signature": "717"}],
        },
        "I thought",
        report="thinking blocks dropped",
    ),
    "name": said("Zoe", report="name dropped", messages=[{"role": "user", "name": "Zoe", "content": "x"}]),
    "image in an instruction": said(
        PIXEL, messages=[{"role": "system", "content": [{"type": "image_url", **IMAGE}]}, *ASKED]
    ),
    "image of an assistant": before({"role": "assistant", "content": [{"type": "image_url", **IMAGE}]}, PIXEL),
    "image of a tool": said(
        PIXEL,
        params={"tools": [TOOL]},
        messages=[
            *ASKED,
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
            {**RESULT, "content": [{"type": "image_url", **IMAGE}]},
        ],
    ),
    "detail of an image": said(
        '"detail": "low"',
        report="detail dropped",
        messages=[{"role": "user", "content": [{"type": "image_url", "image_url": IMAGE_URL | {"detail": "low"}}]}],
    ),
    "cache mark": said(
        *('"cache_control"', '"cachePoint"'),
        report="cache_control dropped",
        messages=[{"role": "user", "content": [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}]}],
    ),
}  # fmt: skip
