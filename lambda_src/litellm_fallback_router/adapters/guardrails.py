"""Verdicts of a Bedrock guardrail, through ApplyGuardrail.

boto3 rather than signed HTTP of our own: it finds credentials as everything else in AWS does and renews them, and one
verdict takes far longer than a thread's hand-over. Source: the API reference of Bedrock's runtime, `ApplyGuardrail`.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from ..routing.ports import Source
from ..routing.request import Picture
from ..routing.verdicts import GuardUnreachableError, Outcome, Verdict

_Content = list[dict[str, Any]]
"""ApplyGuardrail's blocks of content."""
TRIES = 2
BACKOFF_SECONDS = 0.2
"""Longest wait before the second try."""
PASSING = frozenset({"ThrottlingException", "InternalServerException", "ServiceUnavailableException"})
"""Refusals that a second try may get past."""
TRY_SECONDS = 4.0
"""Longest wait for one try's answer."""
THREADS = 32
"""Verdicts at the same time, at most."""


class BedrockGuard:
    """Implements the `Guard` port with ApplyGuardrail."""

    def __init__(
        self,
        identifier: str,
        version: str,
        region: str | None,
        *,
        endpoint_url: str | None = None,
        aws_access_key_id: str | None = None,
        aws_secret_access_key: str | None = None,
    ) -> None:
        """`region`: None is the process's own. The rest is for a simulator.

        Raises botocore's NoRegionError.
        """
        self._guardrail = {"guardrailIdentifier": identifier, "guardrailVersion": version}
        self._dice = random.Random()  # noqa: S311 - spreads retries, guards nothing
        # Threads of its own: the event loop's few are shared by all blocking work.
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="guardrail")
        self._client = boto3.client(
            "bedrock-runtime",
            region_name=region,
            endpoint_url=endpoint_url,
            aws_access_key_id=aws_access_key_id,
            aws_secret_access_key=aws_secret_access_key,
            config=Config(
                connect_timeout=1.0,
                read_timeout=3.0,
                retries={"mode": "standard", "total_max_attempts": 1},
                max_pool_connections=THREADS,
                tcp_keepalive=True,
            ),
        )

    async def check(self, source: Source, texts: Sequence[str]) -> Verdict:
        """One verdict on all of `texts`. Raises GuardUnreachableError."""
        said = [text for text in texts if text.strip()]
        verdict = await self._verdict(source, said)
        if verdict.outcome is Outcome.MASKED and len(verdict.texts) != len(said):
            verdict = await self._one_by_one(source, said)
        if verdict.outcome is Outcome.BLOCKED:
            return verdict
        checked = iter(verdict.texts)
        in_place = tuple(next(checked) if text.strip() else text for text in texts)
        return Verdict(verdict.outcome, in_place, reasons=verdict.reasons, units=verdict.units)

    async def check_pictures(self, source: Source, pictures: Sequence[Picture]) -> Verdict:
        """One verdict on all of them. Raises GuardUnreachableError."""
        content = [{"image": {"format": one.form, "source": {"bytes": one.content}}} for one in pictures]
        answer = await self._answer(source, content)
        verdict = _read(answer, ())
        if verdict.outcome is Outcome.MASKED:
            raise GuardUnreachableError("it masked a picture, which nobody can do")
        seen = answer.get("guardrailCoverage", {}).get("images", {}).get("guarded")
        if verdict.outcome is Outcome.PASSED and seen is not None and seen < len(pictures):
            return replace(verdict, outcome=Outcome.UNCHECKED)
        return verdict

    async def _one_by_one(self, source: Source, texts: Sequence[str]) -> Verdict:
        """The service gives one output for each text; where it did not, which text an output is of cannot be told."""
        checked: list[str] = []
        units: Counter[str] = Counter()
        reasons: dict[str, None] = {}
        for text in texts:
            verdict = await self._verdict(source, [text])
            units.update(verdict.units)
            reasons |= dict.fromkeys(verdict.reasons)
            if verdict.outcome is Outcome.BLOCKED:
                return verdict
            if len(verdict.texts) != 1:
                raise GuardUnreachableError("its masked text was not one text")
            checked += verdict.texts
        return Verdict(Outcome.MASKED, tuple(checked), reasons=tuple(reasons), units=units)

    async def _verdict(self, source: Source, texts: Sequence[str]) -> Verdict:
        return _read(await self._answer(source, [{"text": {"text": text}} for text in texts]), texts)

    async def _answer(self, source: Source, content: _Content) -> Mapping[str, Any]:
        for tries_left in reversed(range(TRIES)):
            try:
                return await self._in_a_thread(partial(self._ask, source, content))
            except TimeoutError as error:
                raise GuardUnreachableError(f"no answer within {TRY_SECONDS:g} s") from error
            except ClientError as error:
                code = str(error.response.get("Error", {}).get("Code", "unknown"))
                if code not in PASSING or not tries_left:
                    raise GuardUnreachableError(code) from error
            except BotoCoreError as error:
                if not tries_left:
                    raise GuardUnreachableError(type(error).__name__) from error
            await asyncio.sleep(self._dice.uniform(0, BACKOFF_SECONDS))
        raise AssertionError("the last try either answered or raised")

    async def _in_a_thread(self, ask: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
        """Its time counts from when a thread takes it up: that many callers wait for one says nothing of the guardrail,
        and must not become a way past one that fails open. Raises TimeoutError."""
        loop = asyncio.get_running_loop()
        taken_up = asyncio.Event()

        def asked() -> Mapping[str, Any]:
            loop.call_soon_threadsafe(taken_up.set)
            return ask()

        answer = loop.run_in_executor(self._threads, asked)
        try:
            await taken_up.wait()
            async with asyncio.timeout(TRY_SECONDS):
                return await answer
        finally:
            # A check is not begun once its caller no longer waits.
            answer.cancel()

    def _ask(self, source: Source, content: _Content) -> Mapping[str, Any]:
        answer: Mapping[str, Any] = self._client.apply_guardrail(
            **self._guardrail, source=source.upper(), content=content
        )
        return answer


def _read(answer: Mapping[str, Any], texts: Sequence[str]) -> Verdict:
    units = {
        name.removesuffix("Units"): count
        for name, count in answer.get("usage", {}).items()
        if name.endswith("Units") and "Free" not in name and count
    }
    action = answer.get("action")
    if action == "NONE":
        return Verdict(Outcome.PASSED, tuple(texts), units=units)
    if action != "GUARDRAIL_INTERVENED":
        raise GuardUnreachableError("its answer was no verdict")
    outputs = tuple(str(output.get("text", "")) for output in answer.get("outputs", ()))
    found = [one for assessment in answer.get("assessments", ()) for one in _interventions(assessment)]
    reasons = tuple(dict.fromkeys(reason for reason, _ in found))
    actions = {action for _, action in found}
    # Whatever intervened without masking has blocked, also a policy that is newer than this code.
    if actions == {"ANONYMIZED"}:
        return Verdict(Outcome.MASKED, outputs, reasons=reasons, units=units)
    return Verdict(Outcome.BLOCKED, message="\n".join(dict.fromkeys(outputs)), reasons=reasons, units=units)


def _interventions(assessment: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What intervened, as `policy: name` without the text that matched, and its action."""
    for policy, findings in assessment.items():
        if not policy.endswith("Policy") or not isinstance(findings, Mapping):
            continue
        for listed in findings.values():
            for finding in listed if isinstance(listed, list) else ():
                action = finding.get("action") if isinstance(finding, Mapping) else None
                if action not in (None, "NONE"):
                    name = finding.get("type") if finding.get("type") != "DENY" else finding.get("name")
                    yield f"{policy.removesuffix('Policy')}: {name or finding.get('name') or 'custom'}", action
