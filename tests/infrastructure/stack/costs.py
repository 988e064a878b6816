"""What a month of a stage costs beside the models: a synthesized template, its mapping and a price list -> US dollars.

`prices.json` has every price with its source. What is assumed of the traffic stands here, each with its reason.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from litellm_fallback_router.routing.mapping import RouterConfig
from litellm_fallback_router.routing.observe.metrics import CACHE_METRICS, DRILL_METRICS, GUARDRAIL_METRICS, METRICS

PRICES = Path(__file__).with_name("prices.json")
MONTH = 30 * 86_400
"""Seconds."""
LOG_KB = 2.3
"""Of one answered request from the gateway itself; a test measures it."""
OTHER_LOG_KB = 1.1
"""Lambda's and API Gateway's lines beside it: an estimate."""
ANSWER_KB = 3.0
"""Sent to the caller: an estimate."""
RESERVOIR, SAMPLED = 1.0, 0.05
"""Traces a second that X-Ray always records, and its share of the others. Source: X-Ray developer guide, "Configuring
sampling rules", the default rule."""
SECRET_AGE = 300
"""Seconds after which an environment in use reads a secret again (adapters/secrets_manager.py; a test compares)."""
BUSY_KEYS = 10
"""Callers' keys in use in every minute, for each of which the authorizer runs once a minute. On the paths of clients of
Anthropic and Azure it runs for each request."""
AUTHORIZER_SECONDS = 0.05
"""An estimate."""
FREE = {
    "AWS::ApiGateway::Account",
    "AWS::ApiGateway::Authorizer",
    "AWS::ApiGateway::BasePathMapping",
    "AWS::ApiGateway::Deployment",
    "AWS::ApiGateway::DomainName",
    "AWS::ApiGateway::GatewayResponse",
    "AWS::ApiGateway::Method",
    "AWS::ApiGateway::Resource",
    "AWS::ApiGateway::UsagePlan",
    # Each environment in use reads it every 45 s: cents a month.
    "AWS::AppConfig::Application",
    "AWS::AppConfig::ConfigurationProfile",
    "AWS::AppConfig::DeploymentStrategy",
    "AWS::AppConfig::Environment",
    "AWS::CodeDeploy::Application",
    "AWS::CodeDeploy::DeploymentGroup",
    "AWS::Events::Rule",
    "AWS::IAM::Policy",
    "AWS::IAM::Role",
    "AWS::Lambda::Alias",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::Lambda::Permission",
    "AWS::SNS::Subscription",
    "AWS::SNS::Topic",
    "AWS::SNS::TopicPolicy",
    "AWS::WAFv2::IPSet",
    "AWS::WAFv2::WebACLAssociation",
    "Custom::VersionKeeper",
}
"""Types of resources that cost nothing here: no price of their own, or cents a month (mail, stored logs and items)."""
PRICED = {
    "AWS::ApiGateway::RestApi",
    "AWS::ApiGateway::Stage",
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::Dashboard",
    "AWS::DynamoDB::Table",
    "AWS::Lambda::Function",
    "AWS::Lambda::Version",
    "AWS::Logs::LogGroup",
    "AWS::SecretsManager::Secret",
    "AWS::WAFv2::WebACL",
}
"""Types that a line below is for."""


@dataclass(frozen=True)
class Traffic:
    """A month's."""

    requests: float
    seconds: float
    """That each takes: nearly all of it the model's."""


@dataclass(frozen=True)
class Bill:
    template: Mapping[str, Any]
    config: RouterConfig

    @cached_property
    def _price(self) -> dict[str, float]:
        return {name: one["usd"] for name, one in json.loads(PRICES.read_text(encoding="utf-8"))["prices"].items()}

    def of(self, traffic: Traffic) -> dict[str, float]:
        """Line -> US dollars, for all that the stack has."""
        return {
            "Lambda, while it waits for models": self._duration(traffic.requests * traffic.seconds, self._gateway),
            "Lambda, requests": traffic.requests * self._price["lambda_request"],
            "API Gateway": traffic.requests * self._price["api_request"],
            "CloudWatch, logs": traffic.requests * (LOG_KB + OTHER_LOG_KB) / 1e6 * self._price["log_gb"],
            "CloudWatch, metrics": self._metrics(traffic) * self._price["metric_month"],
            "CloudWatch, dashboard": len(self._all("AWS::CloudWatch::Dashboard")) * self._price["dashboard_month"],
            "CloudWatch, alarms": self._alarm_metrics * self._price["alarm_metric_month"],
            "X-Ray": self._traces(traffic.requests) * self._price["trace"],
            "DynamoDB": traffic.requests * self.read_units * self._price["table_read_unit"],
            "authorizer": self._authorizer(traffic),
            "Secrets Manager, secrets": self._secrets * self._price["secret_month"],
            "Secrets Manager, reads": self._secret_reads(traffic) * self._price["secret_read"],
            "SnapStart's snapshot": self._snapshots * self._price["snapstart_gb_second"] * MONTH,
            "data to the internet": traffic.requests * ANSWER_KB / 1e6 * self._price["internet_gb"],
            "firewall": self._firewall(traffic.requests),
        }

    @property
    def read_units(self) -> float:
        """Of the state table, for one request: the circuits of its chain and the list of the drained, half a unit each.
        At most one reading in five seconds: quicker requests of one environment share it."""
        return (max(self._chain_sizes) + 1) / 2

    @property
    def _chain_sizes(self) -> list[int]:
        return [len(self.config.chain(name)) for name in self.config.chains]

    @property
    def _models(self) -> int:
        return len({(d.provider, d.model) for d in self.config.deployments})

    @property
    def _gateway(self) -> Mapping[str, Any]:
        return next(one for name, one in self._all("AWS::Lambda::Function").items() if name.startswith("Gateway"))

    @property
    def _snapshots(self) -> float:
        """GB of the functions that are restored."""
        functions = self._all("AWS::Lambda::Function").values()
        return sum(float(one["MemorySize"]) / 1024 for one in functions if "SnapStart" in one)

    def _metrics(self, traffic: Traffic) -> int:
        """A stage that drills has those of the drills also without a request."""
        drills = len(DRILL_METRICS) * bool(self._all("AWS::Events::Rule"))
        return steady_metrics(self._models) * bool(traffic.requests) + drills

    @property
    def _alarm_metrics(self) -> int:
        alarms = self._all("AWS::CloudWatch::Alarm").values()
        return sum(len([m for m in one.get("Metrics", [{"MetricStat": 1}]) if "MetricStat" in m]) for one in alarms)

    @property
    def _secrets(self) -> int:
        return len(self._all("AWS::SecretsManager::Secret"))

    def _duration(self, seconds: float, function: Mapping[str, Any]) -> float:
        (architecture,) = function["Architectures"]
        return seconds * float(function["MemorySize"]) / 1024 * self._price[f"lambda_gb_second_{architecture}"]

    def _traces(self, requests: float) -> float:
        """At most: of traffic that is spread evenly. What comes in bursts is recorded less."""
        traced = [one for one in self._all("AWS::ApiGateway::Stage").values() if one.get("TracingEnabled")]
        always = min(requests, RESERVOIR * MONTH)
        return (always + SAMPLED * (requests - always)) * len(traced)

    def _authorizer(self, traffic: Traffic) -> float:
        function = next(o for name, o in self._all("AWS::Lambda::Function").items() if name.startswith("Authorizer"))
        runs = min(traffic.requests, BUSY_KEYS * MONTH / 60)
        each = self._price["lambda_request"] + self._price["table_read_unit"]
        each += self._duration(AUTHORIZER_SECONDS, function) + OTHER_LOG_KB / 1e6 * self._price["log_gb"]
        return runs * each

    def _secret_reads(self, traffic: Traffic) -> float:
        environments = traffic.requests * traffic.seconds / MONTH
        return environments * self._secrets * MONTH / SECRET_AGE

    def _firewall(self, requests: float) -> float:
        acls = self._all("AWS::WAFv2::WebACL").values()
        rules = sum(len(one["Rules"]) for one in acls)
        standing = len(acls) * self._price["acl_month"] + rules * self._price["acl_rule_month"]
        return standing + len(acls) * requests * self._price["acl_request"]

    def _all(self, kind: str) -> dict[str, Mapping[str, Any]]:
        """Logical id -> properties."""
        found = self.template["Resources"].items()
        return {name: one["Properties"] for name, one in found if one["Type"] == kind}


COLUMNS = {
    "no request": Traffic(0, 0),
    "100,000 of 10 s": Traffic(1e5, 10),
    "1 million of 2 s": Traffic(1e6, 2),
    "1 million of 10 s": Traffic(1e6, 10),
    "10 million of 10 s": Traffic(1e7, 10),
}


def table(bill: Bill) -> str:
    """Every line that is not nothing, in Markdown."""
    months = {name: bill.of(traffic) for name, traffic in COLUMNS.items()}
    lines = [name for name in bill.of(Traffic(1, 1)) if any(round(month[name], 2) for month in months.values())]
    rows = [[line, *(f"{month[line]:,.2f}" for month in months.values())] for line in lines]
    rows.append(["**together**", *(f"**{sum(month.values()):,.2f}**" for month in months.values())])
    return markdown(["a month with", *months], rows)


def totals(bill: Bill) -> str:
    """The last line alone, in whole dollars."""
    months = {name: sum(bill.of(traffic).values()) for name, traffic in COLUMNS.items()}
    return markdown(["requests in a month", *months], [["US dollars", *(f"{usd:,.0f}" for usd in months.values())]])


def markdown(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" if cells[0] != "---" else f"|{'|'.join(cells)}|" for cells in lines)


def steady_metrics(models: int) -> int:
    """How many CloudWatch metrics a stage has once each of its models has answered, without a guardrail. Failures add
    one for each kind and code of theirs, in the hours that have them."""
    seldom = GUARDRAIL_METRICS | CACHE_METRICS | DRILL_METRICS
    sets = [names for metric in METRICS.values() if metric.name not in seldom for names in metric.sets]
    return sets.count(()) + models * sets.count(("provider", "model"))
