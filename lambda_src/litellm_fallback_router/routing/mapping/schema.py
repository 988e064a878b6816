"""The mapping's shape at its edge, and its mistakes in words: each with its path and the fix, never a value
that might be a key."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date
from difflib import get_close_matches
from typing import Any, Literal, TypeVar, get_args
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_core import ErrorDetails

_OPERATOR_PARAM_NAMES = """
    api_version organization extra_headers extra_body model_id guardrailConfig
    azure_ad_token tenant_id client_id client_secret azure_scope azure_username azure_password
    vertex_project vertex_location vertex_credentials watsonx_region_name
    aws_access_key_id aws_secret_access_key aws_session_token aws_session_name aws_profile_name aws_role_name
    aws_web_identity_token aws_sts_endpoint aws_external_id aws_session_tags aws_bedrock_runtime_endpoint
    aws_bedrock_project_id
"""
OPERATOR_PARAMS = frozenset(_OPERATOR_PARAM_NAMES.split())
"""LiteLLM's own deployment parameters (litellm/types/router.py), handed on as they are."""
_STRICT = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)
_REFERENCE = re.compile(r"os\.environ/[A-Za-z_][A-Za-z0-9_]*")
_VARIABLE_NAME = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*_(API_KEY|KEY|TOKEN)")
_MODEL = TypeVar("_MODEL", bound=BaseModel)


class ModelEntry(BaseModel):
    """One item of `model_list`."""

    model_config = _STRICT

    model_name: str = Field(min_length=1, max_length=200)
    litellm_provider: str | None = None
    params: Any = None
    """Read on its own, as `Params`."""

    @field_validator("model_name")
    @classmethod
    def _usable_name(cls, name: str) -> str:
        if name != name.strip() or not name.isprintable() or "#" in name or "*" in name:
            raise ValueError("must be printable, without '#', '*' or space around it")
        return name


class Params(BaseModel):
    """`params` of an item, without the `OPERATOR_PARAMS`. Times are seconds."""

    model_config = _STRICT

    model: str = Field(min_length=1, max_length=500)
    api_key: str | None = Field(None, repr=False)
    api_base: str | None = None
    region: str | None = None
    aws_region_name: str | None = None
    rpm: int | None = Field(None, ge=1)
    weight: float = Field(1.0, gt=0, le=1_000_000)
    dimensions: int | None = Field(None, ge=1, le=100_000)
    first_token_timeout: float | None = Field(None, gt=0, le=900)
    answer_timeout: float | None = Field(None, gt=0, le=900)
    stall_timeout: float | None = Field(None, gt=0, le=900)
    model_info: dict[str, Any] = Field(default_factory=dict)

    @field_validator("model", "region", "aws_region_name")
    @classmethod
    def _one_word(cls, text: str) -> str:
        if not text.isprintable() or " " in text:
            raise ValueError("must be printable, without spaces")
        return text

    @field_validator("api_key")
    @classmethod
    def _usable_key(cls, key: str) -> str | None:
        key = key.strip()
        if key.startswith("os.environ") and not _REFERENCE.fullmatch(key):
            raise ValueError("a reference is os.environ/NAME, with a variable's name")
        if _VARIABLE_NAME.fullmatch(key):
            raise ValueError(f"looks like a variable's name; write os.environ/{key}")
        if key.startswith("$"):
            raise ValueError("looks like a shell variable; write os.environ/NAME")
        if not re.fullmatch(r"[!-~]*", key):
            raise ValueError("must be printable ASCII without spaces, as a key is sent in a header")
        return key or None

    @field_validator("api_base")
    @classmethod
    def _usable_base(cls, base: str) -> str:
        if not _REFERENCE.fullmatch(base) and not is_url(base):
            raise ValueError("must be a URL such as http://localhost:8000/v1")
        if "@" in urlsplit(base).netloc:
            raise ValueError("must not hold a user or password, as it is shown; use api_key or extra_headers")
        return base.rstrip("/")


class InfoOverride(BaseModel):
    """`model_info`: what is known better here than in the price map. `base_model` names the model to look up,
    where a deployment's own name is not a model's (Azure); `mode` is its kind: chat or embedding. The rest is as in
    `ModelInfo`."""

    model_config = _STRICT

    base_model: str | None = Field(None, min_length=1)
    mode: Literal["chat", "embedding"] | None = None
    dimensions: int | None = Field(None, ge=1, le=100_000)
    tools: bool | None = None
    tool_choice: bool | None = None
    images: bool | None = None
    json_schema: bool | None = None
    reasoning: bool | None = None
    sampling: bool | None = None
    prompt_caching: bool | None = None
    prefill: bool | None = None
    native_schema: bool | None = None
    cache_ttl: bool | None = None
    max_input_tokens: int | None = Field(None, ge=1)
    max_output_tokens: int | None = Field(None, ge=1)
    input_usd_per_token: float | None = Field(None, ge=0)
    output_usd_per_token: float | None = Field(None, ge=0)
    cached_usd_per_token: float | None = Field(None, ge=0)
    retires_on: str | None = None

    @field_validator("retires_on")
    @classmethod
    def _iso_date(cls, value: str) -> str:
        try:
            return date.fromisoformat(value).isoformat()
        except ValueError:
            raise ValueError("must be a date such as 2027-03-30") from None


def is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return bool(re.fullmatch(r"https?://\S+", text) and parts.hostname and parts.port != 0)
    except ValueError:  # a bracket that opens no IPv6 address, a port that there is not
        return False


def parse(model: type[_MODEL], value: Mapping[Any, Any], path: str, problems: list[str]) -> _MODEL | None:
    """`value` as a `model`, an absent field and one set to null being the same; its mistakes are added to
    `problems`, and None is returned."""
    given = {
        key: item
        for key, item in value.items()
        if isinstance(key, str) and (item is not None or key not in model.model_fields)
    }
    for key in value:
        if not isinstance(key, str):
            problems.append(f"{path}: every field's name must be text; put {type_name(key)} in quotes")
    try:
        return model.model_validate(given)
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=True)
        problems.extend(_sentence(detail, path, model) for detail in details)
        return None


def table(value: Any, path: str, problems: list[str]) -> Mapping[Any, Any]:
    """`value` if it is an object; null is an empty one, and anything else a problem."""
    if value is None:
        return {}
    if isinstance(value, Mapping):
        return value
    problems.append(f"{path}: must be an object, got {type_name(value)}")
    return {}


def name_lists(value: Any, path: str, problems: list[str]) -> dict[str, tuple[str, ...]]:
    """`{name: [names]}`; its mistakes are added to `problems` and left out."""
    lists: dict[str, tuple[str, ...]] = {}
    if isinstance(value, list | tuple):
        problems.append(f"{path}: must be an object like {{NAME: [OTHER]}}, got a list")
        return {}
    for name, names in table(value, path, problems).items():
        where = f"{path}.{name}"
        if not isinstance(name, str) or not name:
            problems.append(f"{path}: every name must be text; put {type_name(name)} in quotes")
        elif not isinstance(names, list | tuple) or not names:
            got = "an empty list" if isinstance(names, list | tuple) else type_name(names)
            problems.append(f"{where}: must be a list of names like [OTHER], got {got}")
        else:
            for index, one in enumerate(names):
                if not isinstance(one, str):
                    problems.append(f"{where}[{index}]: must be a name, got {type_name(one)}")
                elif one in names[:index]:
                    problems.append(f"{where}[{index}]: '{one}' is listed twice; remove one")
            lists[name] = tuple(dict.fromkeys(one for one in names if isinstance(one, str)))
    return lists


def unknown(word: str, known: Iterable[str]) -> str:
    """`unknown field; did you mean 'model'?`, or the list of what is known."""
    names = list(known)
    close = get_close_matches(word, names, n=1)
    return f"unknown field, did you mean '{close[0]}'?" if close else f"unknown field; known: {', '.join(names)}"


def type_name(value: Any) -> str:
    """What a value is, in JSON's words: it may be a key, so it is never quoted."""
    names = {bool: "true or false", int: "a number", float: "a number", str: "a string"}
    if value is None:
        return "null"
    if isinstance(value, Mapping):
        return "an object"
    return names.get(type(value), "a list" if isinstance(value, list | tuple) else "something else")


_EXPECTED = {
    "string_type": "must be a string",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "dict_type": "must be an object",
    "tuple_type": "must be a list",
    "model_type": "must be an object",
}
_BOUNDS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than_equal": ("le", "at most"),
}
_OTHER = {
    "missing": "missing; add it",
    "string_too_short": "must not be empty",
    "finite_number": "must be a finite number",
}
_CALLERS = "not a field here: callers send it with the request"
_INSTEAD = {
    **dict.fromkeys(("temperature", "max_tokens", "max_completion_tokens", "top_p", "stop", "seed"), _CALLERS),
    **dict.fromkeys(("base_url", "endpoint", "url"), "unknown field; write api_base"),
    **dict.fromkeys(("timeout", "request_timeout"), "unknown field; write answer_timeout or first_token_timeout"),
    **dict.fromkeys(("num_retries", "max_retries"), "not a field here: settings.tries_per_deployment of the mapping"),
    "region_name": "unknown field; write region",
    "tpm": "unknown field; limits are requests a minute: rpm",
    "provider": "unknown field; litellm_provider stands beside params",
}
"""What other tools call a field of `params`, and what to write."""


def _sentence(detail: ErrorDetails, path: str, model: type[BaseModel]) -> str:
    where = ".".join([path, *(str(part) for part in detail["loc"])])
    return f"{where}: {_explanation(detail, model)}"


def _unknown_field(name: str, model: type[BaseModel]) -> str:
    if ":" in name:
        return "unknown field; put a space after the colon"
    if model is ModelEntry and (name in Params.model_fields or name in OPERATOR_PARAMS):
        return "belongs in params; move it there"
    if model is Params and name in _INSTEAD:
        return _INSTEAD[name]
    known = list(model.model_fields)
    if model is Params and (close := get_close_matches(name, OPERATOR_PARAMS, n=1)):
        known += close
    return unknown(name, known)


def _explanation(detail: ErrorDetails, model: type[BaseModel]) -> str:
    kind, got, context = detail["type"], detail["input"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown_field(str(detail["loc"][-1]), _inner(model, detail["loc"][:-1]))
    if kind == "literal_error":
        return f"must be {context['expected']}"
    if kind in _EXPECTED:
        fraction = " with a decimal point" if kind == "int_type" and isinstance(got, float) else ""
        return f"{_EXPECTED[kind]}, got {type_name(got)}{fraction}"
    if kind in _BOUNDS:
        key, words = _BOUNDS[kind]
        return f"must be {words} {_plain(context[key])}, got {got}"
    if kind == "value_error":
        return str(context["error"])
    return _OTHER.get(kind) or detail["msg"][:1].lower() + detail["msg"][1:]


def _inner(model: type[BaseModel], path: tuple[int | str, ...]) -> type[BaseModel]:
    """The model of the part that `path` leads to, as far as its steps are fields."""
    for step in path:
        field = model.model_fields.get(str(step))
        parts = (field.annotation, *get_args(field.annotation)) if field is not None else ()
        model = next((one for one in parts if isinstance(one, type) and issubclass(one, BaseModel)), model)
    return model


def _plain(bound: float) -> str:
    """900 rather than 900.0, and 100000000 rather than 1e+08."""
    return str(int(bound)) if bound == int(bound) else str(bound)
