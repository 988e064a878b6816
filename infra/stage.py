"""The settings of one stage, from CDK's context (`cdk deploy -c stage=prod -c waf=true`), checked first of all."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from difflib import get_close_matches
from ipaddress import IPv4Network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from litellm_fallback_router.routing.errors import ConfigurationError
from litellm_fallback_router.routing.mapping import regions_of

from .cedar import AgentAccess

MOST_MODELS = 2_000
"""Characters. All variables of a Lambda together may hold 4 KB. Source: Lambda developer guide, "Lambda quotas"."""
NEW = "new"
"""Makes a thing instead of using one that exists."""
OWN_TAGS = ("stage", "service")
"""Names of the tags that every stack has."""
_FOREIGN = re.compile(r".*[:@].*|(?:cli-)?telemetry.*|tree|acknowledged-issue-numbers|notices")
"""Context that is CDK's own: feature flags, cached look-ups and the CLI's switches."""


def _network(text: str) -> str:
    try:
        return str(IPv4Network(text if "/" in text else f"{text}/", strict=False))
    except ValueError:
        raise ValueError("must be an IPv4 range such as 203.0.113.0/24") from None


def _geography(name: str | None) -> str | None:
    if name is not None:
        regions_of(name)
    return name


def _kms_key(text: str) -> str:
    if not re.fullmatch(r"arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/[A-Za-z0-9-]+", text):
        raise ValueError("must be the ARN of a KMS key")
    return text


def _words(value: Any) -> Any:
    return [word.strip() for word in value.split(",") if word.strip()] if isinstance(value, str) else value


def _pairs(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    parts = [part.strip() for part in value.split(",") if part.strip()]
    if wrong := [part for part in parts if "=" not in part]:
        raise ValueError(f"must be NAME=VALUE pairs with commas between, which {wrong[0]!r} is not")
    return {name.strip(): text.strip() for name, _, text in (part.partition("=") for part in parts)}


def _tags(tags: dict[str, str]) -> dict[str, str]:
    for name, text in tags.items():
        if name.lower() in OWN_TAGS:
            raise ValueError(f"{name} is set by the stack itself; take another name")
        # Source: IAM user guide, "Rules for tagging"; some services take no more.
        fits = re.fullmatch(r"[\w .:/=+@-]{1,128}", name, re.ASCII) and re.fullmatch(
            r"[\w .:/=+@-]{0,256}", text, re.ASCII
        )
        if not fits or name.lower().startswith("aws:"):
            raise ValueError(
                f"{name}={text}: a name is 1 to 128 and a value up to 256 letters, digits, spaces and _.:/=+@-, "
                "and no name begins with aws:"
            )
    return tags


def _own_key(text: str | None) -> str | None:
    return text if text in (None, NEW) else _kms_key(text)


def _whole(value: Any) -> Any:
    # The CLI gives every value as text, and a Literal does not convert.
    return int(value) if isinstance(value, str) and re.fullmatch("[0-9]{1,9}", value) else value


def _json(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise ValueError("must be JSON") from None


class Plan(BaseModel):
    """How much the callers of one usage plan may ask. API Gateway applies it as well as it can: a brake, no bill."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rate: float = Field(gt=0, le=10_000)
    """Requests a second, per key."""
    burst: int = Field(ge=1, le=5_000)
    """Requests at once, per key."""
    daily: int | None = Field(None, ge=1)
    """Requests a day, per key; None: any number."""


class Stage(BaseModel):
    """Everything that a stage decides. Each field can be given as `-c FIELD=VALUE` or in `cdk.json`'s context."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Literal["dev", "prod"] = Field("dev", alias="stage")
    response_mode: Literal["stream", "buffered"] = "stream"
    """`stream`: chunks reach the caller as they are made, through the Lambda Web Adapter; `buffered`: the plain
    handler, with answers of at most 29 seconds, for emulators and `sam local`."""
    arch: Literal["arm64", "x86_64"] = "arm64"
    snapstart: Literal["auto", "on", "off"] = "auto"
    """Whether new environments are restored from a snapshot; `auto`: where the Region can."""
    rollout: Literal["auto", "canary", "linear", "all-at-once"] = "auto"
    """How callers come to a new version. `canary`: a tenth of the requests for 15 minutes, then all; `linear`: a tenth
    more every two minutes; both go back by themselves when an alarm rings. `all-at-once`: the moment it is there.
    `auto`: `canary` for `prod`, `all-at-once` for `dev`, whose deployments would take a quarter of an hour each."""
    mapping: Path | None = None
    """A mapping to deploy in the shipped one's place, YAML or JSON."""
    live_mapping: bool = False
    """Whether the mapping can be changed without a deployment, through AWS AppConfig; the deployed one is in force
    until another is pushed."""
    models: Annotated[tuple[str, ...], BeforeValidator(_words)] = ()
    """Models that a pushed mapping may name besides the deployed one's: `bedrock/MODEL@REGION`, `PROVIDER/MODEL` or
    `PROVIDER/*`, separated by commas. The function's role may ask them."""
    geography: Annotated[str | None, AfterValidator(_geography)] = None
    """What prompts must not leave: `eu`, `us` ..., or one Region; None: they may, and each deployment that takes them
    out of the stack's own is a warning."""
    memory_mb: int = Field(1024, ge=512, le=10_240)
    """Memory of the gateway's function; its share of a processor grows with it."""
    reserved_concurrency: int | None = Field(None, ge=1)
    """Requests at the same time, at most; None: as many as the account has left."""
    authorizer_concurrency: int | None = Field(None, ge=1)
    """Of the account's concurrency, what is kept for the function that checks callers' keys; None: nothing, so that the
    stack deploys into any account, and a gateway that uses up all of it locks callers out."""
    log_level: Literal["DEBUG", "INFO"] = "INFO"
    """Metrics travel as INFO lines, so nothing stricter is allowed."""
    log_retention_days: Annotated[Literal[1, 3, 7, 14, 30, 90, 180, 365, 731], BeforeValidator(_whole)] = 30
    plans: Annotated[dict[str, Plan], BeforeValidator(_json)] = Field(
        {"standard": Plan(rate=10, burst=20), "trial": Plan(rate=1, burst=2, daily=200)}, min_length=1
    )
    """Usage plans by name, as JSON."""
    alarm_email: str | None = Field(None, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")
    """Where alarms are sent; the address must confirm once."""
    hourly_cost_usd: float = Field(10.0, gt=0)
    """US dollars an hour at providers that raise the alarm."""
    tags: Annotated[dict[str, str], BeforeValidator(_pairs), AfterValidator(_tags)] = Field({}, max_length=40)
    """Tags of every resource beside `stage` and `service`: NAME=VALUE, with commas between."""
    kms_key: Annotated[str | None, AfterValidator(_own_key)] = None
    """Encrypts the tables, the logs and the secrets: `new`, or the ARN of a key that exists; None: AWS's own keys."""
    domain_name: str | None = Field(None, pattern=r"^([a-z0-9-]{1,63}\.)+[a-z]{2,63}$")
    certificate_arn: str | None = Field(
        None, pattern=r"^arn:aws[a-z-]*:acm:[a-z0-9-]+:\d{12}:certificate/[^,]+(, *arn:aws[^,]+)?$"
    )
    """ACM certificate for `domain_name`, in the stack's Region; with `regions` one in each, with a comma between."""
    regions: Annotated[
        tuple[Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")], ...], BeforeValidator(_words)
    ] = ()
    """Two Regions, the second of which answers when the first is not well: FIRST,SECOND. Empty: the stack is in one."""
    hosted_zone: str | None = Field(None, pattern=r"^Z[A-Z0-9]{1,31}$")
    """Id of the Route 53 hosted zone that `domain_name` is in; with `regions` alone."""
    waf: bool = False
    """A web ACL before the API: a rate per address, and the ranges below."""
    waf_requests_per_5_minutes: int | None = Field(None, ge=10, le=2_000_000_000)
    """Per IP address; None: twice what the fastest plan allows one key."""
    waf_allowed_ranges: Annotated[tuple[Annotated[str, AfterValidator(_network)], ...], BeforeValidator(_words)] = ()
    """IPv4 ranges, separated by commas, that alone may call; empty: everyone may."""
    agentcore: Annotated[AgentAccess | None, BeforeValidator(_json)] = None
    """Who may ask what through AgentCore, as JSON; None: the router is no agent's tool."""
    prompts: Annotated[tuple[str, ...], BeforeValidator(_words)] = ()
    """Managed prompts of Bedrock that callers may use: `new`, or ids or ARNs of some that exist, separated by commas;
    empty: the mapping's."""
    guardrail: str | None = Field(
        None, pattern=r"^(new|[a-z0-9]+:\w+|arn:aws[a-z-]*:bedrock:[a-z0-9-]+:\d{12}:guardrail/[a-z0-9]+:\w+)$"
    )
    """Bedrock guardrail of every request: `new`, or `ID:VERSION` or `ARN:VERSION` of one that exists; None: the
    mapping's, if it has one."""
    bedrock_keys: Annotated[tuple[Annotated[str, AfterValidator(_kms_key)], ...], BeforeValidator(_words)] = ()
    """KMS keys of one's own that those prompts or that guardrail are encrypted with, ARNs, separated by commas."""
    evaluations: str | None = Field(None, pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")
    """A bucket for evaluations and samples of fallbacks: `new`, or the name of one that exists; None: there is none."""
    evaluation_judge: str | None = Field(None, pattern=r"^[!-~]+$")
    """The Bedrock model that judges, by id or inference profile; a role for its jobs is made. None: no role."""
    simulator_url: str | None = Field(None, pattern=r"^https?://[^\s/]+/?$")
    """Stage `dev` only: every provider is replaced by the simulator there."""

    @model_validator(mode="after")
    def _fits_together(self) -> Stage:
        if (self.domain_name is None) != (self.certificate_arn is None):
            raise ValueError("domain_name and certificate_arn: give both or neither")
        self._check_regions()
        if self.models and not self.live_mapping:
            raise ValueError("models: needs -c live_mapping=true, without which no other mapping can be in force")
        if len(",".join(self.models)) > MOST_MODELS:
            raise ValueError(f"models: at most {MOST_MODELS} characters, as the function's variables hold no more")
        if self.waf_allowed_ranges and not self.waf:
            raise ValueError("waf_allowed_ranges: needs -c waf=true")
        if self.waf_requests_per_5_minutes is not None and self.waf_requests_per_5_minutes < self.fastest_key:
            raise ValueError(
                f"waf_requests_per_5_minutes: the firewall would block a key before its plan does, which allows "
                f"{self.fastest_key} requests in 5 minutes; give that at least, or lower the plan's rate"
            )
        if NEW in self.prompts and len(self.prompts) > 1:
            raise ValueError("prompts: new stands alone; name existing ones without it")
        if self.evaluation_judge and not self.evaluations:
            raise ValueError("evaluation_judge: needs -c evaluations=new, or a bucket's name")
        if self.simulator_url and self.name != "dev":
            raise ValueError(f"simulator_url: only for stage dev, not {self.name}")
        for name in self.plans:
            if not re.fullmatch(r"[a-z][a-z0-9-]{0,30}", name):
                raise ValueError(f"plans.{name}: a plan's name is lower-case letters, digits and hyphens")
        if self.mapping and (not self.mapping.is_file() or self.mapping.suffix not in {".yaml", ".yml", ".json"}):
            raise ValueError(f"mapping: {self.mapping} is not a .yaml, .yml or .json file here")
        return self

    def _check_regions(self) -> None:
        if not self.regions:
            if self.hosted_zone:
                raise ValueError("hosted_zone: needs -c regions=FIRST,SECOND")
            if self.certificate_arn and "," in self.certificate_arn:
                raise ValueError("certificate_arn: give one, or -c regions=FIRST,SECOND too")
            return
        if len(set(self.regions)) != len(self.regions) or len(self.regions) != 2:
            raise ValueError("regions: give two that differ, as in us-east-1,eu-west-1")
        if not (self.domain_name and self.hosted_zone):
            raise ValueError(
                "regions: needs -c domain_name and -c hosted_zone, whose records name the Region that answers"
            )
        if missing := [region for region in self.regions if self.certificate_in(region) is None]:
            raise ValueError(
                f"certificate_arn: give one in each Region, with a comma between; there is none in {missing[0]}"
            )
        if self.waf_allowed_ranges:
            raise ValueError(
                "waf_allowed_ranges: with -c regions it would shut out Route 53, which looks for the Region's health"
            )
        if self.kms_key:
            raise ValueError(
                "kms_key: not with -c regions, as each copy of the table would need a key of its own; leave it out"
            )

    def certificate_in(self, region: str | None) -> str | None:
        """The certificate for the domain there."""
        if not self.regions or self.certificate_arn is None:
            return self.certificate_arn
        return next((arn.strip() for arn in self.certificate_arn.split(",") if f":{region}:" in arn), None)

    @property
    def fastest_key(self) -> int:
        """Requests that the fastest plan allows one key in 5 minutes."""
        return max(math.ceil(plan.rate * 300) + plan.burst for plan in self.plans.values())

    @property
    def waf_rate(self) -> int:
        """Requests that the firewall allows an IP address in 5 minutes. By default two keys' worth: WAF counts by
        estimate, and an office has one address."""
        return self.waf_requests_per_5_minutes or max(10, 2 * self.fastest_key)

    @property
    def stack_name(self) -> str:
        return f"FallbackRouter-{self.name}"

    @property
    def prompts_named(self) -> tuple[str, ...]:
        """Ids or ARNs; of a new one, which has no id yet, a word in its place."""
        return ("newPrompt0",) if NEW in self.prompts else self.prompts

    @property
    def guardrail_named(self) -> tuple[str, str] | None:
        """Id or ARN, and version; of a new one, which has neither yet, words in their place."""
        if self.guardrail is None:
            return None
        if self.guardrail == NEW:
            return NEW, "1"
        identifier, _, version = self.guardrail.rpartition(":")
        return identifier, version

    @property
    def service(self) -> str:
        """What the stage is called in metrics, logs and the names of its secrets."""
        return f"fallback-router-{self.name}"

    @property
    def shift(self) -> Literal["canary", "linear"] | None:
        """How callers are moved to a new version step by step; None: at once."""
        if self.rollout == "auto":
            return "canary" if self.name == "prod" else None
        return None if self.rollout == "all-at-once" else self.rollout

    @property
    def keeps_versions(self) -> bool:
        """Whether earlier versions stay for `fallback-router rollback`. Each may keep costing its snapshot."""
        return self.name == "prod" or self.shift is not None

    @property
    def keeps_data(self) -> bool:
        """Whether keys and state outlive the stack."""
        return self.name == "prod"


def load_stage(context: Mapping[str, Any]) -> Stage:
    """The stage that CDK's context describes.

    Raises ConfigurationError with every mistake, each with its field and the fix.
    """
    known = [field.alias or name for name, field in Stage.model_fields.items()]
    given = {key: value for key, value in context.items() if not _FOREIGN.fullmatch(key) and value != ""}
    problems = [f"-c {key}: {_unknown(key, known)}" for key in given if key not in known]
    try:
        stage = Stage.model_validate({key: value for key, value in given.items() if key in known})
    except ValidationError as error:
        details = error.errors(include_url=False)
        problems += [_sentence([str(part) for part in one["loc"]], one["msg"]) for one in details]
    if problems:
        raise ConfigurationError(problems)
    return stage


def _unknown(word: str, known: list[str]) -> str:
    close = get_close_matches(word, known, n=1)
    return f"unknown setting; did you mean '{close[0]}'?" if close else f"unknown setting; known: {', '.join(known)}"


def _sentence(path: list[str], message: str) -> str:
    message = message.removeprefix("Value error, ").replace("Input should be", "must be")
    return f"-c {'.'.join(path)}: {message}" if path else f"-c {message}"
