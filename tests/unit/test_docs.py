"""The README and the other pages say what the code does; `tests/integration/test_docs.py` runs their examples."""

from __future__ import annotations

import ast
import inspect
import json
import re
from pathlib import Path

import pytest
import typer

from litellm_fallback_router import cli
from litellm_fallback_router.adapters.price_map import describe
from litellm_fallback_router.api.app import create_app
from litellm_fallback_router.api.body import BODY_TIMEOUT
from litellm_fallback_router.api.wire import answer_headers
from litellm_fallback_router.bootstrap import build_router
from litellm_fallback_router.commands import connections, server
from litellm_fallback_router.mapping import ROUTER_STYLE_MAPPING
from litellm_fallback_router.providers import Feature
from litellm_fallback_router.routing import failures as failures_module
from litellm_fallback_router.routing.errors import CallerLeftError, ConfigurationError, RouterError
from litellm_fallback_router.routing.execution.waste import EARNED_OVER, EARNED_OVER_USD
from litellm_fallback_router.routing.failures import FAILURE_POLICY, FailureKind, NextStep
from litellm_fallback_router.routing.ledger import CacheRecord
from litellm_fallback_router.routing.mapping import load_config
from litellm_fallback_router.routing.mapping import settings as settings_module
from litellm_fallback_router.routing.mapping.file import read_mapping
from litellm_fallback_router.routing.mapping.settings import RouterSettings
from litellm_fallback_router.routing.plan import BUSY
from litellm_fallback_router.routing.request import schema as request_schema
from litellm_fallback_router.routing.verdicts import Outcome
from litellm_fallback_router.settings import Settings
from local.demo.scenarios import SCENARIOS
from tests.support.documents import REPOSITORY, between_markers, docstrings, examples

README = REPOSITORY / "README.md"
DOCS = REPOSITORY / "docs"
HTTP = DOCS / "http.md"
FAILURES = DOCS / "failures.md"
COMMANDS = DOCS / "command-line.md"
MAPPING = DOCS / "mapping.md"
COMPARISON = DOCS / "comparison.md"
SECURITY = REPOSITORY / "SECURITY.md"

THEN = {
    NextStep.NEXT: "the next candidate",
    NextStep.SKIP_CREDENTIAL: "the next candidate with another credential",
    NextStep.LARGER_WINDOW: "the next candidate with a larger window",
    NextStep.STOP: "stop",
}
BOUNDS = [
    *("deadline", "answer_timeout", "first_token_timeout", "reasoning_first_token_timeout", "stall_timeout"),
    *("candidate_reserve", "max_attempts", "tries_per_deployment", "tries_on_last"),
]


def table(*rows: tuple[str, ...]) -> str:
    """A Markdown table; the first row is its head."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])


def failure_table() -> str:
    happened = docstrings(inspect.getsource(failures_module), "FailureKind")
    rows = [("failure", "what happened", "the same deployment", "then", "its circuit")]
    for kind in FailureKind:
        rule = FAILURE_POLICY[kind]
        again = "again, after a wait" if rule.retry else "not again"
        rows.append(
            (
                f"`{kind}`",
                happened[kind.name],
                again,
                THEN[rule.next_step],
                "counts" if rule.counts_for_circuit else "-",
            )
        )
    return table(*rows)


def bounds_table() -> str:
    meanings = docstrings(inspect.getsource(settings_module), "RouterSettings")
    defaults = {name: field.default for name, field in RouterSettings.model_fields.items()}
    rows = [(f"`{name}`", f"{defaults[name]:g}", meanings[name]) for name in BOUNDS]
    return table(("setting", "default", "meaning (times are seconds)"), *rows)


def error_table() -> str:
    """The errors that a caller can get, with the status and code of each."""
    meanings = {
        "InvalidRequestError": "The request is wrong; `param` names the field. Or no candidate can do what it needs.",
        "UnknownModelError": "No such model or strategy; the message lists the known ones.",
        "ContextWindowExceededError": "Larger than the window of every candidate.",
        "RequestTooLargeError": "The body is larger than `max_request_bytes`.",
        "ContentPolicyError": "A provider's content filter refused, or the guardrail where it answers with errors.",
        "RateLimitedError": "Every candidate, or the caller's key, is out of its rate; `Retry-After`.",
        "TooManyAtOnceError": (
            "The caller has too much under way (its key, `max_concurrent_per_key`, `max_bytes_held`); `Retry-After`."
        ),
        "BudgetExceededError": (
            "No candidate can be paid for; `Retry-After` says when the budget is full again, or when requests under "
            "way may have given back what is missing."
        ),
        "ProvidersFailedError": "Every candidate was asked and failed.",
        "UnavailableError": (
            "No deployment could be asked: no key, refused credentials, no known price under a budget, ... "
            "`Retry-After` where it is known."
        ),
        "GatewayBusyError": (
            "All callers together have too much under way (`max_concurrent`, `max_bytes_held`), or a batch request "
            "found no place (`batch_share`); `Retry-After`."
        ),
        "GuardrailUnreachableError": "The guardrail gave no verdict, and without one nothing is answered.",
        "ServerStoppingError": "The gateway was told to stop; a stream gets it as an event, after the 200.",
        "DeadlineExceededError": "The time ran out.",
        "InternalError": "A bug of the gateway's own; its log has the place under the request's id.",
        "StreamInterruptedError": "A stream broke and could not be continued; sent as an event, after the 200.",
    }
    classes = [c for c in _family(RouterError) if c not in (RouterError, CallerLeftError, ConfigurationError)]
    assert {c.__name__ for c in classes} == meanings.keys()
    rows = [(str(c.status), f"`{c.code}`", meanings[c.__name__]) for c in sorted(classes, key=lambda c: c.status)]
    return table(("status", "code", "meaning"), *rows)


def _family(error: type[RouterError]) -> list[type[RouterError]]:
    return [error, *(member for child in error.__subclasses__() for member in _family(child))]


def model_table() -> str:
    rows = []
    for deployment in load_config(ROUTER_STYLE_MAPPING, describe).deployments:
        region = f" in {deployment.region}" if deployment.region else ""
        rows.append((f"`{deployment.model_name}`", f"`{deployment.model}` at {_named(deployment.provider)}{region}"))
    return table(("model", "asks"), *rows)


def _named(provider: str) -> str:
    return {"openai": "OpenAI", "anthropic": "Anthropic", "bedrock": "Bedrock"}[provider]


def strategy_table() -> str:
    strategies = ROUTER_STYLE_MAPPING["strategies"]
    rows = [(f"`{name}`", ", ".join(f"`{model}`" for model in models)) for name, models in strategies.items()]
    return table(("strategy", "asks, in this order"), *rows)


@pytest.mark.parametrize(
    ("page", "name", "written_by_the_code"),
    [
        (FAILURES, "failures", failure_table),
        (FAILURES, "bounds", bounds_table),
        (HTTP, "errors", error_table),
        (MAPPING, "models", model_table),
        (MAPPING, "strategies", strategy_table),
    ],
)
def test_table_of_a_page_is_the_codes_own(page: Path, name: str, written_by_the_code: object) -> None:
    assert callable(written_by_the_code)
    assert between_markers(page, name) == written_by_the_code()


def sentences(*pages: Path) -> str:
    """The words of the pages with one space between them: where a line ends does not matter."""
    return " ".join(" ".join(page.read_text(encoding="utf-8").split()) for page in pages)


def test_numbers_in_the_pages_sentences_are_the_defaults() -> None:
    settings = RouterSettings()
    text = sentences(FAILURES, SECURITY)
    for sentence in (
        f"A Retry-After of up to {settings.retry_after_max:g} s is waited out",
        f"up to {settings.backoff_base:g} s, and doubles",
        f"A refused or exhausted credential is passed over for {settings.credential_block_seconds:g} s",
        f"it is not asked for {settings.circuit_open_seconds:g} s",
        f"comes after the others for {settings.circuit_open_seconds:g} s",
        f"bounded in size ({settings.max_request_bytes / 1e6:g} MB)",
    ):
        assert sentence in text
    assert settings.circuit_failures == 3, "docs/failures.md says: three failures in a row"


def test_bounds_that_are_promised_are_those_of_the_code() -> None:
    settings = RouterSettings()
    text = sentences(SECURITY, HTTP)
    for sentence in (
        f"It takes {connections.MAX_CONNECTIONS:,} connections",
        f"{connections.MAX_HEAD_BYTES // 1024} KiB of headers within {connections.HEAD_SECONDS:g} s",
        f"closes idle connections after {server.KEEP_ALIVE_SECONDS:g} s",
        f"stops reading for {connections.READ_SECONDS:g} s",
        f"It answers {settings.max_concurrent} requests at once, {settings.max_concurrent_per_key} of one key",
        f"whose bodies hold {settings.max_bytes_held / 1e6:g} MB together",
        f"the time its body may take to arrive ({BODY_TIMEOUT:g} s)",
        f"gives the answers under way {server.DRAIN_SECONDS:g} s to finish",
    ):
        assert sentence in text


def test_comparison_is_with_the_pinned_litellm() -> None:
    locked = (REPOSITORY / "lambda_src" / "requirements.txt").read_text(encoding="utf-8")
    pinned = re.search(r"^litellm==(\S+)", locked, flags=re.MULTILINE)

    assert pinned is not None
    assert f"LiteLLM {pinned[1]}, the version pinned" in sentences(COMPARISON)


def test_ratios_in_the_readme_are_those_of_the_newest_benchmark() -> None:
    section = README.read_text(encoding="utf-8").split("## How fast")[1].split("\n## ")[0]
    shown = [float(ratio) for ratio in re.findall(r"\| ([\d.]+) \|$", section, flags=re.MULTILINE)]
    results = json.loads((REPOSITORY / "docs" / "benchmarks" / "results.json").read_text(encoding="utf-8"))
    added = {name: figures["added_p50_ms"] for name, figures in results["systems"].items()}
    measured = {target["what"]: target["value"] for target in results["targets"]}
    assert shown == [
        round(measured["added latency p50, against bare acompletion"], 2),
        round(measured["added latency p50, against LiteLLM's proxy"], 2),
        round(added["gateway"] / added["portkey"], 1),
        round(measured["added time to first token, against bare acompletion"], 2),
        round(measured["cost per streamed chunk, against bare acompletion"], 2),
        round(measured["resident memory when ready, against LiteLLM's proxy"], 2),
        round(measured["request with the primary's circuit open, against a healthy one"], 2),
    ]


def test_demo_in_the_readme_has_the_demos_scenarios() -> None:
    titles, title = [], ""
    for line in between_markers(README, "demo").splitlines():
        if line.startswith("│"):
            title = f"{title} {line.split('│')[1].strip()}".strip()
        elif title:
            titles.append(title)
            title = ""

    assert titles == [scenario.title for scenario in SCENARIOS]


CODE_AT = {"Dropped": 1, "UnfitError": 0, "drop": 1, "end": 0}
"""Which argument of a call is the code of a deployment that is not asked."""


def codes_of_drops() -> set[str]:
    """Those that the router's source has, as arguments or as the first of a pair that is returned."""
    routing = REPOSITORY / "lambda_src" / "litellm_fallback_router" / "routing"
    codes = {BUSY} | {feature.code for feature in Feature}
    for file in routing.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            found: ast.expr | None = None
            if isinstance(node, ast.Call):
                at = CODE_AT.get(getattr(node.func, "id", getattr(node.func, "attr", "")))
                found = node.args[at] if at is not None and len(node.args) > at else None
            elif isinstance(node, ast.Return) and file.name == "requirements.py" and isinstance(node.value, ast.Tuple):
                found = node.value.elts[0]
            if isinstance(found, ast.Constant) and isinstance(found.value, str):
                codes.add(found.value)
    return codes


def test_every_reason_not_to_ask_a_deployment_is_in_the_page() -> None:
    section = FAILURES.read_text(encoding="utf-8").split("### Why a deployment was not asked")[1].split("\n### ")[0]
    written = {
        code
        for line in section.splitlines()
        if line.startswith("| `")
        for code in re.findall(r"`(\w+)`", line.split("|")[1])
    }

    assert written == codes_of_drops()


def test_numbers_of_the_budget_for_retries_are_those_of_the_code() -> None:
    settings, text = RouterSettings(), sentences(FAILURES)

    assert f"at the start {settings.waste_requests * EARNED_OVER:g}, and one more for each ten answers" in text
    assert settings.waste_requests == 0.1, "docs/failures.md says: for each ten answers"
    share, reserve = settings.waste_usd, settings.waste_usd * EARNED_OVER_USD
    assert f"against {share * 100:g} % of what its answers cost, with {reserve:g} USD at the start" in text


def test_every_name_a_user_may_type_is_in_its_page() -> None:
    text = HTTP.read_text(encoding="utf-8")
    deployment = load_config(ROUTER_STYLE_MAPPING, describe).deployments[0]
    told = {"cost_usd": 0.1, "guardrail": Outcome.PASSED, "cache": CacheRecord("hit", age=1.0)}
    names = set(answer_headers(deployment, attempts=1, fallback=False, mapping="1", **told))  # type: ignore[arg-type]
    names |= set(request_schema.RouterOptions.__annotations__) | set(request_schema.AskRequest.__annotations__)
    missing = {name for name in names if f"`{name}`" not in text}
    commands = typer.main.get_command(cli.app).commands  # type: ignore[attr-defined] # a group has them
    text = COMMANDS.read_text(encoding="utf-8")
    missing |= {name for name in commands if f"`{name}" not in text}

    assert not missing


def test_routes_of_the_page_are_the_apps() -> None:
    text = HTTP.read_text(encoding="utf-8")
    app = create_app(lambda: build_router(Settings()))
    paths = app.openapi()["paths"]
    served = {f"{method.upper()} {path}" for path in paths for method in paths[path]} | {"GET /docs"}
    written = set(re.findall(r"^\| `((?:GET|POST) [^`]+)`", text, flags=re.MULTILINE))
    written |= set(re.findall(r"^\| `GET [^`]+`, `(GET [^`]+)`", text, flags=re.MULTILINE))

    assert {route.replace("{id}", "{model_id}") for route in written} == served


def test_mapping_of_the_readme_loads(tmp_path: Path) -> None:
    file = tmp_path / "my.yaml"
    file.write_text(examples(README)["mapping"].text, encoding="utf-8")

    config = load_config(read_mapping(file), describe)

    assert config.chains == {"fast": ("fast", "backup"), "backup": ("backup",)}
    assert config.warnings == ()
