"""The failure table as data: what is done to the primary, and what must come of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

from local.simulator import Fault

ProviderName = Literal["openai", "anthropic", "bedrock"]


@dataclass(frozen=True)
class Row:
    """One row of the table, for one provider."""

    name: str
    fault: Fault
    calls: int
    """How often the primary is asked."""
    answers: Literal["primary", "sibling", "backup"]
    """Who gives the answer; `sibling` shares the primary's credential."""
    provider: ProviderName = "openai"
    times: int | None = None
    """How many calls the fault lasts; None: for good."""
    streaming: tuple[bool, ...] = (False, True)
    spacing: float = 0.0
    """Least seconds between the end of the first call and the second."""
    params: tuple[tuple[str, Any], ...] = ()
    """Mapping parameters of the primary."""
    resumed: bool = False
    """The backup continues what the primary had begun (streams)."""


def status(code: int, **more: Any) -> Fault:
    return Fault(kind="status", status=code, **more)


PROVIDERS: tuple[ProviderName, ...] = ("openai", "anthropic", "bedrock")
SHORT = (("first_token_timeout", 0.6), ("answer_timeout", 0.6), ("stall_timeout", 0.6))

ROWS = [
    Row("429-short-retry-after", status(429, retry_after="1"), 2, "primary", times=1, spacing=1.0),
    Row("429-long-retry-after", status(429, retry_after="30"), 1, "sibling"),
    *(Row(f"429-{p}", status(429), 2, "sibling", provider=p) for p in PROVIDERS),
    *(Row(f"quota-{p}", Fault(kind="quota"), 1, "backup", provider=p) for p in PROVIDERS[:2]),
    Row("quota-bedrock", Fault(kind="quota"), 1, "sibling", provider="bedrock"),
    *(
        Row(f"{code}", status(code), 2, "sibling", provider=provider)
        for code, provider in (
            (408, PROVIDERS[2]),
            (409, PROVIDERS[0]),
            (424, PROVIDERS[2]),
            (500, PROVIDERS[0]),
            (502, PROVIDERS[1]),
            (503, PROVIDERS[2]),
            (504, PROVIDERS[0]),
            (529, PROVIDERS[1]),
        )
    ),
    Row("500-once", status(500), 2, "primary", times=1),
    *(Row(f"reset-{p}", Fault(kind="reset"), 2, "sibling", provider=p) for p in PROVIDERS),
    *(Row(f"silence-{p}", Fault(kind="silence"), 1, "sibling", provider=p, params=SHORT) for p in PROVIDERS),
    Row("slow-first-token", Fault(kind="slow_first_token", seconds=20), 1, "sibling", params=SHORT),
    Row("pings", Fault(kind="pings", seconds=20), 1, "sibling", provider="anthropic", params=SHORT, streaming=(True,)),
    *(Row(f"401-{p}", Fault(kind="wrong_key"), 1, "backup", provider=p) for p in PROVIDERS),
    Row("expired-token", Fault(kind="expired_token"), 1, "backup", provider="bedrock"),
    *(Row(f"403-{p}", Fault(kind="access_denied"), 1, "sibling", provider=p) for p in PROVIDERS),
    *(Row(f"404-{p}", Fault(kind="model_not_found"), 1, "sibling", provider=p) for p in PROVIDERS),
    *(Row(f"context-{p}", Fault(kind="context_exceeded"), 1, "sibling", provider=p) for p in PROVIDERS),
    Row("413", status(413), 1, "sibling", provider="anthropic"),
    *(Row(f"rejected-{p}", Fault(kind="rejected"), 1, "sibling", provider=p) for p in PROVIDERS),
    *(
        Row(f"no-answer-{kind}-{p}", Fault(kind=kind), 2, "sibling", provider=p, streaming=(False,))
        for kind in ("html", "error_object", "empty", "cut", "malformed")
        for p in PROVIDERS
    ),
    *(
        Row(f"no-answer-{kind}-{p}", Fault(kind=kind), 2, "sibling", provider=p, streaming=(True,))
        for kind in ("html", "error_object", "empty")
        for p in PROVIDERS
    ),
    *(
        Row(
            f"broken-{kind}-{p}",
            Fault(kind=kind),
            1,
            "sibling",
            provider=p,
            streaming=(True,),
            params=SHORT,
            resumed=True,
        )
        for kind in ("cut", "stall", "malformed", "in_band_error", "no_terminator")
        for p in PROVIDERS
    ),
]


def key(row: Row, form: str, *, streaming: bool) -> str:
    """The model name of the chain that this row plays on; each has deployments and credentials of its own. `form`: the
    format that is asked in."""
    return f"{row.name}-{form}-{'stream' if streaming else 'whole'}"


def mapping(forms: Iterable[str]) -> dict[str, Any]:
    """A chain of three for every row in each format: primary, sibling (same credential), backup (another provider)."""
    models, fallbacks = [], {}
    for row, form in product(ROWS, forms):
        for streaming in row.streaming:
            name = key(row, form, streaming=streaming)
            backup: ProviderName = "anthropic" if row.provider == "openai" else "openai"
            models += [
                _entry(
                    name, "primary", row.provider, name, {"model_info": {"max_input_tokens": 1000}, **dict(row.params)}
                ),
                _entry(name, "sibling", row.provider, name, {}),
                _entry(name, "backup", backup, f"{name}-other", {}),
            ]
            fallbacks[f"{name}-primary"] = [f"{name}-sibling", f"{name}-backup"]
    # All rows ask through one gateway: together they would use up what their providers' retries may cost.
    return {"model_list": models, "fallbacks": fallbacks, "settings": {"waste_requests": 1.0}}


def _entry(chain: str, part: str, provider: ProviderName, credential: str, params: dict[str, Any]) -> dict[str, Any]:
    # The simulator takes one key, which replaces these; what tells credentials apart is the name in the mapping.
    own: dict[str, Any] = {"model": f"sim-{chain}-{part}", **params}
    if provider == "bedrock":
        own |= {"region": "us-east-1", "aws_access_key_id": credential, "aws_secret_access_key": "replaced"}
    else:
        own |= {"api_key": f"os.environ/{variable(credential)}"}
    return {"model_name": f"{chain}-{part}", "litellm_provider": provider, "params": own}


def variable(credential: str) -> str:
    return "KEY_" + "".join(c if c.isalnum() else "_" for c in credential).upper()
