"""The mapping, validated: which deployments the router may ask, and in which order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..callers import CallerKey
from ..errors import ConfigurationError, UnknownModelError
from ..types import Deployment
from . import chains, vector_spaces
from .budgets import Budgets
from .deployments import Describe, Lookup, build
from .governance import Guardrail, PromptAccess, read_access
from .litellm_config import converted_config, is_litellm_config
from .model_names import LONGEST, closest, find_aliases
from .provider_names import did_you_mean
from .schema import name_lists, parse, table, type_name, unknown
from .settings import RouterSettings

MOST_VIEWS = 1_000
"""Kept at once, one for each set of models of a key."""
_FIELDS = ["model_list", "fallbacks", "strategies", "settings", "prompts", "guardrail", "budgets"]


@dataclass(frozen=True, slots=True)
class RouterConfig:
    """The whole mapping, validated and resolved."""

    deployments: tuple[Deployment, ...]
    chains: Mapping[str, tuple[str, ...]]
    """For every name a caller may use, the model names to ask, in order. A model's own name comes first."""
    strategies: frozenset[str] = frozenset()
    """The names in `chains` that are strategies rather than models."""
    settings: RouterSettings = field(default_factory=RouterSettings)
    warnings: tuple[str, ...] = ()
    """What was accepted but is not used, each with its path."""
    prompts: PromptAccess | None = None
    """Managed prompts that callers may use; None: none."""
    guardrail: Guardrail | None = None
    """Checks every request and every answer; None: nothing is checked."""
    budgets: Budgets = field(default_factory=Budgets)
    """What may be spent by all callers, and by tag."""

    restricted: bool = False
    """True: it is what a key may ask of another mapping, which has more."""

    aliases: Mapping[str, str] = field(init=False, repr=False, compare=False)
    """The providers' own names of the models -> the names in `chains` that serve them."""
    _groups: Mapping[str, tuple[Deployment, ...]] = field(init=False, repr=False, compare=False)
    _views: dict[tuple[str, ...], RouterConfig] = field(init=False, repr=False, compare=False, default_factory=dict)
    """What `for_key` gave, by the models of the key."""

    def __post_init__(self) -> None:
        names = {d.model_name for d in self.deployments}
        groups = {name: tuple(d for d in self.deployments if d.model_name == name) for name in names}
        object.__setattr__(self, "_groups", groups)
        object.__setattr__(self, "aliases", find_aliases(self.deployments, self.chains))

    def for_key(self, key: CallerKey | None) -> RouterConfig:
        """Leave out every name that a key may not ask.

        The chains behind the names that are left stay whole: whom a request falls back to is the operator's choice.

        Args:
            key: Whose request it is; None: nothing is left out.

        Returns:
            The mapping as that key sees it.
        """
        if key is None or not key.models:
            return self
        view = self._views.get(key.models)
        if view is None:
            chains = {name: chain for name, chain in self.chains.items() if key.may_ask(name)}
            view = replace(self, chains=chains, strategies=self.strategies & chains.keys(), restricted=True)
            if len(self._views) >= MOST_VIEWS:
                self._views.clear()
            self._views[key.models] = view
        return view

    def aliases_of(self, name: str) -> list[str]:
        """List the providers' own names of a model.

        Args:
            name: One of `chains`.

        Returns:
            The aliases of `name`; empty where it has none.
        """
        return [alias for alias, known in self.aliases.items() if known == name]

    def resolve(self, asked: str, *, param: str = "model") -> str:
        """Find the name in `chains` that a caller means.

        Args:
            asked: A name of `chains`, or one of `aliases`.
            param: The caller's name of the field, for the error.

        Returns:
            A name of `chains`.

        Raises:
            UnknownModelError: No such name; the error suggests the likely one and lists the known.
        """
        if asked in self.chains:
            return asked
        if asked in self.aliases:
            return self.aliases[asked]
        if self.restricted and not self.chains:
            raise UnknownModelError("this key may ask no model of the mapping", param=param)
        close = closest(asked, self.chains, self.aliases, self.deployments)
        hint = f"did you mean {close!r}? " if close else ""
        known = ", ".join(self.chains)
        denied = ", or one that this key may not ask" if self.restricted else ""
        raise UnknownModelError(f"unknown model {asked[:LONGEST]!r}{denied}; {hint}known: {known}", param=param)

    @property
    def first_chat(self) -> str:
        """The name that is used where a chat names none: the first that answers chats; empty where there is none."""
        return next((name for name in self.chains if not self.embeds(name)), next(iter(self.chains), ""))

    def embeds(self, name: str) -> bool:
        """Tell whether a name stands for embeddings.

        Args:
            name: One of `chains`.

        Returns:
            True where its deployments embed texts, False where they answer chats; none of a chain does both.
        """
        return any(deployment.space is not None for deployment in self.group(self.chains[name][0]))

    def group(self, model_name: str) -> tuple[Deployment, ...]:
        """List the deployments that share a model name.

        Args:
            model_name: As in the mapping's `model_list`.

        Returns:
            Its deployments in the mapping's order; empty where the name is unknown.
        """
        return self._groups.get(model_name, ())

    def chain(self, name: str) -> tuple[Deployment, ...]:
        """List every deployment that a request may reach.

        Args:
            name: One of `chains`.

        Returns:
            The deployments of the whole chain, in order.
        """
        return tuple(d for model_name in self.chains[name] for d in self.group(model_name))


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

    deployments: list[Deployment] = []
    paths: list[str] = []
    names: dict[str, None] = {}
    params_key = "litellm_params" if is_litellm else "params"
    for index, item in _items(mapping.get("model_list"), left_out, problems):
        path = f"model_list[{index}]"
        deployment = build(item, path, params_key, describe=describe, lookup=lookup, problems=problems)
        if deployment is not None:
            deployments.append(deployment)
            paths.append(path)
        if isinstance(item, Mapping) and isinstance(item.get("model_name"), str) and item["model_name"]:
            names[item["model_name"]] = None

    fallbacks = name_lists(mapping.get("fallbacks"), "fallbacks", problems)
    strategies = name_lists(mapping.get("strategies"), "strategies", problems)
    _check_names(names, fallbacks, strategies, problems)
    if is_litellm:
        fallbacks = vector_spaces.unmixed(deployments, fallbacks, "fallbacks", strategies, warnings)
        strategies = vector_spaces.unmixed(deployments, strategies, "strategies", strategies, warnings)
    problems += vector_spaces.mixtures(deployments, paths, fallbacks, strategies)
    for cycle in chains.cycles(fallbacks, strategies):
        part = "strategies" if cycle[0] in strategies else "fallbacks"
        sentence = f"{part}.{cycle[0]}: goes round in a circle: {' -> '.join(cycle)}"
        if is_litellm:  # common and legal there
            warnings.append(f"{sentence}; each model is asked once")
        else:
            problems.append(f"{sentence}; remove one of them")
    settings = parse(RouterSettings, table(mapping.get("settings"), "settings", problems), "settings", problems)
    prompts = read_access(mapping.get("prompts"), {*names, *strategies}, problems)
    guardrail = None
    if mapping.get("guardrail") is not None:
        guardrail = parse(Guardrail, table(mapping["guardrail"], "guardrail", problems), "guardrail", problems)
    budgets = parse(Budgets, table(mapping.get("budgets"), "budgets", problems), "budgets", problems)
    if problems or settings is None or budgets is None:
        raise ConfigurationError(problems)
    config = RouterConfig(
        deployments=_numbered(deployments),
        chains=chains.expand(names, fallbacks, strategies),
        strategies=frozenset(strategies),
        settings=settings,
        prompts=prompts,
        guardrail=guardrail,
        budgets=budgets,
    )
    return replace(config, warnings=(*warnings, *_out_of_reach(config)))


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


def _numbered(deployments: list[Deployment]) -> tuple[Deployment, ...]:
    counts: Counter[str] = Counter()
    numbered = []
    for deployment in deployments:
        counts[deployment.model_name] += 1
        number = counts[deployment.model_name]
        numbered.append(deployment if number == 1 else replace(deployment, id=f"{deployment.model_name}#{number}"))
    return tuple(numbered)
