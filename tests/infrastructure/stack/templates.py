"""A synthesized template, as tests look at it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from infra.stage import Stage
from litellm_fallback_router.routing.mapping.config import RouterConfig

ROOT = Path(__file__).resolve().parents[3]
REGION = "eu-central-1"
"""Where the tests pretend to deploy: none of the mapping's own Regions."""
ACCOUNT = "123456789012"
EVERYTHING = {
    "stage": "prod",
    "waf": "true",
    "waf_allowed_ranges": "203.0.113.0/24",
    "alarm_email": "ops@example.com",
    "domain_name": "llm.example.com",
    "certificate_arn": f"arn:aws:acm:{REGION}:{ACCOUNT}:certificate/abc",
    "reserved_concurrency": "50",
    "authorizer_concurrency": "5",
}
_PSEUDO = {"AWS::Partition": "aws", "AWS::Region": REGION, "AWS::AccountId": ACCOUNT, "AWS::URLSuffix": "amazonaws.com"}


@dataclass(frozen=True)
class Synthesized:
    stage: Stage
    config: RouterConfig
    file: Path
    warnings: list[str]
    """What the synthesis said of the stack."""

    @cached_property
    def template(self) -> dict[str, Any]:
        template: dict[str, Any] = json.loads(self.file.read_text())
        return template

    @cached_property
    def text(self) -> str:
        return self.file.read_text()

    def of(self, kind: str) -> dict[str, dict[str, Any]]:
        """Logical id -> resource, of one CloudFormation type."""
        return {name: one for name, one in self.template["Resources"].items() if one["Type"] == kind}

    def only(self, kind: str) -> dict[str, Any]:
        """The properties of the one resource of this type."""
        (resource,) = self.of(kind).values()
        properties: dict[str, Any] = resource["Properties"]
        return properties

    def functions(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Properties of the gateway's function and of the authorizer's."""
        functions = self.of("AWS::Lambda::Function")
        gateway = next(one for name, one in functions.items() if name.startswith("Gateway"))
        authorizer = next(one for name, one in functions.items() if name.startswith("Authorizer"))
        return gateway["Properties"], authorizer["Properties"]

    def statements(self, owner: str) -> list[dict[str, Any]]:
        """The policy statements of the `Gateway`'s or the `Authorizer`'s role, with ARNs in full."""
        policies = [one["Properties"] for name, one in self.of("AWS::IAM::Policy").items() if name.startswith(owner)]
        return [flat(statement) for policy in policies for statement in policy["PolicyDocument"]["Statement"]]


def flat(value: Any) -> Any:
    """`value` with joined texts as CloudFormation would write them; a reference to a resource is `<LogicalId>`."""
    if isinstance(value, list):
        return [flat(one) for one in value]
    if not isinstance(value, dict):
        return value
    if "Fn::Join" in value:
        separator, parts = value["Fn::Join"]
        return separator.join(str(flat(part)) for part in parts)
    if "Ref" in value:
        return _PSEUDO.get(value["Ref"], f"<{value['Ref']}>")
    if "Fn::GetAtt" in value:
        return f"<{'.'.join(value['Fn::GetAtt'])}>"
    return {key: flat(one) for key, one in value.items()}


def listed(value: Any) -> list[Any]:
    """IAM writes one item without its list."""
    return value if isinstance(value, list) else [value]


def masked(template: dict[str, Any]) -> dict[str, Any]:
    """Without what changes with the code that is deployed: hashes of assets, versions and API deployments."""
    text = json.dumps(template, indent=2, sort_keys=True)
    text = re.sub(r"\b[0-9a-f]{64}\b", "HASH", text)
    text = re.sub(r"(FunctionCurrentVersion[0-9A-F]{8})[0-9a-f]{32}", r"\1HASH", text)
    text = re.sub(r"(ApiDeployment[0-9A-F]{8})[0-9a-f]{32}", r"\1HASH", text)
    result: dict[str, Any] = json.loads(text)
    return result
