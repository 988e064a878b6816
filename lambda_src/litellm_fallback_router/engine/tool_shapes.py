"""Tools and forms of answers in the API's own shape, which LiteLLM 1.106.2 passes on as it comes.

From OpenAI's shape it would make something else: on Bedrock a tool's schema loses all but its `type`, `properties`
and `required` (`BedrockToolSpec`), its `$ref`s are expanded in exponential time (`unpack_defs`), and at Anthropic the
bounds of a schema move into its descriptions (`filter_anthropic_output_schema`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..routing.adaptation import ANTHROPICS_OWN
from ..routing.types import Deployment

CONVERSE = "bedrock/converse/"


def native(deployment: Deployment, params: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of `acompletion` in place of `tools` and `response_format`; `params` are adapted already."""
    if "messages" in deployment.profile.native_formats:
        tool, form = _anthropic_tool, _anthropic_format
    elif deployment.litellm_model.startswith(CONVERSE):
        tool, form = _bedrock_tool, _bedrock_format
    else:
        return {}
    arguments: dict[str, Any] = {}
    tools = params.get("tools") or ()
    if tools and all(_is_adapted(one) for one in tools):
        arguments["tools"] = [block for one in tools for block in tool(one)]
    wanted = params.get("response_format") or {}
    if wanted.get("type") == "json_schema" and deployment.info.native_schema is True:
        arguments |= form(wanted["json_schema"])
    return arguments


def _is_adapted(tool: Mapping[str, Any]) -> bool:
    function = tool.get("function")
    return isinstance(function, Mapping) and isinstance(function.get("parameters"), Mapping)


def _anthropic_tool(tool: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Source: Anthropic "Create a message", `tools`."""
    function = tool["function"]
    block = {"type": "custom", "name": function["name"], "input_schema": function["parameters"]}
    if "description" in function:
        block["description"] = function["description"]
    return [block | {name: tool[name] for name in ("cache_control", *sorted(ANTHROPICS_OWN)) if name in tool}]


def _anthropic_format(wanted: Mapping[str, Any]) -> dict[str, Any]:
    return {"output_format": {"type": "json_schema", "schema": wanted["schema"]}}


def _bedrock_tool(tool: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Source: Amazon Bedrock "ToolSpecification" and "CachePointBlock"."""
    function = tool["function"]
    spec = {"name": function["name"], "inputSchema": {"json": function["parameters"]}}
    spec |= {name: function[name] for name in ("description", "strict") if name in function}
    blocks: list[dict[str, Any]] = [{"toolSpec": spec}]
    if (mark := tool.get("cache_control")) is not None:
        ttl = {"ttl": mark["ttl"]} if "ttl" in mark else {}
        blocks.append({"cachePoint": {"type": "default", **ttl}})
    return blocks


def _bedrock_format(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Source: Amazon Bedrock "JsonSchemaDefinition": the schema is a string."""
    named = {name: wanted[name] for name in ("name", "description") if wanted.get(name)}
    definition = {"schema": json.dumps(wanted["schema"], ensure_ascii=False), **named}
    return {"outputConfig": {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": definition}}}}
