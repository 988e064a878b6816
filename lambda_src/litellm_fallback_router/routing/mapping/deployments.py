"""One item of `model_list` -> one Deployment."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from ...providers import OwnApi, SignIn, is_foreign_server, key_variables, provider_profile, speaks_openai
from ..types import Deployment, ModelInfo
from .provider_names import (
    Target,
    behind,
    check_provider,
    is_aws_region,
    names_another_provider,
    target,
)
from .schema import OPERATOR_PARAMS, InfoOverride, ModelEntry, Params, is_url, parse, type_name
from .vector_spaces import SERVED, can_embed, space_of

Describe = Callable[[str, str], ModelInfo]
"""Provider and model id -> what is known of the model."""
Lookup = Callable[[str], str | None]
"""Name of an environment variable -> its value."""
REFERENCE = "os.environ/"
"""Begins a reference to an environment variable, as in LiteLLM's config: `os.environ/OPENAI_API_KEY`."""


def build(
    item: Any, path: str, params_key: str, *, describe: Describe, lookup: Lookup, problems: list[str]
) -> Deployment | None:
    """The deployment that `item` describes, with its model name as id; None where it has mistakes, which
    are added to `problems`."""
    before = len(problems)
    if not isinstance(item, Mapping):
        like = f"{{model_name: NAME, {params_key}: {{model: MODEL}}}}"
        problems.append(f"{path}: must be an object like {like}, got {type_name(item)}")
        return None
    entry = parse(ModelEntry, item, path, problems)
    path, raw = f"{path}.{params_key}", item.get("params")
    if not isinstance(raw, Mapping):
        got = "missing; add it" if raw is None else f"must be an object, got {type_name(raw)}"
        problems.append(f"{path}: {got}")
        return None
    own = {key: value for key, value in raw.items() if key not in OPERATOR_PARAMS}
    for field in ("model", "api_base", "region", "aws_region_name"):
        own[field] = _resolved(own.get(field), lookup)
    params = parse(Params, own, path, problems)
    extra = {key: raw[key] for key in raw if key in OPERATOR_PARAMS and raw[key] is not None}
    resolved = {key: _resolved(value, lookup) for key, value in extra.items()}
    _check_extra(resolved, path, problems)
    info = parse(InfoOverride, _table(raw.get("model_info")), f"{path}.model_info", problems)
    if entry is None or params is None or info is None:
        if entry is not None and entry.litellm_provider is not None:
            try:
                check_provider(entry.litellm_provider)
            except ValueError as error:
                problems.append(f"{path.rpartition('.')[0]}.litellm_provider: {error}")
        return None
    where = _target(entry, params, path, problems)
    if params.region and params.aws_region_name and params.region != params.aws_region_name:
        problems.append(f"{path}.aws_region_name: is not the same as region; keep one of them")
    if where is None or len(problems) > before:
        return None
    region = params.region or params.aws_region_name or where.region
    known = _looked_up(where, info.base_model, region, describe)
    ours = replace(known, **info.model_dump(exclude={"base_model"}, exclude_unset=True))
    space = None
    if _embeds(ours.mode, params.dimensions, info.base_model or where.model):
        space = space_of(where.provider, where.model, info.base_model, ours.dimensions)
        ours = replace(ours, dimensions=space.dimensions)
        space = replace(space, dimensions=params.dimensions or space.dimensions)
        if not can_embed(where.provider, where.model, params.api_base):
            problems.append(f"{path}.model: its embeddings are not served here; there are those of {SERVED}")
    elif params.dimensions is not None:
        problems.append(f"{path}.dimensions: chats have none; with model_info.mode: embedding it embeds texts")
    return Deployment(
        id=entry.model_name,
        model_name=entry.model_name,
        provider=where.provider,
        model=where.model,
        litellm_model=where.litellm_model,
        credential=_credential(where.provider, params, extra),
        base_model=_base_model(where.provider, info.base_model),
        region=region or extra.get("vertex_location"),
        api_base=params.api_base,
        api_key=params.api_key,
        openai_compatible=speaks_openai(where.provider, params.api_base),
        rpm=params.rpm,
        weight=params.weight,
        first_token_timeout=params.first_token_timeout,
        answer_timeout=params.answer_timeout,
        stall_timeout=params.stall_timeout,
        extra=resolved,
        info=ours,
        space=space,
        dimensions=params.dimensions,
        own_prices=None not in _prices(ours)[:2] and _prices(ours) != _prices(known),
    )


def _embeds(mode: str | None, dimensions: int | None, model: str) -> bool:
    """Whether a deployment embeds texts: by the mapping, else by the price map, else by its name."""
    if mode is not None:
        return mode == "embedding"
    return dimensions is not None or "embed" in model.lower()


def _table(value: Any) -> Mapping[Any, Any]:
    # A wrong type is already reported with the params themselves.
    return value if isinstance(value, Mapping) else {}


def unresolved(deployment: Deployment) -> list[str]:
    """The variables that were not set when the mapping was loaded, except the key's."""
    values = [deployment.api_base, deployment.region, *deployment.extra.values()]
    values += [inner for value in values if isinstance(value, Mapping) for inner in value.values()]
    references = [value for value in values if isinstance(value, str) and value.startswith(REFERENCE)]
    return [reference.removeprefix(REFERENCE) for reference in references]


def _resolved(value: Any, lookup: Lookup) -> Any:
    if isinstance(value, Mapping):  # extra_headers and their like: one level
        return {key: inner if isinstance(inner, Mapping) else _resolved(inner, lookup) for key, inner in value.items()}
    if isinstance(value, str) and value.startswith(REFERENCE):
        return lookup(value.removeprefix(REFERENCE)) or value
    return value


_OBJECTS = frozenset({"extra_headers", "extra_body", "guardrailConfig"})
_URLS = frozenset({"aws_bedrock_runtime_endpoint", "aws_sts_endpoint"})
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t -~]*")
"""Source: RFC 9110, sections 5.1 and 5.5."""
_FRAMING = frozenset(
    {"connection", "content-length", "expect", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}
)
"""They belong to one request or connection: a length of the operator's would cut bodies off. Sources: RFC 9110,
sections 7.6.1, 8.6 and 10.1.1; RFC 9112, section 6."""


def _check_extra(extra: Mapping[str, Any], path: str, problems: list[str]) -> None:
    for key, value in extra.items():
        wanted: type = str
        words = "a string"
        if key in _OBJECTS or (key == "vertex_credentials" and isinstance(value, dict)):
            wanted, words = dict, "an object"
        elif key == "aws_session_tags":
            wanted, words = list, "a list"
        if not isinstance(value, wanted):
            problems.append(f"{path}.{key}: must be {words}, got {type_name(value)}")
        elif key == "extra_headers" and isinstance(value, Mapping):
            _check_headers(value, f"{path}.{key}", problems)
        elif key in _URLS and isinstance(value, str) and not (value.startswith(REFERENCE) or is_url(value)):
            problems.append(f"{path}.{key}: must be a URL such as https://host")


def _check_headers(headers: Mapping[Any, Any], path: str, problems: list[str]) -> None:
    """What no client sends would fail each request. Their values may be keys: they are not repeated."""
    for name, value in headers.items():
        if not isinstance(name, str) or not _HEADER_NAME.fullmatch(name):
            problems.append(f"{path}: a header's name must be letters, digits and dashes")
        elif name.lower() in _FRAMING:
            problems.append(f"{path}.{name}: is different for each request; remove it, the gateway writes it")
        elif not isinstance(value, str) or not _HEADER_VALUE.fullmatch(value):
            problems.append(f"{path}.{name}: must be a string of printable ASCII")


def _target(entry: ModelEntry, params: Params, path: str, problems: list[str]) -> Target | None:
    if params.model.startswith(REFERENCE):
        problems.append(f"{path}.model: environment variable {params.model.removeprefix(REFERENCE)} is not set")
        return None
    other = names_another_provider(params.model, entry.litellm_provider)
    if other is not None and params.api_base is None:
        problems.append(
            f"{path}.model: names provider '{other}', but litellm_provider is '{entry.litellm_provider}'; "
            f"make them agree, or set api_base if that server really calls it so"
        )
        return None
    try:
        where = target(params.model, entry.litellm_provider)
    except ValueError as error:
        field = f"{path}.model" if entry.litellm_provider is None else f"{path.rpartition('.')[0]}.litellm_provider"
        problems.append(f"{field}: {error}")
        return None
    region = params.region or params.aws_region_name
    if (
        provider_profile(where.provider).bedrock
        and region
        and not is_aws_region(region)
        and not region.startswith(REFERENCE)
    ):
        problems.append(f"{path}.region: '{region}' is not the name of an AWS Region such as us-east-1")
    return where


def _looked_up(where: Target, base_model: str | None, region: str | None, describe: Describe) -> ModelInfo:
    provider, model = where.provider, where.model
    if provider_profile(provider).bedrock and region and is_aws_region(region):
        model = f"{region}/{model}"  # as LiteLLM writes it, whose prices may be a Region's
    return describe(*behind(provider, model, base_model))


def _base_model(provider: str, name: str | None) -> str | None:
    """Elsewhere than at Azure the ids of models are the provider's, and LiteLLM goes by them."""
    if name is None or provider_profile(provider).own_api is not OwnApi.AZURE:
        return None
    return behind(provider, name, name)[1]


def _prices(info: ModelInfo) -> tuple[float | None, ...]:
    return info.input_usd_per_token, info.output_usd_per_token, info.cached_usd_per_token


def _credential(provider: str, params: Params, extra: Mapping[str, Any]) -> str:
    name = f"{provider}:{_secret(provider, params, extra)}"
    if params.api_base is None:
        return name
    url = urlsplit(params.api_base)
    return f"{name}@{url.netloc}{url.path}"


def _secret(provider: str, params: Params, extra: Mapping[str, Any]) -> str:
    if params.api_key is not None:
        return _named(params.api_key)
    sign_in = provider_profile(provider).sign_in
    if sign_in is SignIn.AWS:
        if "aws_access_key_id" in extra:
            return _named(str(extra["aws_access_key_id"]))
        return str(extra.get("aws_role_name") or extra.get("aws_profile_name") or "aws")
    for key in ("azure_ad_token", "client_secret", "azure_password", "vertex_credentials"):
        if key in extra:
            return _named(str(extra[key]))
    if sign_in is SignIn.NONE or is_foreign_server(provider, params.api_base):
        return "none"
    return key_variables(provider)[0]


def _named(value: str) -> str:
    if value.startswith(REFERENCE):
        return value.removeprefix(REFERENCE)
    return f"literal-{hashlib.sha256(value.encode()).hexdigest()[:8]}"
