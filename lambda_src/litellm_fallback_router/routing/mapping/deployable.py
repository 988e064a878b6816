"""What a mapping must be beyond right, to be put in force on AWS: no key may be read in it, API Gateway must wait for
its answers, and it may name only what the stage's roles may reach."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..errors import ConfigurationError
from ..types import Deployment, ModelInfo
from .config import RouterConfig
from .deployments import REFERENCE
from .loading import load_config

MOST_SILENCE = 290.0
"""Seconds. API Gateway cuts a regional streaming response after 5 minutes without a byte, and a whole answer is
it sends nothing until it is there. Source: API Gateway developer guide, "Stream the integration response"."""
ANY = "*"
_SECRETS = frozenset(
    {"aws_secret_access_key", "aws_session_token", "azure_ad_token", "azure_password", "client_secret"}
)
_FORM = "write PROVIDER/MODEL, bedrock/MODEL@REGION, or PROVIDER/* for a provider outside AWS"


def unfit(config: RouterConfig) -> list[str]:
    """Find what stands against a mapping on AWS, whichever stage it is for.

    Args:
        config: The mapping.

    Returns:
        Every mistake with its place and the fix.
    """
    problems = [problem for deployment in config.deployments for problem in _keys_in(deployment)]
    if config.settings.deadline > MOST_SILENCE:
        problems.append(f"settings.deadline: API Gateway waits {MOST_SILENCE:g} seconds at most; lower it")
    return problems


def _keys_in(deployment: Deployment) -> list[str]:
    values = {"api_key": deployment.api_key} | {name: deployment.extra.get(name) for name in sorted(_SECRETS)}
    return [
        f"{deployment.id}: params.{name} is written out in the mapping, for whoever may read that to see; write "
        f"{REFERENCE}NAME, and put the key into Secrets Manager with fallback-router secrets set {deployment.provider}"
        for name, value in values.items()
        if value and not str(value).startswith(REFERENCE)
    ]


def future_deployments(words: Sequence[str]) -> tuple[Deployment, ...]:
    """Read the models that mappings of a stage may name one day.

    Args:
        words: Each `PROVIDER/MODEL`, `bedrock/MODEL@REGION`, or `PROVIDER/*`.

    Returns:
        A deployment of each.

    Raises:
        ConfigurationError: A word cannot be read; the error lists all of them.
    """
    items = [_item(index, word) for index, word in enumerate(words)]
    if not items:
        return ()
    config = load_config({"model_list": items}, lambda _provider, _model: ModelInfo())
    wide = [one for one in config.deployments if one.model == ANY and one.profile.bedrock]
    if wide:
        raise ConfigurationError([f"models: bedrock/{ANY} names no model that a role could be allowed; name each"])
    return config.deployments


def _item(index: int, word: str) -> dict[str, object]:
    """As an item of `model_list`, which says what is wrong with it."""
    provider, slash, rest = word.partition("/")
    model, _, region = rest.partition("@")
    if not slash or not provider or not model:
        raise ConfigurationError([f"models[{index}]: '{word}' is no model; {_FORM}"])
    params = {"model": model} | ({"region": region} if region else {})
    return {"model_name": f"models {index}", "litellm_provider": provider, "params": params}


def outside(config: RouterConfig, deployed: RouterConfig, words: Sequence[str], region: str | None) -> list[str]:
    """Find what a mapping names that the stage was not deployed for.

    Args:
        config: The mapping that is to be put in force.
        deployed: The one that the stage was deployed with.
        words: What others may name besides, as `future_deployments` reads it.
        region: The stage's own AWS Region.

    Returns:
        Every mistake with its place and the fix.
    """
    may = (*deployed.deployments, *future_deployments(words))
    known = {_identity(one, region) for one in may}
    whole = {one.provider for one in may if one.model == ANY}
    strangers = [one for one in config.deployments if one.provider not in whole and _identity(one, region) not in known]
    problems = [
        f"{one.id}: this stage may not ask {_word(one, region)}; deploy it with that added to -c models=..., or name "
        "another model"
        for one in strangers
    ]
    roles = _roles(deployed.deployments)
    problems += [
        f"{one.id}: params.aws_role_name is no role that this stage may assume; deploy a mapping that names it"
        for one in config.deployments
        if not _roles([one]) <= roles
    ]
    if config.guardrail is not None and config.guardrail != deployed.guardrail:
        problems.append("guardrail: another than the stage was deployed with; deploy a mapping that names it")
    if config.prompts is not None:
        allowed = set() if deployed.prompts is None else set(deployed.prompts.allow)
        problems += [
            f"prompts.allow: this stage may not read {name}; deploy a mapping that names it"
            for name in config.prompts.allow
            if name not in allowed
        ]
    return problems


def _identity(one: Deployment, region: str | None) -> tuple[str, str, str | None]:
    """What decides whether a role may reach it."""
    if not one.profile.bedrock:
        return one.provider, one.model, None
    own = one.region is None or one.region in {f"{REFERENCE}AWS_REGION", f"{REFERENCE}AWS_DEFAULT_REGION"}
    return one.provider, str(one.extra.get("model_id") or one.model), region if own else one.region


def _word(one: Deployment, region: str | None) -> str:
    provider, model, where = _identity(one, region)
    return f"{provider}/{model}" if where is None else f"{provider}/{model}@{where}"


def _roles(deployments: Iterable[Deployment]) -> set[str]:
    return {str(one.extra["aws_role_name"]) for one in deployments if "aws_role_name" in one.extra}
