"""Finds deployed gateways by the outputs of their stacks. Blocking; raises botocore's errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.client import CloudFormationClient

USAGE_PLAN = "UsagePlan"
"""Begins the name of an output that holds a usage plan's id; its description is the plan's name."""


@dataclass(frozen=True, slots=True)
class GatewayStack:
    """A deployed gateway, as its stack's outputs tell of it."""

    name: str
    state_table: str
    secrets_prefix: str
    """Also what the stage is called in metrics."""
    usage_plans: Mapping[str, str]
    """API Gateway's ids of the usage plans, by the plans' names."""
    url: str = ""
    """Where it answers; ends in a slash."""
    streams: bool = True
    """False: it was deployed to give whole answers only."""
    mapping_place: str = ""
    """In AppConfig, as `appconfig_rollouts.Place` reads it; empty: it was deployed without a live mapping."""
    alarm_topic: str = ""
    """ARN of the topic that alarms go to."""
    function: str = ""
    """Name of the gateway's function."""
    drill_secret: str = ""
    """Name of the secret that seals the reports of its drills; empty: it has none."""
    other_regions: tuple[str, ...] = ()
    """Where the stage is too, as a stack of the same name."""
    rollout: tuple[str, str] | None = None
    """CodeDeploy's application and deployment group; None: callers are moved to a new version at once."""


def gateway_stacks(client: CloudFormationClient, name: str | None) -> list[GatewayStack]:
    """The stack of that name, or all of the account and Region; only those that are gateways."""
    paginator = client.get_paginator("describe_stacks")
    pages = paginator.paginate() if name is None else paginator.paginate(StackName=name)
    try:
        stacks = [stack for page in pages for stack in page["Stacks"]]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":  # CloudFormation's way to say that there is none
            return []
        raise
    return [found for stack in stacks if (found := _gateway(stack["StackName"], stack.get("Outputs", []))) is not None]


def _gateway(name: str, outputs: list[Any]) -> GatewayStack | None:
    values = {output["OutputKey"]: output["OutputValue"] for output in outputs}
    if not {"StateTableName", "SecretsPrefix"} <= values.keys():
        return None
    plans = [output for output in outputs if output["OutputKey"].startswith(USAGE_PLAN)]
    return GatewayStack(
        name,
        state_table=values["StateTableName"],
        secrets_prefix=values["SecretsPrefix"],
        usage_plans={plan.get("Description", plan["OutputKey"]): plan["OutputValue"] for plan in plans},
        url=values.get("Url", ""),
        streams=values.get("ResponseMode") != "buffered",
        mapping_place=values.get("MappingPlace", ""),
        alarm_topic=values.get("AlarmTopicArn", ""),
        function=values.get("FunctionName", ""),
        drill_secret=values.get("DrillSecret", ""),
        other_regions=tuple(values.get("OtherRegions", "").split(",")) if values.get("OtherRegions") else (),
        rollout=(values["RolloutApplication"], values["RolloutGroup"]) if "RolloutGroup" in values else None,
    )
