"""LiteLLM's own `config.yaml`, read as a mapping of ours, with a warning for each key that is not used.

Source: LiteLLM 1.106, https://docs.litellm.ai/docs/proxy/configs and `litellm/router.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from .chains import expand
from .provider_names import target
from .schema import OPERATOR_PARAMS, table, type_name
from .vector_spaces import SERVED, can_embed

INFO_FIELDS = {
    "supports_function_calling": "tools",
    "supports_tool_choice": "tool_choice",
    "supports_vision": "images",
    "supports_response_schema": "json_schema",
    "supports_reasoning": "reasoning",
    "supports_sampling_params": "sampling",
    "supports_prompt_caching": "prompt_caching",
    "supports_assistant_prefill": "prefill",
    "output_vector_size": "dimensions",
    "max_input_tokens": "max_input_tokens",
    "max_output_tokens": "max_output_tokens",
    "input_cost_per_token": "input_usd_per_token",
    "output_cost_per_token": "output_usd_per_token",
    "cache_read_input_token_cost": "cached_usd_per_token",
    "deprecation_date": "retires_on",
    "base_model": "base_model",
}
"""LiteLLM's names of what is known of a model -> ours."""
_PARAMS = (
    frozenset({"model", "api_key", "api_base", "rpm", "weight", "aws_region_name", "dimensions"}) | OPERATOR_PARAMS
)
_RENAMED = {"base_url": "api_base", "region_name": "region"}
_TIMEOUTS = {"timeout": "answer_timeout", "stream_timeout": "first_token_timeout"}
_TIMES = {**_TIMEOUTS, "request_timeout": "answer_timeout", "cooldown_time": "circuit_open_seconds"}
_CHAT_MODES = (None, "chat", "completion", "responses")
_EMBEDDING = "embedding"
_SAME_HERE = {("routing_strategy", "simple-shuffle"), ("drop_params", True)}
_LONGEST = 600.0
_HINTS = {
    "environment_variables": "set them in the environment",
    "tpm": "limits are requests a minute: rpm",
    "max_retries": "settings.tries_per_deployment",
    "num_retries": "settings.tries_per_deployment",
    "allowed_fails": "settings.circuit_failures counts failures in a row",
    "context_window_fallbacks": "too large a request goes on to a larger window in its chain: use fallbacks",
    "content_policy_fallbacks": "settings.content_policy_fallback",
    "fallbacks": "put them under router_settings",
    "temperature": "callers send it with the request",
    "max_tokens": "callers send it with the request",
    **dict.fromkeys(_TIMES, f"must be more than 0 and at most {_LONGEST:g} seconds"),
}
_AS_IT_IS = ("guardrail", "budgets", "cache", "hedge")
"""Parts that LiteLLM's shape does not have, where they stand in a file of it."""


@dataclass(slots=True)
class Converted:
    """A `config.yaml` in our shape."""

    mapping: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    left_out: set[int] = field(default_factory=set)
    """Indices of `model_list` that are not served here (images, speech, wildcards)."""

    def unused(self, path: str, hint: str = "") -> None:
        hint = hint or _HINTS.get(path.rpartition(".")[2], "")
        self.warnings.append(f"{path}: not used" + (f" ({hint})" if hint else ""))


def is_litellm_config(mapping: Any) -> bool:
    """True for LiteLLM's shape: an item of `model_list` has `litellm_params`."""
    items = mapping.get("model_list") if isinstance(mapping, Mapping) else None
    return isinstance(items, list) and any(isinstance(one, Mapping) and "litellm_params" in one for one in items)


def converted_config(config: Mapping[Any, Any], problems: list[str]) -> Converted:
    """The config in our shape. Mistakes that have no counterpart there are added to `problems`."""
    done = Converted()
    items = [_item(one, index, done) for index, one in enumerate(config["model_list"])]
    if len(done.left_out) == len(items):
        problems.extend(done.warnings)
    names = [one.get("model_name") for one in items if isinstance(one, Mapping)]
    models = [name for name in names if isinstance(name, str)]
    router = table(config.get("router_settings"), "router_settings", problems)
    library = table(config.get("litellm_settings"), "litellm_settings", problems)
    gone = _gone(config["model_list"], models, done)
    ids = _ids(config["model_list"]) - set(models)
    fallbacks = _fallbacks(router, "router_settings", problems)
    for name, listed in _fallbacks(library, "litellm_settings", problems).items():
        fallbacks.setdefault(name, listed)
    fallbacks = _served(_without_ids(fallbacks, ids, done), gone, done)
    default = fallbacks.pop("*", [])
    for model in models:
        if others := [name for name in default if name != model]:
            fallbacks.setdefault(model, others)
    settings: dict[str, Any] = {}
    for part, values in (("router_settings", router), ("litellm_settings", library)):
        for key, value in values.items():
            _setting(key, value, f"{part}.{key}", settings, done)
    aliases = table(router.get("model_group_alias"), "router_settings.model_group_alias", problems)
    done.mapping = {
        "model_list": items,
        "fallbacks": fallbacks,
        "strategies": {
            **_aliases(aliases, models, fallbacks, gone, done),
            **table(config.get("strategies"), "strategies", problems),
        },
        "settings": settings | dict(table(config.get("settings"), "settings", problems)),
        "prompts": None if isinstance(config.get("prompts"), list) else config.get("prompts"),
        **{name: config.get(name) for name in _AS_IT_IS},
    }
    _rest(config, done)
    return done


def _item(item: Any, index: int, done: Converted) -> Any:
    path = f"model_list[{index}]"
    if not isinstance(item, Mapping):
        return item
    given, info = item.get("litellm_params"), item.get("model_info")
    known = dict(info) if isinstance(info, Mapping) else {}
    mode = known.pop("mode", None)
    if mode != _EMBEDDING and mode not in _CHAT_MODES:
        return _left_out(index, "only chat and embedding models are served here", done)
    if mode == _EMBEDDING and not _is_embedded(given):
        return _left_out(index, f"its embeddings are not served here; there are those of {SERVED}", done)
    if "*" in str(item.get("model_name")):
        return _left_out(index, "name each model: wildcards are not supported", done)
    for key in item:
        if key not in ("model_name", "litellm_params", "model_info"):
            done.unused(f"{path}.{key}", "put it into litellm_params" if key == "rpm" else "")
    converted: dict[str, Any] = {"model_name": item.get("model_name"), "params": given}
    if isinstance(given, Mapping):
        converted["litellm_provider"] = given.get("custom_llm_provider")
        params = _params(given, f"{path}.litellm_params", done)
        prices = {key: value for key, value in given.items() if key in INFO_FIELDS}
        info = _info({**known, **prices}, f"{path}.model_info", done)
        converted["params"] = {**params, "model_info": info | ({"mode": mode} if mode == _EMBEDDING else {})}
    return converted


def _is_embedded(given: Any) -> bool:
    """Whether such a deployment can embed texts. Other mistakes of it are reported elsewhere."""
    params = given if isinstance(given, Mapping) else {}
    try:
        where = target(str(params.get("model")), params.get("custom_llm_provider"))
    except ValueError:
        return True
    return can_embed(where.provider, where.model, params.get("api_base"))


def _left_out(index: int, reason: str, done: Converted) -> None:
    done.left_out.add(index)
    done.unused(f"model_list[{index}]", reason)


def _gone(items: list[Any], models: list[str], done: Converted) -> Callable[[str], bool]:
    """Whether a name was served only by items that are left out."""
    patterns = [str(items[index].get("model_name")) for index in sorted(done.left_out)]
    return lambda name: name not in models and any(fnmatchcase(name, pattern) for pattern in patterns)


def _ids(items: list[Any]) -> set[str]:
    infos = [one.get("model_info") for one in items if isinstance(one, Mapping)]
    return {str(info["id"]) for info in infos if isinstance(info, Mapping) and info.get("id") is not None}


def _without_ids(fallbacks: Mapping[str, list[str]], ids: set[str], done: Converted) -> dict[str, list[str]]:
    """The fallbacks without those of or to one deployment: LiteLLM takes a `model_info.id` there, chains do not."""
    kept: dict[str, list[str]] = {}
    for name, names in fallbacks.items():
        for one in [name] if name in ids else [one for one in names if one in ids]:
            done.unused(f"fallbacks.{name}", f"'{one}' is a model_info.id: name that deployment's model_name")
        if name not in ids and (rest := [one for one in names if one not in ids]):
            kept[name] = rest
    return kept


def _served(fallbacks: Mapping[str, list[str]], gone: Callable[[str], bool], done: Converted) -> dict[str, list[str]]:
    """The fallbacks without the models that are left out."""
    kept: dict[str, list[str]] = {}
    for name, names in fallbacks.items():
        out = [name] if name != "*" and gone(name) else [one for one in names if gone(one)]
        for one in out:
            done.unused(f"fallbacks.{name}", f"model '{one}' is left out")
        if name not in out and (rest := [one for one in names if one not in out]):
            kept[name] = rest
    return kept


def _params(given: Mapping[Any, Any], path: str, done: Converted) -> dict[str, Any]:
    params: dict[str, Any] = {}
    for key, value in given.items():
        if key == "rpm" and isinstance(value, str) and value.isascii() and value.isdecimal():
            params[key] = int(value)
        elif key in _PARAMS:
            params[key] = value
        elif key in _RENAMED:
            params.setdefault(_RENAMED[key], value)
        elif key in _TIMEOUTS and _is_seconds(value):
            params[_TIMEOUTS[key]] = value
        elif key not in INFO_FIELDS and key != "custom_llm_provider" and value is not None:
            done.unused(f"{path}.{key}")
    return params


def _info(given: Mapping[Any, Any], path: str, done: Converted) -> dict[str, Any]:
    for key in given:
        if key not in INFO_FIELDS:
            done.unused(f"{path}.{key}")
    return {INFO_FIELDS[key]: value for key, value in given.items() if key in INFO_FIELDS}


def _setting(key: Any, value: Any, path: str, settings: dict[str, Any], done: Converted) -> None:
    if key in ("fallbacks", "default_fallbacks", "model_group_alias") or value is None:
        return
    if key in _TIMES and _is_seconds(value):
        settings.setdefault(_TIMES[key], value)
    elif key == "num_retries" and type(value) is int and 0 <= value <= 9:
        settings.setdefault("tries_per_deployment", value + 1)
        settings.setdefault("tries_on_last", value + 1)
    elif not any(key == name and value == same for name, same in _SAME_HERE):
        done.unused(path)


def _rest(config: Mapping[Any, Any], done: Converted) -> None:
    read = {"model_list", "router_settings", "litellm_settings", "strategies", "settings", "prompts", *_AS_IT_IS}
    for key, value in config.items():
        if key == "general_settings" and isinstance(value, Mapping):
            for inner in value:
                if inner != "master_key":  # see master_key.py
                    done.unused(f"general_settings.{inner}")
        elif (key not in read and value is not None) or (key == "prompts" and isinstance(value, list)):
            done.unused(str(key))


def _is_seconds(value: Any) -> bool:
    return type(value) in (int, float) and 0 < value <= _LONGEST


def _fallbacks(part: Mapping[Any, Any], path: str, problems: list[str]) -> dict[str, list[str]]:
    """`fallbacks: [{name: [names]}, ...]` as `{name: [names]}`, the first list given for a name counting;
    those for every other model (`default_fallbacks`, or the name `*`) under `*`."""
    found: dict[str, list[str]] = {}
    given, where = part.get("fallbacks") or [], f"{path}.fallbacks"
    if not isinstance(given, list):
        problems.append(f"{where}: must be a list of objects, got {type_name(given)}")
        given = []
    for index, one in enumerate(given):
        for name, names in table(one, f"{where}[{index}]", problems).items():
            listed = _names([names] if isinstance(names, str) else names, f"{where}[{index}].{name}", problems)
            found.setdefault(str(name), listed)
    if part.get("default_fallbacks") is not None:
        found.setdefault("*", _names(part["default_fallbacks"], f"{path}.default_fallbacks", problems))
    return found


def _aliases(
    aliases: Mapping[Any, Any],
    models: list[str],
    fallbacks: Mapping[str, list[str]],
    gone: Callable[[str], bool],
    done: Converted,
) -> dict[str, list[str]]:
    """An alias keeps its model's fallbacks; a strategy is exactly its members: so it lists them all."""
    found: dict[str, list[str]] = {}
    lists = {name: tuple(names) for name, names in fallbacks.items()}
    for alias, given in aliases.items():
        model = given.get("model") if isinstance(given, Mapping) else given
        if alias in models or not isinstance(model, str):
            done.unused(f"router_settings.model_group_alias.{alias}", "a model has this name, or it names none")
        elif gone(model):
            done.unused(f"router_settings.model_group_alias.{alias}", f"model '{model}' is left out")
        else:
            found[alias] = list(expand([model], lists, {})[model])
    return found


def _names(value: Any, path: str, problems: list[str]) -> list[str]:
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return list(dict.fromkeys(value))
    wrong = [one for one in value if not isinstance(one, str)] if isinstance(value, list) else []
    got = f"{type_name(wrong[0])} in it" if wrong else type_name(value)
    problems.append(f"{path}: must be a list of model names, got {got}")
    return []
