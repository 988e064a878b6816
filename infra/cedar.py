"""Who may ask what through AgentCore: the table in a stage's settings, and Cedar's policies made of it.

What nothing permits is refused. Source: AgentCore developer guide, "Understanding Cedar policies" (principals, actions,
`context.input`), "Guardrails in policies" (`when guardrails`, categories, thresholds) and "Guardrail policy examples"
(JSONPaths).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from fallback_router_agentcore.tools import MAX_TOKENS, SEPARATOR, TOOLS, Tool
from litellm_fallback_router.routing.mapping import did_you_mean

TARGET = "router"
"""Name of the target, and so the first half of its tools' names."""
_PRINCIPAL = re.compile(
    r"(?P<partition>arn:aws[a-z-]*):iam::(?P<account>\d{12}):(?P<kind>role|user)/(?:[\w+=,.@-]+/)*(?P<name>[\w+=,.@-]+)"
)
PROMPT_ATTACKS = ("JAILBREAK", "PROMPT_INJECTION", "PROMPT_LEAKAGE")
HARMFUL_CONTENT = ("HATE", "INSULTS", "MISCONDUCT", "SEXUAL", "VIOLENCE")
_STRICT = ConfigDict(frozen=True, extra="forbid")


def _arn(text: str) -> str:
    if not _PRINCIPAL.fullmatch(text):
        raise ValueError("must be the ARN of an IAM role or user, such as arn:aws:iam::123456789012:role/agent")
    return text


Threshold = Annotated[Decimal, Field(ge=0, le=1, decimal_places=4)]


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    type: str
    """Of AgentCore's guardrails."""
    categories: tuple[str, ...]
    threshold: Decimal | None


class Rule(BaseModel):
    """What some principals may ask. Rules add up: what any of them permits is permitted."""

    model_config = _STRICT

    principals: tuple[Annotated[str, AfterValidator(_arn)], ...] = Field(min_length=1)
    """ARNs of IAM roles and users."""
    models: tuple[str, ...] = Field(min_length=1)
    """Models and strategies they may name; the fallbacks behind each are the mapping's business."""
    tools: tuple[Literal["ask", "chat_completion"], ...] = Field(("ask",), min_length=1)
    max_tokens: int | None = Field(None, ge=1, le=2**31 - 1)
    """They must say `max_tokens`, and no more than this; None: as they like."""


class Checks(BaseModel):
    """Confidence, from 0 to 1, above which a question is refused; None: not checked."""

    model_config = _STRICT

    prompt_attack: Threshold | None = Decimal("0.4")
    content: Threshold | None = Decimal("0.2")
    """Hate, insults, misconduct, sexual content, violence."""

    @property
    def each(self) -> list[Check]:
        checks = [
            Check("no_prompt_attack", "PromptAttack", PROMPT_ATTACKS, self.prompt_attack),
            Check("no_harm", "ContentFilter", HARMFUL_CONTENT, self.content),
        ]
        return [check for check in checks if check.threshold is not None]


class ExistingGateway(BaseModel):
    """A gateway of yours, with its policy engine, that gets the tools. Whether the engine enforces is its setting."""

    model_config = _STRICT

    id: str = Field(pattern=r"^[0-9a-z-]{1,100}-[0-9a-z]{10}$")
    role_arn: str = Field(pattern=r"^arn:aws[a-z-]*:iam::\d{12}:role/.+$")
    """The role it calls its targets with."""
    policy_engine_id: str = Field(pattern=r"^[A-Za-z]\w{0,99}-\w{10}$")


class AgentAccess(BaseModel):
    """AgentCore in front of the router."""

    model_config = _STRICT

    allow: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,30}$")], Rule] = Field(min_length=1)
    """Rules by name."""
    guardrail: Checks | None = Checks()
    """A Bedrock guardrail over every question; None: none, as where the Region has none."""
    gateway: ExistingGateway | None = None
    """None: the stack makes one."""


@dataclass(frozen=True, slots=True)
class Policy:
    name: str
    text: str
    guardrail: bool = False
    """Written in the grammar that knows guardrails, which is not all Cedar."""


def unknown_models(access: AgentAccess, known: Iterable[str]) -> list[str]:
    """A sentence for each name of the table that the mapping does not have."""
    names = list(known)
    listed = ", ".join(names)
    return [
        f"-c agentcore.allow.{name}.models: unknown model '{model}'{did_you_mean(model, names)}; known: {listed}"
        for name, rule in access.allow.items()
        for model in rule.models
        if model not in names
    ]


def policies(access: AgentAccess, gateway: str) -> Iterator[Policy]:
    """Every policy of the table, for the gateway of that ARN."""
    for name, rule in access.allow.items():
        for tool in rule.tools:
            yield Policy(f"{name}_{tool}", _permit(rule, TOOLS[tool], gateway))
    for check in access.guardrail.each if access.guardrail else ():
        for guarded in TOOLS.values():
            yield Policy(f"{check.name}_in_{guarded.name}", _forbid(check, guarded, gateway), guardrail=True)


def _permit(rule: Rule, tool: Tool, gateway: str) -> str:
    model = f"context.input.{tool.model}"
    conditions = [f"({' || '.join(sorted(_is(principal) for principal in set(rule.principals)))})"]
    if tool.model not in tool.input["required"]:
        conditions.append(f"context.input has {tool.model}")
    conditions.append(f"[{', '.join(_text(name) for name in sorted(set(rule.models)))}].contains({model})")
    if rule.max_tokens is not None:
        conditions += [f"context.input has {MAX_TOKENS}", f"context.input.{MAX_TOKENS} <= {rule.max_tokens}"]
    return (
        f"permit({_scope(tool, gateway, 'principal is AgentCore::IamEntity')}) when {{\n  "
        + " &&\n  ".join(conditions)
        + "\n};"
    )


def _forbid(check: Check, tool: Tool, gateway: str) -> str:
    categories = ", ".join(_text(category) for category in check.categories)
    read = ", ".join(path for place in tool.text for path in _paths(place))
    found = f"BedrockGuardrails::{check.type}([{categories}], [{read}])"
    above = f'.maxConfidenceScore().greaterThan(decimal("{check.threshold:.4f}"))'
    return f"forbid({_scope(tool, gateway, 'principal')}) when guardrails {{\n  {found}{above}\n}};"


def _paths(place: str) -> list[str]:
    """What AgentCore calls the text in that place. It reads lists by JSONPaths from "the raw payload", and its pages do
    not say whether that is a tool's arguments or the whole message of MCP: a path that finds nothing adds nothing, and
    where none finds anything the call is refused."""
    if "[*]" not in place:
        return [f"context.input.{place}"]
    return [_text(f"$.{place}"), _text(f"$.params.arguments.{place}")]


def _scope(tool: Tool, gateway: str, principal: str) -> str:
    return (
        f"\n  {principal},"
        f"\n  action == AgentCore::Action::{_text(TARGET + SEPARATOR + tool.name)},"
        f"\n  resource == AgentCore::Gateway::{_text(gateway)}\n"
    )


def _is(arn: str) -> str:
    """A role calls under the name STS gives it, without its path. AWS's pages differ in whether the session's name
    is part of it, so both are that role."""
    found = _PRINCIPAL.fullmatch(arn)
    if found is None or found["kind"] == "user":
        return f"principal.id == {_text(arn)}"
    role = f"{found['partition']}:sts::{found['account']}:assumed-role/{found['name']}"
    return f"principal.id == {_text(role)} || principal.id like {_text(role + '/*')}"


def _text(value: str) -> str:
    """A Cedar string."""
    escapes: Mapping[str, str] = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
    return '"' + "".join(escapes.get(character, character) for character in value) + '"'
