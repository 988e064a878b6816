"""Every environment variable of the project, in one model. `os.environ` is read nowhere else.

Plain pydantic rather than pydantic-settings: the import would cost 140 ms more at every cold start.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError

from .routing.errors import ConfigurationError


def lookup(name: str) -> str | None:
    """The variable's value now; None where it is not set. For providers' keys and references."""
    return os.environ.get(name)


MAY_NOT_BE_BLANK = frozenset({"GATEWAY_API_KEYS", "GATEWAY_KEYS_FILE"})
"""Set but empty is a mistake: a secret that did not arrive. Read as not set, it would open the gateway to everyone."""


def _keys(text: str) -> list[str]:
    keys = [key.strip() for key in text.split(",") if key.strip()]
    if not keys:
        raise ValueError("holds no key; write key1,key2 or unset it")
    if not all(re.fullmatch(r"[!-~]+", key) for key in keys):
        raise ValueError("a key must be printable ASCII without spaces, as it is sent in a header")
    return keys


def _file(text: str) -> str:
    if not text:
        raise ValueError("names no file; write keys.json or unset it")
    return text


def _url(text: str) -> str:
    if not re.fullmatch(r"https?://[^\s/]+/?", text):
        raise ValueError("must be a URL without a path, such as http://127.0.0.1:8001")
    return text.rstrip("/")


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _place(text: str) -> str:
    if not re.fullmatch(r"[^/\s]+/[^/\s]+/[^/\s]+", text):
        raise ValueError("must be APPLICATION/ENVIRONMENT/PROFILE of AWS AppConfig")
    return text


def _s3_folder(text: str) -> str:
    if not re.fullmatch(r"s3://[a-z0-9][-.a-z0-9]{1,61}[a-z0-9](/[-!_*'().a-zA-Z0-9]+)*/?", text):
        raise ValueError("must be an S3 folder such as s3://my-bucket/fallbacks")
    return text.rstrip("/")


class Settings(BaseModel):
    """What the environment says. A variable that is empty counts as not set, but for `MAY_NOT_BE_BLANK`."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    config_file: Annotated[Path | None, Field(alias="ROUTER_CONFIG")] = None
    """A YAML or JSON file that replaces the shipped mapping."""
    api_keys: Annotated[tuple[SecretStr, ...], BeforeValidator(_keys), Field(alias="GATEWAY_API_KEYS")] = ()
    """Keys the local server accepts, separated by commas; empty: it asks for none."""
    keys_file: Annotated[Path | None, BeforeValidator(_file), Field(alias="GATEWAY_KEYS_FILE")] = None
    """Keys with limits that the local server accepts, by their hashes, as `fallback-router keys --file` writes them."""
    simulator_url: Annotated[str | None, BeforeValidator(_url), Field(alias="ROUTER_SIMULATOR_URL")] = None
    """Every OpenAI, Anthropic and Bedrock deployment without an `api_base` is pointed at the simulator there."""
    prompts: Annotated[tuple[str, ...], BeforeValidator(_names), Field(alias="ROUTER_PROMPTS")] = ()
    """Managed prompts that callers may use, by id or ARN, separated by commas; in the place of the mapping's."""
    appconfig: Annotated[str | None, BeforeValidator(_place), Field(alias="ROUTER_APPCONFIG")] = None
    """Where AWS AppConfig has the mapping that is in force, as APPLICATION/ENVIRONMENT/PROFILE; None: nowhere."""
    models: Annotated[tuple[str, ...], BeforeValidator(_names), Field(alias="ROUTER_MODELS")] = ()
    """Models that a mapping there may name besides those of the deployed one, separated by commas."""
    lambda_function: Annotated[str | None, Field(alias="AWS_LAMBDA_FUNCTION_NAME")] = None
    """Set by Lambda, and so the sign of running there."""
    initialization: Annotated[str | None, Field(alias="AWS_LAMBDA_INITIALIZATION_TYPE")] = None
    """Set by Lambda: `on-demand`, `provisioned-concurrency`, `snap-start` ..."""
    state_table: Annotated[str | None, Field(alias="ROUTER_STATE_TABLE")] = None
    """DynamoDB table through which a fleet shares its circuits and rate windows; None: this process's memory."""
    responses_table: Annotated[str | None, Field(alias="ROUTER_RESPONSES_TABLE")] = None
    """DynamoDB table for the responses that the mapping's `responses_store: dynamodb` keeps."""
    cache_table: Annotated[str | None, Field(alias="ROUTER_CACHE_TABLE")] = None
    """DynamoDB table for the answers that the mapping's `cache.store: dynamodb` keeps."""
    samples: Annotated[str | None, BeforeValidator(_s3_folder), Field(alias="ROUTER_SAMPLES")] = None
    """S3 folder for the share of answers, with their prompts, that the mapping's `sample_fallbacks` names."""
    secrets_prefix: Annotated[str | None, Field(alias="ROUTER_SECRETS_PREFIX")] = None
    """Keys that the environment does not have come from the secrets `PREFIX/PROVIDER`; None: from nowhere."""
    guardrail_id: Annotated[str | None, Field(alias="ROUTER_GUARDRAIL_ID")] = None
    """Id or ARN of the Bedrock guardrail; comes before the mapping's own `guardrail.id`."""
    guardrail_version: Annotated[str | None, Field(alias="ROUTER_GUARDRAIL_VERSION")] = None
    """Its version, beside ROUTER_GUARDRAIL_ID."""
    service: Annotated[str | None, Field(alias="ROUTER_SERVICE", pattern=r"^[!-~]{1,200}$")] = None
    """The stage's name in CloudWatch. Set: metrics and JSON logs go to stdout, for Lambda to collect."""
    otlp_endpoint: Annotated[str | None, Field(alias="OTEL_EXPORTER_OTLP_ENDPOINT")] = None
    """Where spans are sent by OTLP over HTTP, such as http://127.0.0.1:4318; None: nothing is traced."""
    console: Annotated[Literal["on", "off"] | None, Field(alias="ROUTER_CONSOLE")] = None
    """Whether `/console` shows what happens to requests, to an operator's key where callers need one; None: where
    callers need none, and not on Lambda."""
    metrics_port: Annotated[int | None, Field(alias="ROUTER_METRICS_PORT", ge=1, le=65535)] = None
    """Port of this machine at which Prometheus finds the metrics; None: they are not counted."""
    drills: Annotated[Path | None, Field(alias="ROUTER_DRILLS")] = None
    """Folder of the reports of drills on this machine; None: the one that `drill_folder` names."""
    drill_secret: Annotated[str | None, Field(alias="ROUTER_DRILL_SECRET")] = None
    """Name of the secret that seals the reports of a stage's own drills; None: it has none, and does none."""
    drill_max_usd: Annotated[float, Field(alias="ROUTER_DRILL_MAX_USD", gt=0, le=100)] = 0.25
    """US dollars that one of those drills may cost."""
    state_home: Annotated[Path | None, Field(alias="XDG_STATE_HOME")] = None
    """Where programs keep what they remember. Source: XDG Base Directory Specification, 0.8."""
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"],
        BeforeValidator(str.upper),
        Field(alias="ROUTER_LOG_LEVEL"),
    ] = "INFO"

    @property
    def drill_folder(self) -> Path:
        """Where the reports of drills are kept. Raises ConfigurationError where that takes a home directory and the
        user has none, as in some containers."""
        if self.drills is not None:
            return self.drills
        try:
            return (self.state_home or Path.home() / ".local" / "state") / "fallback-router" / "drills"
        except RuntimeError:
            problem = "ROUTER_DRILLS: not set, and this user has no home directory; name a folder"
            raise ConfigurationError([problem]) from None

    @property
    def needs_key(self) -> bool:
        """Whether callers of the local server need a key."""
        return bool(self.api_keys) or self.keys_file is not None

    @property
    def shows_console(self) -> bool:
        """Whether `/console` is there."""
        return self.opens_console if self.console is None else self.console == "on"

    @property
    def opens_console(self) -> bool:
        """Whether whoever can connect may look at it: there are no callers whose spending is their own."""
        return self.lambda_function is None and not self.needs_key

    @property
    def snapshot(self) -> bool:
        """Whether a SnapStart snapshot is taken of this process once it has started."""
        return self.initialization == "snap-start"


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """The settings of `environment` (the process's own by default).

    Raises ConfigurationError that names each variable with a bad value, never the value of a key.
    """
    source = os.environ if environment is None else environment
    names = [field.alias or "" for field in Settings.model_fields.values()]
    said = {name: source[name].strip() for name in names if name in source}
    given: dict[str, Any] = {name: value for name, value in said.items() if value or name in MAY_NOT_BE_BLANK}
    try:
        return Settings.model_validate(given)
    except ValidationError as error:
        details = error.errors(include_url=False)
        raise ConfigurationError([f"{one['loc'][0]}: {_fix(one['msg'])}" for one in details]) from None


def _fix(message: str) -> str:
    message = message.removeprefix("Value error, ")
    return message.replace("Input should be", "must be")
