"""The stage's settings: what is refused, and in which words."""

from __future__ import annotations

import pytest

from infra.stage import load_stage
from litellm_fallback_router.routing.errors import ConfigurationError


def test_no_context_is_the_dev_stage() -> None:
    stage = load_stage({})
    assert (stage.name, stage.response_mode, stage.arch) == ("dev", "stream", "arm64")


def test_the_cli_gives_text_and_the_settings_are_numbers() -> None:
    stage = load_stage({"memory_mb": "1769", "waf": "true", "log_retention_days": "14", "reserved_concurrency": "5"})
    assert (stage.memory_mb, stage.waf, stage.log_retention_days, stage.reserved_concurrency) == (1769, True, 14, 5)


def test_context_of_cdk_itself_is_no_setting() -> None:
    assert load_stage({"@aws-cdk/core:checkSecretUsage": True, "aws:cdk:enable-path-metadata": True}) == load_stage({})


def test_plans_are_json() -> None:
    stage = load_stage({"plans": '{"team": {"rate": 5, "burst": 10, "daily": 1000}}'})
    assert stage.plans["team"].daily == 1000


@pytest.mark.parametrize(
    ("plans", "rate"),
    [
        (None, 2 * (10 * 300 + 20)),
        ('{"slow": {"rate": 0.001, "burst": 1}}', 10),
        ('{"slow": {"rate": 1, "burst": 1}, "fast": {"rate": 0.5, "burst": 500}}', 2 * (150 + 500)),
        ('{"fastest": {"rate": 10000, "burst": 5000}}', 2 * 3_005_000),
    ],
)
def test_the_firewall_lets_through_what_the_plans_allow(plans: str | None, rate: int) -> None:
    stage = load_stage({} if plans is None else {"plans": plans})
    assert stage.waf_rate == rate
    assert load_stage({"waf_requests_per_5_minutes": "3020"}).waf_rate == 3020


@pytest.mark.parametrize(
    ("context", "said"),
    [
        ({"stage": "staging"}, r"-c stage: must be 'dev' or 'prod'"),
        ({"respons_mode": "buffered"}, r"-c respons_mode: unknown setting; did you mean 'response_mode'\?"),
        ({"response_mode": "fast"}, r"-c response_mode: must be 'stream' or 'buffered'"),
        ({"memory_mb": "64"}, r"-c memory_mb: must be greater than or equal to 512"),
        ({"reserved_concurrency": "none"}, r"-c reserved_concurrency: must be a valid integer"),
        ({"log_retention_days": "8"}, r"-c log_retention_days: must be 1, 3, 7"),
        ({"mapping": "no-such.yaml"}, r"-c mapping: no-such\.yaml is not a \.yaml, \.yml or \.json file here"),
        ({"stage": "prod", "simulator_url": "http://127.0.0.1:1"}, r"-c simulator_url: only for stage dev, not prod"),
        ({"domain_name": "llm.example.com"}, r"domain_name and certificate_arn: give both or neither"),
        ({"waf": "true", "waf_allowed_ranges": "office"}, r"-c waf_allowed_ranges\.0: must be an IPv4 range such as"),
        (
            {"waf": "true", "waf_allowed_ranges": "999.0.113.0/24"},
            r"waf_allowed_ranges\.0: must be an IPv4 range such as",
        ),
        (
            {"waf": "true", "waf_allowed_ranges": "203.0.113.0/33"},
            r"waf_allowed_ranges\.0: must be an IPv4 range such as",
        ),
        ({"waf": "true", "waf_allowed_ranges": "203.0.113.7"}, r"waf_allowed_ranges\.0: must be an IPv4 range such as"),
        ({"log_retention_days": "\u00b2"}, r"-c log_retention_days: must be 1, 3, 7"),
        ({"log_retention_days": "\u0667"}, r"-c log_retention_days: must be 1, 3, 7"),
        ({"waf_allowed_ranges": "203.0.113.0/24"}, r"waf_allowed_ranges: needs -c waf=true"),
        (
            {"waf_requests_per_5_minutes": "3000"},
            r"waf_requests_per_5_minutes: .* 3020 requests in 5",
        ),
        ({"authorizer_concurrency": "0"}, r"-c authorizer_concurrency: must be greater than or equal to 1"),
        ({"snapstart": "yes"}, r"-c snapstart: must be 'auto', 'on' or 'off'"),
        ({"alarm_email": "nobody"}, r"-c alarm_email: String should match"),
        ({"plans": "{"}, r"-c plans: must be JSON"),
        ({"plans": '{"Team A": {"rate": 1, "burst": 1}}'}, r"plans\.Team A: a plan's name is lower-case"),
        ({"plans": '{"team": {"rate": 0, "burst": 1}}'}, r"-c plans\.team\.rate: must be greater than 0"),
        ({"log_level": "ERROR"}, r"-c log_level: must be 'DEBUG' or 'INFO'"),
    ],
)
def test_mistake_is_named_with_its_setting_and_the_fix(context: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        load_stage(context)


def test_every_mistake_is_listed_at_once() -> None:
    with pytest.raises(ConfigurationError) as raised:
        load_stage({"arch": "mips", "waff": "true", "memory_mb": "1"})
    assert all(f"-c {name}" in str(raised.value) for name in ("arch", "waff", "memory_mb"))
