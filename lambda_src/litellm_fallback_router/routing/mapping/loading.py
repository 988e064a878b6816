"""Reads a mapping, and lists every mistake in it with its path and the fix."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from pydantic import BaseModel

from ..errors import ConfigurationError
from ..types import Deployment
from . import chains, vector_spaces
from .budgets import Budgets
from .cache import CacheRules
from .config import RouterConfig
from .deployments import Describe, Lookup, build
from .governance import Guardrail, read_access
from .litellm_config import converted_config, is_litellm_config
from .provider_names import did_you_mean
from .schema import name_lists, parse, table, type_name, unknown
from .settings import Hedge, RouterSettings

M = TypeVar("M", bound=BaseModel)
NameLists = Mapping[str, tuple[str, ...]]
_FIELDS = ["model_list", "fallbacks", "strategies", "settings", "prompts", "guardrail", "budgets", "cache", "hedge"]


def load_config(mapping: Any, describe: Describe, lookup: Lookup = lambda _: None) -> RouterConfig:
    """Validate a mapping in this project's shape (see `docs/mapping.md`) or in that of LiteLLM's `config.yaml`.

    Args:
        mapping: The mapping as it was read, not yet checked.
        describe: Gives what is known of a provider's model, such as its window and prices.
        lookup: Reads an environment variable, for references (`os.environ/NAME`). A reference in `api_key` is kept,
            and resolved when a call needs it.

    Returns:
        The mapping, validated, with its chains expanded.

    Raises:
        ConfigurationError: The mapping is wrong; the error lists every mistake with its path and the fix.
    """
    problems: list[str] = []
    warnings: list[str] = []
    left_out: set[int] = set()
    is_litellm = is_litellm_config(mapping)
    if is_litellm:
        converted = converted_config(mapping, problems)
        mapping, warnings, left_out = converted.mapping, converted.warnings, converted.left_out
    if not isinstance(mapping, Mapping):
        got = "it is empty" if mapping is None else f"got {type_name(mapping)}"
        raise ConfigurationError([f"the mapping must be an object with model_list in it; {got}"])
    problems += [f"{key}: {unknown(str(key), _FIELDS)}" for key in mapping if key not in _FIELDS]
    items = _items(mapping.get("model_list"), left_out, problems)
    key = "litellm_params" if is_litellm else "params"
    read = partial(build, params_key=key, describe=describe, lookup=lookup, problems=problems)
    placed = _deployments(items, read)
    names = _model_names(items)
    fallbacks, strategies = _name_lists(mapping, placed, names, problems, warnings if is_litellm else None)
    settings = _part(RouterSettings, mapping, "settings", problems)
    prompts = read_access(mapping.get("prompts"), {*names, *strategies}, problems)
    guardrail = None if mapping.get("guardrail") is None else _part(Guardrail, mapping, "guardrail", problems)
    budgets = _part(Budgets, mapping, "budgets", problems)
    cache = None if mapping.get("cache") is None else _part(CacheRules, mapping, "cache", problems)
    hedges = _hedges(mapping.get("hedge"), [*names, *strategies], problems)
    if problems or settings is None or budgets is None:
        raise ConfigurationError(problems)
    config = RouterConfig(
        deployments=_numbered(placed.values()),
        chains=chains.expand(names, fallbacks, strategies),
        strategies=frozenset(strategies),
        settings=settings,
        prompts=prompts,
        guardrail=guardrail,
        budgets=budgets,
        cache=cache,
        hedges=hedges,
    )
    return replace(config, warnings=(*warnings, *_out_of_reach(config), *_nobody_to_race(config)))


def _deployments(items: list[tuple[int, Any]], read: Callable[[Any, str], Deployment | None]) -> dict[str, Deployment]:
    """The deployments that can be read, by their paths."""
    found = {path: read(item, path) for path, item in ((f"model_list[{index}]", item) for index, item in items)}
    return {path: deployment for path, deployment in found.items() if deployment is not None}


def _model_names(items: list[tuple[int, Any]]) -> list[str]:
    """The names in `model_list`, those included whose deployment cannot be read: a chain may name them."""
    named = (item.get("model_name") for _, item in items if isinstance(item, Mapping))
    return list(dict.fromkeys(name for name in named if isinstance(name, str) and name))


def _name_lists(
    mapping: Mapping[str, Any],
    placed: Mapping[str, Deployment],
    names: list[str],
    problems: list[str],
    warnings: list[str] | None,
) -> tuple[NameLists, NameLists]:
    """Fallbacks and strategies. `warnings`: of a LiteLLM config, where circles and mixtures are legal; else None."""
    deployments = list(placed.values())
    fallbacks = name_lists(mapping.get("fallbacks"), "fallbacks", problems)
    strategies = name_lists(mapping.get("strategies"), "strategies", problems)
    _check_names(names, fallbacks, strategies, problems)
    if warnings is not None:
        fallbacks = vector_spaces.unmixed(deployments, fallbacks, "fallbacks", strategies, warnings)
        strategies = vector_spaces.unmixed(deployments, strategies, "strategies", strategies, warnings)
    problems += vector_spaces.mixtures(deployments, list(placed), fallbacks, strategies)
    for cycle in chains.cycles(fallbacks, strategies):
        part = "strategies" if cycle[0] in strategies else "fallbacks"
        sentence = f"{part}.{cycle[0]}: goes round in a circle: {' -> '.join(cycle)}"
        if warnings is None:
            problems.append(f"{sentence}; remove one of them")
        else:
            warnings.append(f"{sentence}; each model is asked once")
    return fallbacks, strategies


def _part(model: type[M], mapping: Mapping[str, Any], name: str, problems: list[str]) -> M | None:
    return parse(model, table(mapping.get(name), name, problems), name, problems)


def _hedges(value: Any, names: list[str], problems: list[str]) -> dict[str, Hedge | None]:
    """`hedge`: by name of a model or a strategy."""
    found: dict[str, Hedge | None] = {}
    for name, given in table(value, "hedge", problems).items():
        path = f"hedge.{name}"
        if name in names:
            found[name] = None if given is None else parse(Hedge, table(given, path, problems), path, problems)
        elif name in Hedge.model_fields:
            form = f"{{NAME: {{{name}: ...}}}}"
            problems.append(f"{path}: goes under a chain's name, as in {form}; or into settings.hedge")
        elif names:
            problems.append(f"{path}: {_unknown_model(str(name), names)}")
    return found


def _nobody_to_race(config: RouterConfig) -> list[str]:
    """A warning for each chain that is to be hedged, and that ends with its first deployment."""
    return [
        f"hedge.{name}: its chain has one deployment, so nothing can be raced; add a fallback, or remove it"
        for name, hedge in config.hedges.items()
        if hedge is not None and len(config.chain(name)) < 2
    ]


def _items(model_list: Any, left_out: set[int], problems: list[str]) -> list[tuple[int, Any]]:
    if model_list is not None and not isinstance(model_list, list | tuple):
        problems.append(f"model_list: must be a list, got {type_name(model_list)}")
        return []
    items = [(index, item) for index, item in enumerate(model_list or ()) if index not in left_out]
    if not items:
        problems.append(f"model_list: {'nothing in it can be used' if left_out else 'empty'}; list at least one model")
    return items


def _check_names(
    models: Collection[str],
    fallbacks: Mapping[str, tuple[str, ...]],
    strategies: Mapping[str, tuple[str, ...]],
    problems: list[str],
) -> None:
    if not models:  # a mistake that is reported already, and that all of these would follow from
        return
    known = list(dict.fromkeys([*models, *strategies]))
    for name in strategies:
        if name in models:
            problems.append(f"strategies.{name}: a model has this name too; rename one of them")
    for name in fallbacks:
        if name in strategies:
            problems.append(f"fallbacks.{name}: is a strategy; add the names to strategies.{name} instead")
        elif name not in models:
            problems.append(f"fallbacks.{name}: {_unknown_model(name, list(models))}")
    for part, lists in (("fallbacks", fallbacks), ("strategies", strategies)):
        for name, members in lists.items():
            problems.extend(
                f"{part}.{name}[{index}]: {_unknown_model(member, known)}"
                for index, member in enumerate(members)
                if member not in known
            )


def _out_of_reach(config: RouterConfig) -> list[str]:
    """A warning where the attempts of a request do not reach the end of a chain, though each were tried but once."""
    most = config.settings.max_attempts
    long = {name: size for name in config.chains if (size := len(config.chain(name))) > most}
    if not long:
        return []
    longest = max(long, key=lambda name: long[name])
    others = f", nor that of {len(long) - 1} more" if len(long) > 1 else ""
    return [
        f"settings.max_attempts: {most} attempts do not reach the end of '{longest}', which has {long[longest]} "
        f"deployments{others}; raise it, or the last ones are asked only where others are passed over"
    ]


def _unknown_model(name: str, known: list[str]) -> str:
    return f"unknown model '{name}'{did_you_mean(name, known)}; known: {', '.join(known) or 'none'}"


def _numbered(deployments: Iterable[Deployment]) -> tuple[Deployment, ...]:
    counts: Counter[str] = Counter()
    numbered = []
    for deployment in deployments:
        counts[deployment.model_name] += 1
        number = counts[deployment.model_name]
        numbered.append(deployment if number == 1 else replace(deployment, id=f"{deployment.model_name}#{number}"))
    return tuple(numbered)
