"""The shape of a mapping as a JSON schema, for what looks at one before our own validation does: AppConfig, editors.

It knows less than `load_config`: not which names there are. Draft 4, the only one that AppConfig takes. Source: AWS
AppConfig user guide, "Understanding validators".
"""

from __future__ import annotations

from typing import Any

from .settings import Hedge, RouterSettings

DRAFT = "http://json-schema.org/draft-04/schema#"
_KEPT = frozenset(
    {"type", "enum", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength", "pattern"}
)
_NAMES = {"type": "array", "items": {"type": "string"}, "minItems": 1}
_LISTS = {"type": ["object", "null"], "additionalProperties": _NAMES}
_TABLE = {"type": ["object", "null"]}


def mapping_schema() -> dict[str, Any]:
    """Describe a mapping, be it in this project's shape or that of LiteLLM's `config.yaml`.

    Returns:
        A JSON schema of draft 4.
    """
    entry = {
        "type": "object",
        "required": ["model_name"],
        "properties": {
            "model_name": {"type": "string", "minLength": 1},
            "litellm_provider": {"type": ["string", "null"]},
            "params": {"type": "object", "required": ["model"], "properties": {"model": {"type": "string"}}},
            "litellm_params": {"type": "object"},
        },
    }
    return {
        "$schema": DRAFT,
        "title": "LiteLLM Fallback Router: mapping",
        "type": "object",
        "required": ["model_list"],
        "properties": {
            "model_list": {"type": "array", "minItems": 1, "items": entry},
            "fallbacks": _LISTS,
            "strategies": _LISTS,
            "settings": _settings(),
            "prompts": _TABLE,
            "guardrail": _TABLE,
            "budgets": _TABLE,
            "cache": _TABLE,
            "hedge": _hedge(),
        },
    }


def _settings() -> dict[str, Any]:
    whole = RouterSettings.model_json_schema()
    # A field that is null is one that is left out.
    fields = {name: _draft4(field, whole.get("$defs", {})) for name, field in whole["properties"].items()}
    properties = {name: {"anyOf": [field, {"type": "null"}]} for name, field in fields.items()}
    return {"type": ["object", "null"], "additionalProperties": False, "properties": properties}


def _hedge() -> dict[str, Any]:
    fields = {name: _draft4(field, {}) for name, field in Hedge.model_json_schema()["properties"].items()}
    rule = {"type": ["object", "null"], "additionalProperties": False, "properties": fields}
    return {"type": ["object", "null"], "additionalProperties": rule}


def _draft4(field: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """One field's schema without what draft 4 does not have, or has otherwise."""
    if "$ref" in field:
        return _draft4(definitions[field["$ref"].rpartition("/")[2]], definitions)
    if "anyOf" in field:
        return {"anyOf": [_draft4(one, definitions) for one in field["anyOf"]]}
    kept = {name: value for name, value in field.items() if name in _KEPT}
    if "const" in field:
        kept["enum"] = [field["const"]]
    for bound, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if exclusive in kept:
            kept[bound], kept[exclusive] = kept[exclusive], True
    return kept
