"""The tools that agents are offered: what they say of themselves and what they take.

One place for the gateway that shows them to agents, the policies that weigh their fields and the handler that answers.
The schemas keep to what a tool schema of AgentCore Gateway can say, and nothing may come that is not in them: a policy
cannot weigh a field that it does not see. Source: CloudFormation's AWS::BedrockAgentCore::GatewayTarget
SchemaDefinition.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from litellm_fallback_router.routing.errors import InvalidRequestError

Schema = Mapping[str, Any]
"""JSON Schema, as far as AgentCore takes it: `type`, `description`, `properties`, `required`, `items`."""

SEPARATOR = "___"
"""AgentCore calls a tool `TARGET___TOOL`."""
MAX_TOKENS = "max_tokens"
"""The field of every tool that bounds its answer."""
_MAX_ECHO = 64
_TYPES: Mapping[str, tuple[str, tuple[type, ...]]] = {
    "string": ("a string", (str,)),
    "integer": ("an integer", (int,)),
    "number": ("a number", (int, float)),
    "array": ("an array", (list,)),
    "object": ("an object", (dict,)),
}


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool. Its answers are JSON."""

    name: str
    description: str
    """For the agent, which chooses its tools by it."""
    input: Schema
    model: str
    """The field that names the model or strategy."""
    text: tuple[str, ...]
    """Where what is said stands: a field that is always there, or `LIST[*].FIELD` for that field of every item."""

    def check(self, arguments: Mapping[str, Any]) -> None:
        """Raises InvalidRequestError for the first argument that the schema does not allow, naming its place."""
        _check(self.input, arguments, "")


ASK = Tool(
    name="ask",
    description=(
        "Ask a language model one question. A fallback chain stands behind the model: if it is down, the next one "
        "answers. Gives the answer, who gave it, tokens, cost in USD and every attempt; or an error that says what "
        "to do."
    ),
    input={
        "type": "object",
        "properties": {
            "question": {"type": "string", "description": "The question, with everything needed to answer it"},
            "primary_model": {"type": "string", "description": "A model or strategy, such as cost-optimized"},
            "temperature": {"type": "number", "description": "0 to 2"},
            MAX_TOKENS: {"type": "integer", "description": "Longest answer, in tokens"},
        },
        "required": ["question"],
    },
    model="primary_model",
    text=("question",),
)

CHAT_COMPLETION = Tool(
    name="chat_completion",
    description=(
        "Continue a conversation with a language model, as OpenAI's chat completions do. A fallback chain stands "
        "behind the model: if it is down, the next one answers. Gives OpenAI's chat completion, with who answered "
        "and every attempt under router; or an error that says what to do."
    ),
    input={
        "type": "object",
        "properties": {
            "model": {"type": "string", "description": "A model or strategy, such as cost-optimized"},
            "messages": {
                "type": "array",
                "description": "The conversation, oldest first",
                "items": {
                    "type": "object",
                    "properties": {
                        "role": {"type": "string", "description": "system, user or assistant"},
                        "content": {"type": "string", "description": "What was said"},
                    },
                    "required": ["role", "content"],
                },
            },
            "temperature": {"type": "number", "description": "0 to 2"},
            "top_p": {"type": "number", "description": "0 to 1"},
            MAX_TOKENS: {"type": "integer", "description": "Longest answer, in tokens"},
            "stop": {"type": "array", "items": {"type": "string"}, "description": "Up to 4 texts that end the answer"},
            "seed": {"type": "integer", "description": "For answers that repeat, where the model can"},
        },
        "required": ["model", "messages"],
    },
    model="model",
    text=("messages[*].content",),
)

TOOLS: Mapping[str, Tool] = {tool.name: tool for tool in (ASK, CHAT_COMPLETION)}


def _check(schema: Schema, value: Any, path: str) -> None:
    expected, kinds = _TYPES[schema["type"]]
    if type(value) not in kinds:
        raise _refused(f"Invalid type for '{path}': expected {expected}.", path, "invalid_type")
    if schema["type"] == "array":
        for index, item in enumerate(value):
            _check(schema["items"], item, f"{path}[{index}]")
    elif schema["type"] == "object":
        _check_fields(schema, value, path)


def _check_fields(schema: Schema, value: Mapping[str, Any], path: str) -> None:
    properties, required = schema["properties"], schema["required"]
    for name in value:
        if name not in properties:
            where = _join(path, name.encode("unicode_escape").decode("ascii")[:_MAX_ECHO])
            known = ", ".join(properties)
            raise _refused(f"Unknown parameter: '{where}'. Known: {known}.", where, "unknown_parameter")
    for name, inner in properties.items():
        # An agent often writes null for an optional argument that it leaves out.
        if value.get(name) is not None:
            _check(inner, value[name], _join(path, name))
        elif name in required:
            where = _join(path, name)
            raise _refused(f"Missing required parameter: '{where}'.", where, "missing_required_parameter")


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _refused(text: str, param: str, code: str) -> InvalidRequestError:
    error = InvalidRequestError(text, param=param)
    error.code = code
    return error
