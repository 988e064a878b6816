"""What a stage may do and its operators should know, as warnings of the synthesis; and what its geography forbids."""

from __future__ import annotations

from litellm_fallback_router.routing.errors import ConfigurationError
from litellm_fallback_router.routing.mapping import RouterConfig, departures, geography_of, leaving, regions_of

from .evaluations import judge_deployment
from .stage import NEW, Stage


def concerns(stage: Stage, config: RouterConfig, region: str | None) -> dict[str, str]:
    """Name -> text, with the fix. `region`: where the stack is deployed; None: not known yet.

    Raises ConfigurationError with whatever would take prompts out of the stage's geography.
    """
    found = {}
    if stage.name == "prod" and not stage.alarm_email:
        found["alarmEmail"] = "-c alarm_email: not set, so nobody hears of an alarm; give an address"
    if stage.name == "prod" and not stage.authorizer_concurrency:
        found["authorizerConcurrency"] = (
            "-c authorizer_concurrency: not set, so requests that use up the account's concurrency lock other callers "
            "out with them; give 5 where the account's quota leaves Lambda 100 beside what is reserved"
        )
    if stage.simulator_url is None:
        found |= _prompts_abroad(stage, config, region)
    return found


def _prompts_abroad(stage: Stage, config: RouterConfig, region: str | None) -> dict[str, str]:
    geography = stage.geography or (None if region is None else geography_of(region))
    if geography is None:
        return {}
    lines = leaving(config, geography, region)
    if stage.evaluation_judge:
        lines += departures([judge_deployment(stage.evaluation_judge)], geography, region)
    if config.settings.sample_fallbacks and stage.evaluations not in (None, NEW):
        lines.append(f"evaluations: samples hold prompts, and where the bucket {stage.evaluations} is cannot be told")
    if stage.geography is None and not lines:
        return {}
    if stage.geography is None:
        listed = "".join(f"\n  - {line}" for line in lines)
        return {
            "geography": f"the mapping lets prompts leave {geography}; -c geography={geography} refuses it:" + listed
        }
    if region is None:
        lines.append("-c geography: the Region of the stack is not known; set AWS_DEFAULT_REGION")
    elif region not in regions_of(geography):
        lines.append(f"-c geography: the stack itself would be in {region}, outside of {geography}")
    if lines:
        raise ConfigurationError(lines)
    return {}
