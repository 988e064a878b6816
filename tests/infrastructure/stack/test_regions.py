"""Where a stage can be deployed, and what it goes without there."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import product

import pytest
from cfnlint.helpers import REGIONS  # type: ignore[import-untyped]
from cfnlint.rules.resources.lmbd.SnapStartSupported import SnapStartSupported  # type: ignore[import-untyped]

from infra.function import snapstart_in
from infra.stage import load_stage
from litellm_fallback_router.aws_regions import ADAPTER_REGIONS, has_snapstart
from litellm_fallback_router.routing.errors import ConfigurationError
from tests.infrastructure.stack.agents import TABLE
from tests.infrastructure.stack.rules import cfn_lint_finds_nothing
from tests.infrastructure.stack.templates import Synthesized


def test_cfn_lint_knows_the_same_regions_with_snapstart() -> None:
    known = set(SnapStartSupported().regions)
    assert {region for region in REGIONS if has_snapstart(region)} == known


def test_the_adapter_is_nowhere_that_aws_is_not() -> None:
    assert set(REGIONS) >= ADAPTER_REGIONS


@pytest.mark.parametrize("response_mode", ["stream", "buffered"])
def test_a_region_without_snapstart_is_deployed_without_it(
    synthesize: Callable[..., Synthesized], response_mode: str
) -> None:
    stack = synthesize(region="ap-east-2", response_mode=response_mode)
    gateway, _ = stack.functions()
    assert "SnapStart" not in gateway
    variables = gateway["Environment"]["Variables"].keys()
    assert not [name for name in variables if "SNAPSTART" in name]
    assert ("AWS_LWA_ASYNC_INIT" in variables) == (response_mode == "stream")
    assert stack.only("AWS::Lambda::Alias")["Name"] == "live"
    cfn_lint_finds_nothing(stack, "--regions", "ap-east-2")


@pytest.mark.parametrize("snapstart", ["auto", "on", "off"])
def test_snapstart_is_as_the_stage_says_where_the_region_has_it(
    synthesize: Callable[..., Synthesized], snapstart: str
) -> None:
    stack = synthesize(snapstart=snapstart, agentcore=json.dumps(TABLE))
    functions = stack.of("AWS::Lambda::Function")
    restored = {name for name, one in functions.items() if "SnapStart" in one["Properties"]}
    assert len(functions) == 3
    assert {name[:5] for name in restored} == (set() if snapstart == "off" else {"Gatew", "Tools"})


def test_where_the_region_is_not_known_snapstart_is_on_unless_it_is_off() -> None:
    wanted = {value: snapstart_in(None, load_stage({"snapstart": value})) for value in ("auto", "on", "off")}
    assert wanted == {"auto": True, "on": True, "off": False}


@pytest.mark.parametrize(
    ("region", "context", "said"),
    [
        ("us-gov-west-1", {}, r"-c response_mode=stream: .* not published in us-gov-west-1; take .*buffered"),
        ("cn-north-1", {}, r"-c response_mode=stream: .* not published in cn-north-1"),
        ("me-central-1", {}, r"-c response_mode=stream: .* not published in me-central-1"),
        ("xx-new-1", {}, r"-c response_mode=stream: .* not published in xx-new-1"),
        ("ap-east-2", {"snapstart": "on"}, r"-c snapstart=on: Lambda has no SnapStart in ap-east-2; take auto or off"),
    ],
)
def test_a_region_that_lacks_what_the_stage_needs_is_refused_with_the_fix(
    region: str, context: dict[str, str], said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        snapstart_in(region, load_stage(context))


def test_both_lacks_are_said_at_once() -> None:
    with pytest.raises(ConfigurationError) as raised:
        snapstart_in("us-gov-east-1", load_stage({"snapstart": "on"}))
    assert all(name in str(raised.value) for name in ("response_mode", "snapstart"))


def test_every_region_of_the_adapter_takes_the_default_stage() -> None:
    for region, mode in product(sorted(ADAPTER_REGIONS), ("stream", "buffered")):
        assert snapstart_in(region, load_stage({"response_mode": mode})) == has_snapstart(region)
