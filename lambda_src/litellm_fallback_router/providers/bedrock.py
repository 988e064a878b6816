"""Amazon Bedrock, with Converse, and SageMaker. Sources: Amazon Bedrock "Converse" (`inferenceConfig`: temperature
0 to 1), the shapes in botocore, and LiteLLM 1.106 (`llms/bedrock/common_utils.py`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from ..routing.failures import FailureKind as Kind
from .anthropic import PROCESSING as ANTHROPICS
from .claude import ANTHROPIC_ONLY, CLAUDE, CLAUDE_PARTS, OPENAI_FEATURES, OPENAI_ONLY, claude_families
from .dialect import PENALTIES, TEXT, Dialect, Feature, Parts
from .finish_reasons import FinishReasons
from .profile import Family, Override, OwnApi, Profile, SignIn, Simulator

_PARTS: Parts = {
    **CLAUDE_PARTS,
    "user": TEXT | {"image_url", "file", "document", "guarded_text"},
}
TOOL_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9_-]{0,63}")
"""Source: ToolName in botocore, with a letter first: LiteLLM 1.106.2 puts one before a name without it, and remembers
that for all callers alike (`make_valid_bedrock_tool_name`)."""
_CALL_ID = re.compile(r"[a-zA-Z0-9_.:-]{1,64}")
"""Source: ToolUseId in botocore."""
_TOP_OF_NOVA = frozenset({"type", "properties", "required"})
"""Source: Amazon Nova user guide, "Defining a tool"."""
FINISH_REASONS = FinishReasons(
    complete=MappingProxyType({"end_turn": "stop", "stop_sequence": "stop", "tool_use": "tool_calls"}),
    cut=frozenset({"max_tokens", "model_context_window_exceeded"}),
    filtered=frozenset({"guardrail_intervened", "content_filtered"}),
    broken=frozenset({"malformed_model_output", "malformed_tool_use"}),
)
"""Source: botocore, `bedrock-runtime/2023-09-30/service-2.json`, shape `StopReason`."""
CONVERSE = Dialect(
    converse=True,
    cannot=OPENAI_FEATURES | {Feature.WEB_SEARCH},
    parts=_PARTS,
    image_urls=frozenset(),
    lacks=PENALTIES | OPENAI_ONLY | ANTHROPIC_ONLY | {"service_tier"},
    temperature_max=1.0,
    json_mode=False,
    parallel_switch=False,
    strict_tools=False,
    strict_schema=False,
    no_choice=False,
    tool_names=TOOL_NAME,
    turns=True,
    mixed_turns=False,
    call_id=_CALL_ID,
    references=False,
)
"""Llama refuses mixed turns: "Conversation blocks and tool result blocks cannot be provided in the same turn"
(strands-agents/harness-sdk 1223); of the others it is not known."""
_NOVA = replace(CONVERSE, cannot=CONVERSE.cannot - {Feature.WEB_SEARCH}, mixed_turns=True, schema_top=_TOP_OF_NOVA)
_CLAUDE = Dialect(
    converse=True,
    temperature_and_top_p=False,
    cannot=OPENAI_FEATURES | {Feature.WEB_SEARCH, Feature.BLANK_STOP},
    parts=_PARTS,
    image_urls=frozenset(),
    lacks=CLAUDE.lacks,
    temperature_max=1.0,
    json_mode=False,
    no_choice=False,
    tool_names=TOOL_NAME,
    turns=True,
    call_id=_CALL_ID,
)
_PROFILE_REGIONS = {
    "apac": """ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-south-2 ap-southeast-1 ap-southeast-2
               ap-southeast-4""",
    "au": "ap-southeast-2 ap-southeast-4",
    "ca": "ca-central-1 ca-west-1",
    "eu": "eu-central-1 eu-north-1 eu-south-1 eu-south-2 eu-west-1 eu-west-3",
    "jp": "ap-northeast-1 ap-northeast-3",
    "us": "us-east-1 us-east-2 us-west-2",
    "us-gov": "us-gov-east-1 us-gov-west-1",
}
PROFILE_REGIONS: Mapping[str, frozenset[str]] = {name: frozenset(r.split()) for name, r in _PROFILE_REGIONS.items()}
"""The Regions that a geography's inference profiles route to, beside the request's own. A profile may use fewer of
them. Source: Amazon Bedrock user guide, "Supported Regions and models for inference profiles"."""
_ROUTE_NAMES = """
    converse converse_like invoke claude_platform agent agentcore async_invoke openai mantle chat_completions
"""
_FIXES = {
    Kind.AUTHENTICATION: "the AWS credentials are wrong or have expired: try `aws sts get-caller-identity`",
    Kind.PERMISSION: "allow bedrock:InvokeModel and bedrock:InvokeModelWithResponseStream on the model and its "
    "inference profile, and see that the account has access to the model in {region}",
    Kind.NOT_FOUND: "{model} is not offered in {region}: check the name, its prefix (us., eu., global.) and the Region",
    Kind.QUOTA_EXHAUSTED: "ask for a higher quota: Service Quotas, Amazon Bedrock, {region}",
    Kind.RATE_LIMITED: "the account's quota in {region} is used up for now: wait, or ask for more in Service Quotas",
}
"""Source of the permissions: the Bedrock user guide, "Prerequisites for inference profiles"."""
_STAGE_ACCESS = (
    "see `fallback-router preflight` for its subscription and form; permissions are computed from the mapping when the "
    "stage is deployed, so deploy after a change of it"
)
SIMULATED_CREDENTIALS = MappingProxyType(
    {"aws_access_key_id": "AKIDSIMULATOR", "aws_secret_access_key": "sim-bedrock-secret"}
)
"""The simulator's own, worth nothing elsewhere."""
_SIGN_IN_PARAMS = ("aws_access_key_id", "aws_profile_name", "aws_role_name", "aws_web_identity_token")
_BEARER = "AWS_BEARER_TOKEN_BEDROCK"
_SIGN_IN_VARIABLES = (
    # Where botocore's credential chain looks, short of asking the network: EC2's metadata service is not
    # asked, so an instance role counts only with a ~/.aws/config.
    _BEARER,
    "AWS_PROFILE",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_LAMBDA_FUNCTION_NAME",
)

AWS = Profile(
    sign_in=SignIn.AWS,
    sign_in_params=frozenset(_SIGN_IN_PARAMS),
    sign_in_variables=_SIGN_IN_VARIABLES,
    sign_in_help="AWS_BEARER_TOKEN_BEDROCK, or AWS credentials (AWS_PROFILE, or AWS_ACCESS_KEY_ID and its secret)",
)
"""SageMaker: what is signed with AWS credentials."""
MANTLE = Profile(
    own_api=OwnApi.MANTLE,
    key_variables=("BEDROCK_MANTLE_API_KEY", _BEARER),
    sign_in_params=AWS.sign_in_params,
    sign_in_variables=tuple(name for name in _SIGN_IN_VARIABLES if name != _BEARER),
    fixes=MappingProxyType(
        {
            Kind.PERMISSION: "allow what the managed policy AmazonBedrockMantleInferenceAccess does, and see that "
            "the account has access to the model in {region}",
        }
    ),
)
"""Bedrock's OpenAI-compatible endpoint. Source of the policy: AWS managed policies for Amazon Bedrock."""
BEDROCK = replace(
    AWS,
    dialect=CONVERSE,
    finish_reasons=FINISH_REASONS,
    families=(*claude_families(_CLAUDE), Family(re.compile("nova"), Override(dialect=_NOVA))),
    sells_only_own=True,
    bedrock=True,
    telemetry_name="aws.bedrock",
    embedders=("amazon.titan-embed-text-", "cohere.embed-"),
    beside_guardrail=True,
    aliases=frozenset({"bedrock_converse"}),
    routes=frozenset(_ROUTE_NAMES.split()),
    usual_route="converse",
    route_processing=MappingProxyType({"claude_platform": ANTHROPICS}),
    bare_names=re.compile(
        r"arn:aws[a-z-]*:bedrock:|([a-z-]+\.)?(ai21|amazon|anthropic|cohere|deepseek|meta|mistral|openai|qwen)\."
    ),
    fixes=MappingProxyType(_FIXES),
    stage_fixes=MappingProxyType({Kind.AUTHENTICATION: _STAGE_ACCESS, Kind.PERMISSION: _STAGE_ACCESS}),
    simulator=Simulator(
        "/bedrock",
        address_param="aws_bedrock_runtime_endpoint",
        params=SIMULATED_CREDENTIALS,
    ),
)
