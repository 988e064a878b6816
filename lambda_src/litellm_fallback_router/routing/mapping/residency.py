"""Where a deployment's prompts may be processed, and which deployments would take them out of a geography.

Pure: it follows from the mapping, and from what providers document. Where a provider's own account settings decide, or
an ARN hides the model, nothing is assumed in the operator's favour.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from ...providers import PROFILE_REGIONS, Processing, SignIn, processes_itself
from ..types import Deployment
from .config import RouterConfig
from .deployments import REFERENCE
from .provider_names import is_aws_region, split_profile

GEOGRAPHIES: Mapping[str, frozenset[str]] = {
    "apac": PROFILE_REGIONS["apac"] | {"ap-east-1", "ap-east-2", *(f"ap-southeast-{n}" for n in (3, 5, 6, 7))},
    "au": PROFILE_REGIONS["au"],
    "ca": PROFILE_REGIONS["ca"],
    "eu": PROFILE_REGIONS["eu"],
    "in": frozenset({"ap-south-1", "ap-south-2"}),
    "jp": PROFILE_REGIONS["jp"],
    "us": PROFILE_REGIONS["us"] | {"us-west-1"},
}
"""What prompts may be kept in, beside any single Region. `eu` is the European Union: London and Zurich are not."""
_LARGEST = ("apac", "ca", "eu", "us")
_BEDROCK_HOST = re.compile(r"(?:bedrock-runtime|bedrock-runtime-fips)\.([a-z0-9-]+)\.amazonaws\.com")
_ARN = re.compile(r"arn:[a-z-]+:bedrock:([a-z0-9-]*):[^:]*:([a-z-]+)/(.+)")
_MODEL_ROUTES = frozenset({"converse", "converse_like", "invoke", "openai", "mantle", "chat_completions"})
"""Routes of LiteLLM's Bedrock names (`providers.py`) that reach the model itself, in the request's Region."""

_MOVE = "params.region and params.model: a Region and an inference profile of {geography}, or leave it out"


@dataclass(frozen=True, slots=True)
class Reach:
    """Where prompts may be processed."""

    regions: frozenset[str] | None
    """AWS Regions, of other providers those of the same places; None: anywhere, or unknown."""
    because: str
    """What of the deployment makes it so."""
    fix: str
    """What would keep them in; `{geography}` stands for where."""

    @property
    def words(self) -> str:
        return "anywhere" if self.regions is None else f"in {', '.join(sorted(self.regions))}"


def regions_of(geography: str) -> frozenset[str]:
    """The Regions of a geography or of one Region's name. Raises ValueError with those that there are."""
    if is_aws_region(geography):
        return frozenset({geography})
    if geography not in GEOGRAPHIES:
        raise ValueError(f"must be {', '.join(GEOGRAPHIES)} or an AWS Region such as eu-central-1")
    return GEOGRAPHIES[geography]


def geography_of(region: str) -> str:
    """The largest geography that the Region is in; a Region of its own is one."""
    return next((name for name in _LARGEST if region in GEOGRAPHIES[name]), region)


def leaving(config: RouterConfig, geography: str, here: str | None) -> list[str]:
    """What would take prompts out of the geography: one sentence each, with its name and the fix. `here`: the Region of
    this process, where the mapping names none. Raises ValueError."""
    found = departures(config.deployments, geography, here)
    if config.guardrail is not None:
        place = config.guardrail.place or here
        checked = Reach(
            None if place is None else frozenset({place}),
            "the guardrail reads them there",
            "guardrail.region: a Region in {geography}, and a guardrail there",
        )
        found += _departure("guardrail", checked, geography)
    return found


def departures(deployments: Iterable[Deployment], geography: str, here: str | None) -> list[str]:
    """As `leaving`, of deployments alone."""
    return [line for one in deployments for line in _departure(one.id, reach(one, here), geography)]


def reach(deployment: Deployment, here: str | None) -> Reach:
    """Where the deployment's prompts may be processed. `here`: the Region of this process, None: not known."""
    profile = deployment.profile
    if profile.bedrock:
        return _bedrock(deployment, here)
    if profile.processing is not None and processes_itself(deployment.provider, deployment.api_base):
        return _documented(profile.processing, deployment)
    return _elsewhere(deployment, here if profile.sign_in is SignIn.AWS else None)


def _departure(name: str, found: Reach, geography: str) -> list[str]:
    if found.regions is not None and found.regions <= regions_of(geography):
        return []
    fix = found.fix.format(geography=geography)
    return [f"{name}: prompts may be processed {found.words}, outside of {geography}: {found.because}; {fix}"]


def _documented(processing: Processing, deployment: Deployment) -> Reach:
    """At the provider's own endpoints."""
    host = urlsplit(deployment.api_base or "").hostname or processing.usual_host
    place = processing.hosts.get(host)
    return Reach(GEOGRAPHIES[place] if place else None, processing.because.format(host=host), processing.fix)


def _elsewhere(deployment: Deployment, usual: str | None) -> Reach:
    """In `params.region`, which is taken from the operator."""
    if deployment.extra.get("vertex_location") == "global":
        return Reach(None, "vertex_location is global", "params.vertex_location: a location in {geography}")
    label = deployment.region or usual or ""
    if label in GEOGRAPHIES or is_aws_region(label):
        return Reach(regions_of(label), f"its Region is {label}", "leave it out, or move it into {geography}")
    fix = "params.region: {geography}, if it is there; else leave it out"
    return Reach(None, "nothing tells where that server is", fix)


def _bedrock(deployment: Deployment, here: str | None) -> Reach:
    if (processing := deployment.profile.route_processing.get(_route(deployment))) is not None:
        return _documented(processing, deployment)
    region = _asked_region(deployment, here)
    if region is None:
        return Reach(None, "nothing tells which Region is asked", "params.region: a Region in {geography}")
    if _route(deployment) not in _MODEL_ROUTES:
        return Reach(None, "an agent asks models of its own", "leave it out")
    return _model(str(deployment.extra.get("model_id") or deployment.model), region)


def _model(model: str, region: str) -> Reach:
    """`model`: an id, an inference profile or an ARN of Bedrock's, called in the Region."""
    if arn := _ARN.fullmatch(model[max(0, model.find("arn:")) :]):
        region, kind, model = arn[1] or region, arn[2], arn[3]
        if kind == "application-inference-profile":
            return Reach(None, "the ARN does not tell where that profile routes", "name the model's own profile")
    # Before its name may stand LiteLLM's marks for custom models, such as `nova-2/`.
    profile = split_profile(model.rpartition("/")[2].lower())
    if profile is None:
        return Reach(frozenset({region}), f"it is asked in {region}", _MOVE)
    geography, _ = profile
    if geography in PROFILE_REGIONS:
        return Reach(PROFILE_REGIONS[geography] | {region}, f"an inference profile of {geography}", _MOVE)
    return Reach(None, f"an inference profile named {geography}", _MOVE)


def _route(deployment: Deployment) -> str:
    """`converse` of `bedrock/converse/eu-west-1/MODEL`."""
    return deployment.litellm_model.removeprefix("bedrock/").partition("/")[0]


def _asked_region(deployment: Deployment, here: str | None) -> str | None:
    endpoint = deployment.extra.get("aws_bedrock_runtime_endpoint") or deployment.api_base
    if endpoint is not None:
        found = _BEDROCK_HOST.fullmatch(urlsplit(str(endpoint)).hostname or "")
        return found[1] if found else None
    region = deployment.region
    if region is None or region in {f"{REFERENCE}AWS_REGION", f"{REFERENCE}AWS_DEFAULT_REGION"}:
        return here
    return region if is_aws_region(region) else None
