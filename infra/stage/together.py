"""Which settings of a stage fit together."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .values import NEW

if TYPE_CHECKING:
    from .settings import Stage

MOST_MODELS = 2_000
"""Characters. All variables of a Lambda together may hold 4 KB. Source: Lambda developer guide, "Lambda quotas"."""


def check_together(stage: Stage) -> None:
    """Raises ValueError with the first pair of settings that contradict each other."""
    if (stage.domain_name is None) != (stage.certificate_arn is None):
        raise ValueError("domain_name and certificate_arn: give both or neither")
    _check_regions(stage)
    if stage.models and not stage.live_mapping:
        raise ValueError("models: needs -c live_mapping=true, without which no other mapping can be in force")
    if len(",".join(stage.models)) > MOST_MODELS:
        raise ValueError(f"models: at most {MOST_MODELS} characters, as the function's variables hold no more")
    if stage.waf_allowed_ranges and not stage.waf:
        raise ValueError("waf_allowed_ranges: needs -c waf=true")
    if stage.waf_requests_per_5_minutes is not None and stage.waf_requests_per_5_minutes < stage.fastest_key:
        raise ValueError(
            f"waf_requests_per_5_minutes: the firewall would block a key before its plan does, which allows "
            f"{stage.fastest_key} requests in 5 minutes; give that at least, or lower the plan's rate"
        )
    if NEW in stage.prompts and len(stage.prompts) > 1:
        raise ValueError("prompts: new stands alone; name existing ones without it")
    if stage.evaluation_judge and not stage.evaluations:
        raise ValueError("evaluation_judge: needs -c evaluations=new, or a bucket's name")
    if stage.simulator_url and stage.name != "dev":
        raise ValueError(f"simulator_url: only for stage dev, not {stage.name}")
    for name in stage.plans:
        if not re.fullmatch(r"[a-z][a-z0-9-]{0,30}", name):
            raise ValueError(f"plans.{name}: a plan's name is lower-case letters, digits and hyphens")
    if stage.mapping and (not stage.mapping.is_file() or stage.mapping.suffix not in {".yaml", ".yml", ".json"}):
        raise ValueError(f"mapping: {stage.mapping} is not a .yaml, .yml or .json file here")


def _check_regions(stage: Stage) -> None:
    if not stage.regions:
        if stage.hosted_zone:
            raise ValueError("hosted_zone: needs -c regions=FIRST,SECOND")
        if stage.certificate_arn and "," in stage.certificate_arn:
            raise ValueError("certificate_arn: give one, or -c regions=FIRST,SECOND too")
        return
    if len(set(stage.regions)) != len(stage.regions) or len(stage.regions) != 2:
        raise ValueError("regions: give two that differ, as in us-east-1,eu-west-1")
    if not (stage.domain_name and stage.hosted_zone):
        raise ValueError("regions: needs -c domain_name and -c hosted_zone, whose records name the Region that answers")
    if missing := [region for region in stage.regions if stage.certificate_in(region) is None]:
        raise ValueError(
            f"certificate_arn: give one in each Region, with a comma between; there is none in {missing[0]}"
        )
    if stage.waf_allowed_ranges:
        raise ValueError(
            "waf_allowed_ranges: with -c regions it would shut out Route 53, which looks for the Region's health"
        )
    if stage.kms_key:
        raise ValueError(
            "kms_key: not with -c regions, as each copy of the table would need a key of its own; leave it out"
        )
