"""The variables of the router's functions, as `litellm_fallback_router.settings` reads them."""

from __future__ import annotations

from .lambda_package import MAPPING
from .live_mapping import place
from .resources import RouterResources


def environment(resources: RouterResources) -> dict[str, str]:
    """Of every function that the router runs in."""
    stage = resources.stage
    variables = {
        "ROUTER_STATE_TABLE": resources.state.table.table_name,
        "ROUTER_SECRETS_PREFIX": stage.service,
        "ROUTER_SERVICE": stage.service,
        "ROUTER_LOG_LEVEL": stage.log_level,
        # Else the import of LiteLLM fetches its price map from the internet.
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    }
    if stage.mapping:
        # Both doors open in the package's folder: run.sh goes there, and Lambda starts a handler there.
        variables["ROUTER_CONFIG"] = f"{MAPPING}{stage.mapping.suffix}"
    if resources.responses:
        variables["ROUTER_RESPONSES_TABLE"] = resources.responses.table.table_name
    if resources.answers:
        variables["ROUTER_CACHE_TABLE"] = resources.answers.table.table_name
    if resources.samples:
        variables["ROUTER_SAMPLES"] = resources.samples.samples_uri
    if stage.live_mapping:
        variables["ROUTER_APPCONFIG"] = place(stage)
    if stage.models:
        variables["ROUTER_MODELS"] = ",".join(stage.models)
    if stage.simulator_url:
        variables["ROUTER_SIMULATOR_URL"] = stage.simulator_url
    return variables | _guardrail(resources) | _prompts(resources)


def _guardrail(resources: RouterResources) -> dict[str, str]:
    if made := resources.guardrail:
        named = made.id, made.version
    elif resources.stage.guardrail_named:
        named = resources.stage.guardrail_named
    else:
        return {}
    return {"ROUTER_GUARDRAIL_ID": named[0], "ROUTER_GUARDRAIL_VERSION": named[1]}


def _prompts(resources: RouterResources) -> dict[str, str]:
    if not resources.stage.prompts:
        return {}
    return {"ROUTER_PROMPTS": resources.prompt.id if resources.prompt else ",".join(resources.stage.prompts)}
