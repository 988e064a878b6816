"""Every setting of a stage, and what follows from them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from ..cedar import AgentAccess
from . import values
from .together import check_together
from .values import NEW


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
    handler, whole answers within 28 seconds, for emulators and `sam local`."""
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
    models: Annotated[tuple[str, ...], BeforeValidator(values.words)] = ()
    """Models that a pushed mapping may name besides the deployed one's: `bedrock/MODEL@REGION`, `PROVIDER/MODEL` or
    `PROVIDER/*`, separated by commas. The function's role may ask them."""
    geography: Annotated[str | None, AfterValidator(values.geography)] = None
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
    log_retention_days: Annotated[Literal[1, 3, 7, 14, 30, 90, 180, 365, 731], BeforeValidator(values.whole)] = 30
    plans: Annotated[dict[str, Plan], BeforeValidator(values.from_json)] = Field(
        {"standard": Plan(rate=10, burst=20), "trial": Plan(rate=1, burst=2, daily=200)}, min_length=1
    )
    """Usage plans by name, as JSON."""
    alarm_email: str | None = Field(None, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")
    """Where alarms are sent; the address must confirm once."""
    hourly_cost_usd: float = Field(10.0, gt=0)
    """US dollars an hour at providers that raise the alarm."""
    drill: Annotated[str | None, AfterValidator(values.rate)] = None
    """How often the stage drills itself, `rate(1 day)`: from an hour to three days. None: never."""
    drill_max_usd: float = Field(0.25, gt=0, le=100)
    """US dollars that one drill may cost."""
    tags: Annotated[dict[str, str], BeforeValidator(values.pairs), AfterValidator(values.tags)] = Field(
        {}, max_length=40
    )
    """Tags of every resource beside `stage` and `service`: NAME=VALUE, with commas between."""
    kms_key: Annotated[str | None, AfterValidator(values.own_key)] = None
    """Encrypts the tables, the logs and the secrets: `new`, or the ARN of a key that exists; None: AWS's own keys."""
    domain_name: str | None = Field(None, pattern=r"^([a-z0-9-]{1,63}\.)+[a-z]{2,63}$")
    certificate_arn: str | None = Field(
        None, pattern=r"^arn:aws[a-z-]*:acm:[a-z0-9-]+:\d{12}:certificate/[^,]+(, *arn:aws[^,]+)?$"
    )
    """ACM certificate for `domain_name`, in the stack's Region; with `regions` one in each, with a comma between."""
    regions: Annotated[
        tuple[Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")], ...], BeforeValidator(values.words)
    ] = ()
    """Two Regions, the second of which answers when the first is not well: FIRST,SECOND. Empty: the stack is in one."""
    hosted_zone: str | None = Field(None, pattern=r"^Z[A-Z0-9]{1,31}$")
    """Id of the Route 53 hosted zone that `domain_name` is in; with `regions` alone."""
    waf: bool = False
    """A web ACL before the API: a rate per address, and the ranges below."""
    waf_requests_per_5_minutes: int | None = Field(None, ge=10, le=2_000_000_000)
    """Per IP address; None: twice what the fastest plan allows one key."""
    waf_allowed_ranges: Annotated[
        tuple[Annotated[str, AfterValidator(values.network)], ...], BeforeValidator(values.words)
    ] = ()
    """IPv4 ranges, separated by commas, that alone may call; empty: everyone may."""
    agentcore: Annotated[AgentAccess | None, BeforeValidator(values.from_json)] = None
    """Who may ask what through AgentCore, as JSON; None: the router is no agent's tool."""
    prompts: Annotated[tuple[str, ...], BeforeValidator(values.words)] = ()
    """Managed prompts of Bedrock that callers may use: `new`, or ids or ARNs of some that exist, separated by commas;
    empty: the mapping's."""
    guardrail: str | None = Field(
        None, pattern=r"^(new|[a-z0-9]+:\w+|arn:aws[a-z-]*:bedrock:[a-z0-9-]+:\d{12}:guardrail/[a-z0-9]+:\w+)$"
    )
    """Bedrock guardrail of every request: `new`, or `ID:VERSION` or `ARN:VERSION` of one that exists; None: the
    mapping's, if it has one."""
    bedrock_keys: Annotated[
        tuple[Annotated[str, AfterValidator(values.kms_key)], ...], BeforeValidator(values.words)
    ] = ()
    """KMS keys of one's own that those prompts or that guardrail are encrypted with, ARNs, separated by commas."""
    evaluations: str | None = Field(None, pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")
    """A bucket for evaluations and samples of fallbacks: `new`, or the name of one that exists; None: there is none."""
    evaluation_judge: str | None = Field(None, pattern=r"^[!-~]+$")
    """The Bedrock model that judges, by id or inference profile; a role for its jobs is made. None: no role."""
    simulator_url: str | None = Field(None, pattern=r"^https?://[^\s/]+/?$")
    """Stage `dev` only: every provider is replaced by the simulator there."""

    @model_validator(mode="after")
    def _fits_together(self) -> Stage:
        check_together(self)
        return self

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
    def drill_hours(self) -> int | None:
        """Hours from one drill to the next; None: it drills never."""
        return None if self.drill is None else values.hours(self.drill)

    @property
    def keeps_versions(self) -> bool:
        """Whether earlier versions stay for `fallback-router rollback`. Each may keep costing its snapshot."""
        return self.name == "prod" or self.shift is not None

    @property
    def keeps_data(self) -> bool:
        """Whether keys and state outlive the stack."""
        return self.name == "prod"
