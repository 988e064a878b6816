"""Deployments that embed texts: which vectors can be compared, and that no chain mixes others with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ...providers import provider_profile, speaks_openai
from ..types import Deployment, VectorSpace
from .provider_names import behind, split_profile

SERVED = "OpenAI, Azure, servers that speak OpenAI's API, and Bedrock's Titan and Cohere"
OWN_DIMENSIONS: Mapping[str, int] = {
    "text-embedding-3-small": 1536,
    "text-embedding-3-large": 3072,
    "text-embedding-ada-002": 1536,
    "amazon.titan-embed-text-v1": 1536,
    "amazon.titan-embed-text-v2:0": 1024,
    "cohere.embed-english-v3": 1024,
    "cohere.embed-multilingual-v3": 1024,
    "cohere.embed-v4:0": 1536,
}
"""Of vectors by default, for a mapping that is read without the price map, which also lacks some.
Sources: OpenAI, "Vector embeddings"; Amazon Bedrock User Guide, "Amazon Titan Embeddings Text", "Cohere Embed v3" and
"Cohere Embed v4"."""
Names = Mapping[str, tuple[str, ...]]


def space_of(provider: str, model: str, base_model: str | None, dimensions: int | None) -> VectorSpace:
    """The vector space of a deployment.

    Args:
        provider: Its provider.
        model: The provider's own model id.
        base_model: The model behind it, where its name is not a model's (Azure, an ARN).
        dimensions: Of its vectors; None: unknown.

    Returns:
        The space; it is the same in every Region, account and host.
    """
    provider, model = behind(provider, model, base_model)
    if provider_profile(provider).bedrock:
        profile = split_profile(model)
        model = profile[1] if profile else model
    model = model.rpartition("/")[2].lower()
    return VectorSpace(model, dimensions or OWN_DIMENSIONS.get(model))


def can_embed(provider: str, model: str, api_base: str | None) -> bool:
    """Whether the engine can ask a deployment for embeddings.

    Args:
        provider: Its provider.
        model: The provider's own model id.
        api_base: Its address, where the mapping names one.

    Returns:
        True where the engine supports its request and its answer.
    """
    embedders = provider_profile(provider).embedders
    if provider_profile(provider).bedrock:
        profile = split_profile(model)
        return (profile[1] if profile else model).startswith(embedders) or model.startswith("arn:")
    return model.startswith(embedders) or speaks_openai(provider, api_base)


def mixtures(
    deployments: Sequence[Deployment], paths: Sequence[str], fallbacks: Names, strategies: Names
) -> Iterator[str]:
    """List what would let one name be answered from two vector spaces, or by chats and embeddings alike.

    Args:
        deployments: Those of the mapping.
        paths: Where each stands in it: `model_list[0]`.
        fallbacks: As in the mapping.
        strategies: As in the mapping.

    Yields:
        One sentence for each, with its path and the fix.
    """
    spaces: dict[str, VectorSpace | None] = {}
    for deployment, path in zip(deployments, paths, strict=True):
        name = deployment.model_name
        if name not in spaces:
            spaces[name] = deployment.space
        elif spaces[name] != deployment.space:
            yield f"{path}: {_difference(name, spaces[name], name, deployment.space)}"
    for part, lists in (("fallbacks", fallbacks), ("strategies", strategies)):
        for name, members in lists.items():
            first = next(iter(members), name) if part == "strategies" else name
            for index, member in enumerate(members):
                mine, others = _of(first, spaces, strategies), _of(member, spaces, strategies)
                if mine is not _UNKNOWN and others is not _UNKNOWN and mine != others:
                    yield f"{part}.{name}[{index}]: {_difference(first, mine, member, others)}"


def unmixed(
    deployments: Sequence[Deployment], lists: Names, part: str, strategies: Names, warnings: list[str]
) -> dict[str, tuple[str, ...]]:
    """Leave out of a LiteLLM config's lists what would mix spaces: there it may, and those calls fail.

    Args:
        deployments: Those of the mapping.
        lists: `fallbacks` or `strategies`.
        part: Which of them it is.
        strategies: As in the mapping.
        warnings: A sentence is added to it for each name that is left out.

    Returns:
        The lists without them.
    """
    spaces = {deployment.model_name: deployment.space for deployment in reversed(deployments)}
    kept: dict[str, tuple[str, ...]] = {}
    for name, members in lists.items():
        first = _of(next(iter(members), name) if part == "strategies" else name, spaces, strategies)
        fit = tuple(member for member in members if _of(member, spaces, strategies) == first)
        gone = [member for member in members if member not in fit]
        if gone and first is not _UNKNOWN:
            warnings.append(f"{part}.{name}: not used for {', '.join(gone)} (other vectors, or none at all)")
        if fit or first is _UNKNOWN:
            kept[name] = fit or members
    return kept


class _Unknown:
    """Of a name that is none, which is reported elsewhere."""


_UNKNOWN = _Unknown()


def _of(name: str, spaces: Mapping[str, VectorSpace | None], strategies: Names) -> VectorSpace | _Unknown | None:
    """The space of a model, or of the first model of a strategy: the others of it are checked there."""
    seen: set[str] = set()
    while name in strategies and name not in seen and strategies[name]:
        seen.add(name)
        name = strategies[name][0]
    return spaces.get(name, _UNKNOWN)


def _difference(
    one: str, mine: VectorSpace | _Unknown | None, other: str, others: VectorSpace | _Unknown | None
) -> str:
    if mine is None or others is None:
        embeds, chats = (other, one) if mine is None else (one, other)
        if embeds == chats:
            return f"'{one}' would embed texts here and answer chats elsewhere; give one of them another model_name"
        return f"'{embeds}' embeds texts and '{chats}' answers chats: one cannot stand in for the other; remove it"
    return (
        f"'{other}' ({others}) has other vectors than '{one}' ({mine}), and they cannot be compared; keep to the same "
        "model and dimensions in another Region, account or host"
    )
