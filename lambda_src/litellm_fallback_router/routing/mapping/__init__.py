"""The operator's mapping: its shape, its loading and its mistakes in words. Gives a `RouterConfig`."""

from .budgets import Budgets
from .cache import CacheRules
from .chains import cycles
from .comparison import changes, revision_of
from .config import RouterConfig
from .deployable import future_deployments, outside, unfit
from .deployments import REFERENCE, unresolved
from .file import read_mapping
from .governance import DRAFT, Guardrail, PromptAccess, with_guardrail, with_prompts
from .json_schema import mapping_schema
from .keys import USABLE, holds_a_key, key_in, master_key, other_ways, secret_name, secret_providers, wanted_names
from .litellm_config import converted_config, is_litellm_config
from .loading import load_config
from .provider_names import did_you_mean, is_aws_region, split_profile
from .residency import departures, geography_of, leaving, reach, regions_of
from .schema import type_name, unknown
from .settings import Hedge, RouterSettings

__all__ = [
    "DRAFT",
    "REFERENCE",
    "USABLE",
    "Budgets",
    "CacheRules",
    "Guardrail",
    "Hedge",
    "PromptAccess",
    "RouterConfig",
    "RouterSettings",
    "changes",
    "converted_config",
    "cycles",
    "departures",
    "did_you_mean",
    "future_deployments",
    "geography_of",
    "holds_a_key",
    "is_aws_region",
    "is_litellm_config",
    "key_in",
    "leaving",
    "load_config",
    "mapping_schema",
    "master_key",
    "other_ways",
    "outside",
    "reach",
    "read_mapping",
    "regions_of",
    "revision_of",
    "secret_name",
    "secret_providers",
    "split_profile",
    "type_name",
    "unfit",
    "unknown",
    "unresolved",
    "wanted_names",
    "with_guardrail",
    "with_prompts",
]
