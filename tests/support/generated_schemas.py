"""JSON schemas made from a grammar: bounds, unions, definitions that are used, and some that lead to themselves."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

Json = Any
MARK = "\N{CURRENCY SIGN}"
"""Stands for a text that occurs nowhere else; `generated_requests.marked` fills it in."""
SOUND_TEXT = st.just(MARK)


def fields(required: dict[str, SearchStrategy[Json]], **optional: SearchStrategy[Json]) -> SearchStrategy[Json]:
    return st.fixed_dictionaries(required, optional=optional)


def just(**values: Json) -> dict[str, SearchStrategy[Json]]:
    return {name: st.just(value) for name, value in values.items()}


_PLAIN_SCHEMAS = st.one_of(
    fields(just(type="string"), description=SOUND_TEXT),
    fields(just(type="string"), minLength=st.just(2), maxLength=st.just(90), pattern=st.just("^q.*z$")),
    fields(just(type="string"), format=st.sampled_from(["date", "email"]), title=SOUND_TEXT),
    fields(just(type="integer"), minimum=st.just(3), maximum=st.just(93), multipleOf=st.just(3)),
    fields(just(type="number"), exclusiveMinimum=st.just(4), exclusiveMaximum=st.just(94)),
    fields(just(enum=[MARK, MARK]), type=st.just("string")),
    fields({"const": st.sampled_from([MARK, None])}),
    fields(just(type=["string", "null"], enum=[MARK, None]), default=st.none()),
    st.sampled_from([{"type": "boolean", "default": True}, {"type": ["string", "null"]}, {"type": "null"}, {}]),
    fields({"$ref": st.sampled_from(["#/$defs/leaf", "#/$defs/node", "#/$defs/node"])}),
)


def _compound(inner: SearchStrategy[Json]) -> SearchStrategy[Json]:
    listed = fields(
        {**just(type="array"), "items": inner}, minItems=st.just(1), maxItems=st.just(9), uniqueItems=st.just(True)
    )
    either = fields({st_name: st.lists(inner, min_size=1, max_size=2) for st_name in ("anyOf",)})
    both = fields({"allOf": st.lists(inner, min_size=1, max_size=2)})
    one_of = fields({"oneOf": st.lists(inner, min_size=1, max_size=2)})
    return st.one_of(listed, either, both, one_of, _object(inner))


def _object(inner: SearchStrategy[Json]) -> SearchStrategy[Json]:
    properties = st.dictionaries(st.sampled_from(["place", "kind", "depth", "minimum"]), inner, max_size=3)
    return st.builds(
        _with_required,
        fields(
            {**just(type="object"), "properties": properties},
            description=SOUND_TEXT,
            additionalProperties=st.sampled_from([False, True, {"type": "string"}]),
        ),
        st.sampled_from(["all", "first", "none"]),
    )


def _with_required(schema: dict[str, Json], which: str) -> Json:
    names = list(schema["properties"])
    required = {"all": names, "first": names[:1], "none": []}[which]
    return {**schema, "required": required} if required else schema


_INNER = st.recursive(_PLAIN_SCHEMAS, _compound, max_leaves=4)
_NODE = {
    "type": "object",
    "properties": {
        "value": {"type": "string", "description": MARK},
        "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
    },
}


def _defined(schema: dict[str, Json], *, strict: bool) -> Json:
    """The schema with the definitions that it refers to."""
    text = json.dumps(schema)
    found: dict[str, Json] = {}
    if "#/$defs/leaf" in text:
        found["leaf"] = {"type": "string", "description": MARK}
    if "#/$defs/node" in text:
        found["node"] = _NODE
    schema = {**schema, "$defs": found} if found else schema
    return _closed(schema) if strict else schema


def _closed(schema: Json) -> Json:
    """As OpenAI's strict mode wants it: every object closed, every property required, `anyOf` alone."""
    if isinstance(schema, list):
        return [_closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {{"allOf": "anyOf", "oneOf": "anyOf"}.get(key, key): _closed(value) for key, value in schema.items()}
    if inner.get("type") == "object" and isinstance(inner.get("properties"), dict):
        inner |= {"additionalProperties": False, "required": list(inner["properties"])}
    return inner


SCHEMAS = _object(_INNER).map(lambda schema: _defined(schema, strict=False))
STRICT_SCHEMAS = _object(_INNER).map(lambda schema: _defined(schema, strict=True))
"""As OpenAI takes them with `strict`: what a caller gets wrong there is OpenAI's to refuse."""
