"""Whether the account may ask the mapping's Bedrock models. The other providers' keys come after the deployment."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches

from ..adapters.bedrock_catalog import Availability, BedrockCatalog
from ..checklist import Check, Look
from ..routing.mapping import REFERENCE
from ..routing.types import Deployment

Catalogs = Callable[[str], BedrockCatalog]
"""Region -> what Bedrock offers there."""

NOT_SOLD = ("amazon.", "deepseek.", "meta.", "mistral.", "openai.", "qwen.")
"""Makers whose models need no subscription. Source: Amazon Bedrock user guide, "Use product ID condition keys to
control access"."""
ANTHROPIC = "anthropic."
OWN_CREDENTIALS = frozenset({"aws_access_key_id", "aws_role_name", "aws_profile_name"})
STACK_REGION = frozenset({None, f"{REFERENCE}AWS_REGION", f"{REFERENCE}AWS_DEFAULT_REGION"})
"""How a deployment names the Region that the stack is in."""
PERMISSION = (
    "bedrock:ListFoundationModels, ListInferenceProfiles, GetInferenceProfile and GetFoundationModelAvailability"
)
_SUBSCRIBE = (
    "ask it once with your own rights, in the console's playground or with `fallback-router doctor`: that subscribes "
    "the account (needs aws-marketplace:Subscribe; may take 15 minutes). The gateway's role cannot"
)


def model_looks(deployments: Iterable[Deployment], stack_region: str, catalogs: Catalogs) -> list[Look]:
    """One look for each model and Region, and one for Anthropic's form where it has a say."""
    ours = [d for d in deployments if d.profile.bedrock]
    asked = {(_model(d), _region(d, stack_region), not OWN_CREDENTIALS.isdisjoint(d.extra)) for d in ours}
    looks = [_model_look(*one, catalogs) for one in sorted(asked)]
    claude = sorted({(model, region) for model, region, foreign in asked if _is_claude(model) and not foreign})
    return [*looks, _form_look(claude, catalogs)] if claude else looks


def _is_claude(model: str) -> bool:
    """By its own id, or behind a profile of AWS's (`us.anthropic.`)."""
    return ANTHROPIC in model and not model.startswith("arn:")


def _model(deployment: Deployment) -> str:
    return str(deployment.extra.get("model_id") or deployment.model)


def _region(deployment: Deployment, stack_region: str) -> str:
    return stack_region if deployment.region in STACK_REGION else str(deployment.region)


def _model_look(model: str, region: str, foreign: bool, catalogs: Catalogs) -> Look:
    name = f"{model} in {region}"
    if foreign:
        fix = "ask it with those: fallback-router doctor"
        seen = "could not be checked: it is asked with credentials of its own"
        return Look(name, "", lambda: Check(name, "warning", seen, fix))
    if region.startswith(REFERENCE):
        fix = "write the Region's name into the mapping; Lambda does not have that variable"
        return Look(name, "", lambda: Check(name, "failed", f"its Region is {region}", fix))
    return Look(name, PERMISSION, lambda: _looked_at(name, model, region, catalogs(region)))


def _looked_at(name: str, model: str, region: str, catalog: BedrockCatalog) -> Check:
    if model.startswith("arn:"):
        return _by_arn(name, model, catalog)
    if behind := catalog.profiles.get(model):
        return _available(name, behind[0], catalog, f"inference profile of {region}")
    offered = catalog.models.get(model)
    if offered is None:
        known = [*catalog.profiles, *catalog.models]
        close = get_close_matches(model, known, n=3)
        hint = f"name one that it has, such as {', '.join(close)}" if close else "name a model that it has"
        return Check(name, "failed", f"{region} has no such model or inference profile", f"{hint}, or another Region")
    if not offered.on_demand:
        profiles = [profile for profile, models in catalog.profiles.items() if model in models]
        fix = f"name an inference profile: {', '.join(profiles) or 'none of this Region has it'}"
        return Check(name, "failed", "it cannot be asked by its own id", fix)
    check = _available(name, model, catalog, f"model of {region}", hosted_here=True)
    if offered.legacy and check.status == "ok":
        return Check(name, "warning", "its maker is taking it away", "move to a newer model")
    return check


def _by_arn(name: str, arn: str, catalog: BedrockCatalog) -> Check:
    if "inference-profile/" not in arn:
        return Check(name, "warning", "could not be checked: a model of your own", "ask it: fallback-router doctor")
    behind = catalog.profile(arn)
    if not behind:
        return Check(name, "failed", "there is no such inference profile", "make it, or name another")
    return _available(name, behind[0], catalog, f"inference profile for {behind[0]}")


def _available(name: str, foundation: str, catalog: BedrockCatalog, kind: str, *, hosted_here: bool = False) -> Check:
    """`hosted_here`: asked in this Region itself; a profile leads to others, which its listing vouches for."""
    found = catalog.availability(foundation)
    if hosted_here and not found.in_region:
        return Check(name, "failed", "this Region does not offer it", "name another Region, or an inference profile")
    if not found.authorized:
        fix = "see the organization's policies (SCPs) and the model catalog of Bedrock's console"
        return Check(name, "failed", "the account is not authorized for it", fix)
    return _subscribed(name, foundation, found, kind)


def _subscribed(name: str, foundation: str, found: Availability, kind: str) -> Check:
    if foundation.startswith(NOT_SOLD):
        if found.entitled:
            return Check(name, "ok", f"{kind}; needs no subscription")
        return Check(name, "failed", "the account is not entitled to it", "ask AWS Support why")
    if found.agreement == "PENDING":
        return Check(name, "warning", "its subscription is being set up", "wait some minutes and look again")
    if found.agreement == "AVAILABLE" and found.entitled:
        return Check(name, "ok", f"{kind}; subscribed")
    said = f" ({found.problem})" if found.problem else ""
    seen = f"the account is not subscribed to it in AWS Marketplace: {found.agreement}{said}"
    return Check(name, "failed", seen, _SUBSCRIBE)


def _form_look(claude: Sequence[tuple[str, str]], catalogs: Catalogs) -> Look:
    """One form for the account: any Region that is asked tells."""
    name = "Anthropic's form"

    def look() -> Check:
        if catalogs(claude[0][1]).has_use_case():
            return Check(name, "ok", "handed in")
        fix = (
            "fill it in: Bedrock's console, Model catalog, any model of Anthropic's; once per account, or once in an "
            "organization's management account"
        )
        # An organization's form is not this account's, and yet opens the models to it.
        if all(_agreed(model, catalogs(region)) for model, region in claude):
            return Check(name, "warning", "this account has handed none in, but is subscribed to the models", fix)
        return Check(name, "failed", "this account has handed none in", fix)

    return Look(name, "bedrock:GetUseCaseForModelAccess", look)


def _agreed(model: str, catalog: BedrockCatalog) -> bool:
    foundation = catalog.profiles.get(model, (model,))[0]
    return catalog.availability(foundation).agreement == "AVAILABLE"
