"""The mapping, validated: which deployments the router may ask, and in which order."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace

from ..callers import CallerKey
from ..errors import UnknownModelError
from ..types import Deployment
from .budgets import Budgets
from .cache import CacheRules
from .governance import Guardrail, PromptAccess
from .model_names import LONGEST, closest, find_aliases
from .settings import Hedge, RouterSettings

MOST_VIEWS = 1_000
"""Kept at once, one for each set of models of a key."""


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
    cache: CacheRules | None = None
    """How answers are given again to equal requests; None: they are not."""
    hedges: Mapping[str, Hedge | None] = field(default_factory=dict)
    """`hedge` of the mapping: by name of `chains`, where it is another than `settings.hedge`; None: never."""

    revision: str = ""
    """Names the mapping by its content; empty where whoever loaded it has not named it."""
    restricted: bool = False
    """True: it is what a key may ask of another mapping, which has more."""

    aliases: Mapping[str, str] = field(init=False, repr=False, compare=False)
    """The providers' own names of the models -> the names in `chains` that serve them."""
    _groups: Mapping[str, tuple[Deployment, ...]] = field(init=False, repr=False, compare=False)
    _whole_chains: Mapping[str, tuple[Deployment, ...]] = field(init=False, repr=False, compare=False)
    _views: dict[tuple[str, ...], RouterConfig] = field(init=False, repr=False, compare=False, default_factory=dict)
    """What `for_key` gave, by the models of the key."""

    _chain_revisions: dict[str, str] = field(init=False, repr=False, compare=False, default_factory=dict)
    """What `chain_revision` gave, by name."""

    def __post_init__(self) -> None:
        names = {d.model_name for d in self.deployments}
        groups = {name: tuple(d for d in self.deployments if d.model_name == name) for name in names}
        whole = {
            name: tuple(d for model in chain for d in groups.get(model, ())) for name, chain in self.chains.items()
        }
        object.__setattr__(self, "_groups", groups)
        object.__setattr__(self, "_whole_chains", whole)
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
        group = self.group(self.chains[name][0])
        return bool(group) and group[0].space is not None

    def hedge(self, name: str) -> Hedge | None:
        """Tell when slow answers of a chain are raced.

        Args:
            name: One of `chains`.

        Returns:
            The chain's own rule, else that of all chains; None: they are waited for.
        """
        return self.hedges.get(name, self.settings.hedge)

    def group(self, model_name: str) -> tuple[Deployment, ...]:
        """List the deployments that share a model name.

        Args:
            model_name: As in the mapping's `model_list`.

        Returns:
            Its deployments in the mapping's order; empty where the name is unknown.
        """
        return self._groups.get(model_name, ())

    def chain_revision(self, name: str) -> str:
        """Tell one state of a chain from all others.

        Args:
            name: One of `chains`.

        Returns:
            A hash of everything that the mapping says of the chain's deployments, in order, but for their keys.
        """
        if (known := self._chain_revisions.get(name)) is None:
            told = [{**asdict(deployment), "api_key": None} for deployment in self.chain(name)]
            known = hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()
            self._chain_revisions[name] = known
        return known

    def chain(self, name: str) -> tuple[Deployment, ...]:
        """List every deployment that a request may reach.

        Args:
            name: One of `chains`.

        Returns:
            The deployments of the whole chain, in order.
        """
        return self._whole_chains[name]
