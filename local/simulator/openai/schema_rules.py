"""Which JSON schemas OpenAI takes for a function's parameters and for an answer.

Sources stand beside the rules; `strict`: platform.openai.com/docs/guides/structured-outputs ("Supported schemas").
"""

from collections.abc import Iterator

from local.simulator.openai.errors import refuse
from local.simulator.schema_walk import Node, Path, dangling, nodes

_NOT_PERMITTED = ("allOf", "dependentRequired", "dependentSchemas", "else", "if", "not", "oneOf", "then")


def check_parameters(name: str, schema: Node, param: str, *, strict: bool) -> None:
    """Raises ApiError for what cannot be a function's parameters."""
    objection = next(_objections_to_parameters(schema), None) or (next(_strict(schema), None) if strict else None)
    if objection:
        # Sources of status, param and code: camel-ai/camel issue 2231, streamnative/streamnative-mcp-server issue 26.
        text = f"Invalid schema for function '{name}': {objection}"
        raise refuse(text, code="invalid_function_parameters", param=param)


def check_answer(name: str, schema: Node, *, strict: bool, param: str = "response_format") -> None:
    """Raises ApiError for what cannot be an answer's form."""
    if strict and (objection := next(_strict(schema), None)):
        raise refuse(f"Invalid schema for response_format '{name}': {objection}", param=param)


def _objections_to_parameters(schema: Node) -> Iterator[str]:
    if schema.get("type") != "object":
        yield _no_object(schema)
    for path, node in nodes(schema):
        # Source: streamnative/streamnative-mcp-server issue 26, modelscope/ms-agent pull request 610.
        if node.get("type") == "array" and "items" not in node:
            yield f"In context={_context(path)}, array schema missing items."
    # Source: spring-projects/spring-ai issue 4776.
    if schema and "properties" not in schema:
        yield "In context=(), object schema missing properties."


def _strict(schema: Node) -> Iterator[str]:
    if schema.get("type") != "object":
        yield _no_object(schema)
    for path, node in nodes(schema):
        context = f"In context={_context(path)}, "
        for word in _NOT_PERMITTED:
            if word in node:
                # Source: docs ("allOf, not, dependentRequired, ..." under "Some type-specific keywords").
                yield f"{context}'{word}' is not permitted."
        if node.get("type") != "object":
            continue
        # Source: bytedance/trae-agent issue 173, camel-ai/camel issue 2231.
        if node.get("additionalProperties") is not False:
            yield f"{context}'additionalProperties' is required to be supplied and to be false."
        # Source: kevinwatt/mysql-mcp issue 5.
        if missing := [name for name in node.get("properties", {}) if name not in node.get("required", ())]:
            yield (
                f"{context}'required' is required to be supplied and to be an array including every key in "
                f"properties. Missing '{missing[0]}'."
            )
    # Source: dotnet/extensions issue 6918 (references lead to definitions of the schema's; the words for one that leads
    # nowhere are those of public error logs). Recursion is taken: docs, "Recursive schemas are supported".
    if lost := dangling(schema):
        yield f"In context={_context(lost[0])}, reference to component '{lost[1]}' which was not found in the schema."


def _no_object(schema: Node) -> str:
    # Source: docs, "Root objects must not be anyOf and must be an object".
    return f"schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{schema.get('type')}\"'."


def _context(path: Path) -> str:
    return repr(path)
