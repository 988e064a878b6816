"""Schemas of tools and of answers as each API takes them.

Sources: Anthropic "Structured outputs: JSON Schema limitations" and its SDK's `transform_schema` (formats, `oneOf`,
`additionalProperties`); Amazon Bedrock "Structured outputs", which has the same list; Anthropic's own refusal
"input_schema does not support oneOf, allOf, or anyOf at the top level", and Bedrock's "inputSchema.json.type must be
one of the following: object"; for Nova and Llama, pydantic-ai's profiles (`InlineDefsJsonSchemaTransformer`) and, for
Nova, "Defining a tool" of its user guide: `type`, `properties` and `required` at the top, nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .json_schemas import References, Schema, rewritten
from .report import Report, UnfitError

_COMBINED = frozenset({"anyOf", "oneOf", "allOf"})
_REFUSED_NAMES = """
    minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength
    maxItems uniqueItems contains minContains maxContains prefixItems additionalItems unevaluatedItems
    minProperties maxProperties patternProperties propertyNames dependentRequired dependentSchemas
    unevaluatedProperties if then else not
"""
REFUSED = frozenset(_REFUSED_NAMES.split())
"""Of a schema that an answer is held to: no grammar can express these."""
FORMATS = frozenset({"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"})
_SAYABLE = REFUSED | _COMBINED | {"title", "description", "additionalProperties", "$schema", "$id", "$defs", "default"}
"""Keywords of JSON Schema. Any other word at the top of a schema is the caller's own."""
_OPEN = frozenset({"additionalProperties", "patternProperties"})
_BEYOND_GRAMMAR = re.compile(r"\\[1-9bBk]|\(\?[=!<]")
"""In a `pattern`: back references, word boundaries, looking ahead and behind."""


def tool_schema(
    given: Schema | None, report: Report, *, inline: bool, top: frozenset[str] | None, of: str = "tools"
) -> dict[str, Any]:
    """What a tool's calls look like. `inline`: the model takes no `$ref`. `top`: the only keywords at the top. `of`:
    the field that is reported.

    Raises UnfitError where the schema needs what the API lacks.
    """
    schema = dict(given) if given else {"properties": {}}
    references = _references(schema)
    if inline and references:
        if references.recursive:
            raise UnfitError("schema", "takes no recursive schema of a tool")
        schema = references.inlined()
        report.say(f"{of} $defs written out")
    elif isinstance(pointer := schema.get("$ref"), str):
        schema = _resolved(schema, pointer, references)
        report.say(f"{of} $defs written out")
    if schema.setdefault("type", "object") != "object":
        raise UnfitError("schema", "takes only tools whose parameters are an object")
    if of == "response_format" and schema.keys() & _COMBINED:
        raise UnfitError("json_schema", "keeps to no `response_format` of alternatives")
    for keyword in list(schema):
        if keyword in _COMBINED or (top is not None and keyword not in top):
            report.say(f"{of} {keyword if keyword in _SAYABLE else 'keywords'} dropped")
            del schema[keyword]
    return schema


def answer_schema(given: Schema, report: Report, *, of: str = "response_format") -> dict[str, Any]:
    """The schema of constrained decoding for an answer, or for the calls of a strict tool. `of`: the field that is
    reported. Raises UnfitError where the schema needs more."""
    if _references(given).recursive:
        raise UnfitError("schema", f"takes no recursive schema in `{of}`")

    def change(one: dict[str, Any]) -> dict[str, Any]:
        return _within_grammar(one, report, of)

    return rewritten(given, change)


def _references(schema: Schema) -> References:
    references = References(schema)
    if references.dangling:
        raise UnfitError("schema", "takes no `$ref` that leads out of its schema")
    return references


def _resolved(schema: Schema, pointer: str, references: References) -> dict[str, Any]:
    """A schema that is nothing but a `$ref` into itself, as recursive models are: one step on."""
    seen = set()
    merged = dict(schema)
    while isinstance(pointer, str) and pointer not in seen:
        seen.add(pointer)
        merged.pop("$ref", None)
        merged = {**(references.target(pointer) or {}), **merged}
        pointer = merged.get("$ref", "") or ""
    if "$ref" in merged:
        raise UnfitError("schema", "takes no `$ref` that leads to itself")
    return merged


def _within_grammar(schema: dict[str, Any], report: Report, of: str) -> dict[str, Any]:
    for keyword in [name for name in schema if _is_refused(name, schema[name])]:
        report.say(f"{of} {keyword} dropped")
        del schema[keyword]
    if "oneOf" in schema:
        if "anyOf" in schema:
            raise UnfitError("schema", "takes no `oneOf` beside an `anyOf`")
        schema["anyOf"] = schema.pop("oneOf")
        report.say(f"{of} oneOf sent as anyOf")
    schema = _without_needless_all_of(schema)
    kind = schema.get("type")
    if (kind == "object" or (isinstance(kind, list) and "object" in kind)) and (
        schema.get("additionalProperties") is not False
    ):
        if (
            not schema.get("properties")
            and "anyOf" not in schema
            and (schema.keys() & _OPEN or "properties" not in schema)
        ):
            raise UnfitError("schema", f"takes no object in `{of}` whose names are not in its schema")
        schema["additionalProperties"] = False
        report.say(f"{of} additionalProperties set to false")
    return schema


def _is_refused(keyword: str, value: Any) -> bool:
    if keyword == "minItems":
        return value not in (0, 1)
    if keyword == "format":
        return value not in FORMATS
    if keyword == "pattern":
        return not isinstance(value, str) or _BEYOND_GRAMMAR.search(value) is not None
    if keyword == "enum":
        return not isinstance(value, list) or any(isinstance(one, list | Mapping) for one in value)
    return keyword in REFUSED


def _without_needless_all_of(schema: dict[str, Any]) -> dict[str, Any]:
    """A `$ref` alone in an `allOf`, as some generators write it to add fields beside it, stands for itself."""
    members = schema.get("allOf")
    if not isinstance(members, list) or not any(isinstance(one, Mapping) and "$ref" in one for one in members):
        return schema
    if len(members) > 1:
        raise UnfitError("schema", "takes no `$ref` in an `allOf`")
    rest = {name: value for name, value in schema.items() if name != "allOf"}
    return {**members[0], **rest}
