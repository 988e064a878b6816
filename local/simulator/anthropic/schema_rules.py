"""Which JSON schemas Claude takes, at Anthropic and on Bedrock.

Each rule names where it was read; docs are platform.claude.com/docs/en/build-with-claude/structured-outputs ("JSON
Schema limitations"), as quoted in BerriAI/litellm pull request 35811.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from local.simulator.schema_walk import Node, circle, dangling, nodes

_NOT_SUPPORTED: Mapping[str, tuple[str, ...]] = {
    "integer": ("exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum", "multipleOf"),
    "number": ("exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum", "multipleOf"),
    "string": ("maxLength", "minLength"),
    "array": ("maxItems", "uniqueItems"),
    "object": ("maxProperties", "minProperties"),
}
"""By type. Sources: agentjido/req_llm issue 302 (`minimum`), BerriAI/litellm pull request 29624 (numbers, strings),
vercel/ai issue 17197 (`maxItems`); the docs' list of unsupported constraints for the others."""
_COMBINED = ("oneOf", "allOf", "anyOf")


def unfit_for_output(schema: Node) -> str | None:
    """Why an answer (or the calls of a strict tool) cannot be held to this schema; None: it can."""
    return next(_objections(schema), None)


def _objections(schema: Node) -> Iterator[str]:
    for _, node in nodes(schema):
        kinds = node.get("type")
        for kind in kinds if isinstance(kinds, list) else [kinds]:
            yield from _objections_to(str(kind), node)
    # Source: anthropics/anthropic-sdk-csharp issue 195, langchain4j/langchain4j issue 5133.
    if lost := dangling(schema):
        yield f"Invalid schema: Reference to non-existent definition: {lost[1]}"
    # Source: egonSchiele/agency-lang issue 487 (tried at the API on 2026-07-09); docs: "Recursive schemas" unsupported.
    if names := circle(schema):
        yield (
            f"Circular reference detected in schema definitions: {' -> '.join(names)}. Self-referencing or "
            "mutually-referencing definitions are not supported."
        )


def _objections_to(kind: str, node: Node) -> Iterator[str]:
    refused = [word for word in _NOT_SUPPORTED.get(kind, ()) if word in node]
    if len(refused) == 1:
        yield f"For '{kind}' type, property '{refused[0]}' is not supported"
    elif refused:
        yield f"For '{kind}' type, properties {', '.join(refused)} are not supported"
    # Source: ghostlobster/memorize-everything issue 93.
    if kind == "array" and node.get("minItems", 0) not in (0, 1):
        yield "For 'array' type, 'minItems' values other than 0 or 1 are not supported"
    # Source: veryfront/veryfront-code pull request 3921; BerriAI/litellm pull request 35811.
    if kind == "object" and node.get("additionalProperties") is not False:
        yield "For 'object' type, 'additionalProperties' must be explicitly set to false"


def unfit_for_tool(schema: Mapping[str, Any]) -> str | None:
    """Why a tool cannot have this schema for its input; None: it can."""
    # Source: Hmbown/Codewhale issue 4329.
    if any(word in schema for word in _COMBINED):
        return "input_schema does not support oneOf, allOf, or anyOf at the top level"
    return None
