"""The checks of one request: what is sent to the guardrail, what each verdict means, and the record of them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from ...adaptation import masked
from ...continuation import is_structured
from ...deadline import Deadline
from ...errors import (
    ContentPolicyError,
    DeadlineExceededError,
    GuardrailUnreachableError,
    InvalidRequestError,
    RouterError,
)
from ...execution import ChainExecution
from ...mapping import Guardrail
from ...ports import Guard, Source
from ...request import (
    MOST_PICTURES,
    PROMPTS,
    SCHEMES,
    ImageUnavailableError,
    is_json,
    json_in,
    readable,
    shown_in,
    still_json,
    texts_in,
    urls_in,
    with_texts,
    written,
)
from ...types import ChatRequest, Deployment
from ...verdicts import GuardRecord, GuardUnreachableError, Outcome, Verdict, worst
from .windows import MAX_CHARACTERS, UncertainMaskError, Windows

Ask = Callable[[], Coroutine[Any, Any, Verdict]]

UNCERTAIN = "the guardrail masked so much of a long text that the rest cannot be told from it"
NO_JSON = "the guardrail masked so much of a tool call or structured output that it is no JSON any more"


class Blocked(Exception):
    """The guardrail blocked. `message`: its own words."""

    def __init__(self, source: Source, message: str) -> None:
        super().__init__(f"the guardrail blocked the {source}")
        self.source = source
        self.message = message


class GuardrailSession:
    """Checks the texts of one request and its answer. Raises Blocked, and RouterError where there is no verdict."""

    def __init__(
        self,
        guardrail: Guardrail,
        guard: Guard,
        execution: ChainExecution,
    ) -> None:
        self.guardrail = guardrail
        self.execution = execution
        self._guard = guard
        self._given_up: set[Source] = set()
        self.record = GuardRecord()
        execution.notes.append(lambda ledger: replace(ledger, guardrail=self.record))

    @property
    def responder(self) -> Deployment:
        """What stands for the responder of a blocked request."""
        name = self.guardrail.id.rpartition("/")[2]
        return Deployment(
            id="guardrail",
            model_name=self.execution.plan.primary,
            provider="guardrail",
            model=name,
            litellm_model="",
            credential="",
            region=self.guardrail.place,
        )

    async def masked_input(self) -> ChatRequest | None:
        """Check the request. Returns the one to send instead; None: it may be sent as it is."""
        self._refuse_unreadable()
        request = await self._with_images(_as_read(self.execution.request))
        said = {"messages": list(request.messages)}
        said |= {name: request.params[name] for name in PROMPTS if name in request.params}
        found = texts_in(said)
        checked = await self.texts("input", found, self.execution.deadline)
        await self._pictures(request)
        if checked == found:
            return None if request is self.execution.request else request
        rewritten = with_texts(said, iter(checked))
        self._keep_json(json_in(said), json_in(rewritten))
        params = {**request.params, **{name: rewritten[name] for name in rewritten if name != "messages"}}
        native = masked(request.native, rewritten["messages"])
        return replace(request, messages=rewritten["messages"], params=params, native=native)

    def _refuse_unreadable(self) -> None:
        """What has no place in a chat cannot be read, in the request or in its answer."""
        native = self.execution.request.native
        if native is not None and native.only:
            text = f"the guardrail cannot read {native.only[0]}, or what comes of it. Leave it out"
            raise InvalidRequestError(text, param=native.param, ledger=self.execution.ledger)

    async def _with_images(self, request: ChatRequest) -> ChatRequest:
        """The request with images by URL as data, so that what is checked is what everybody gets."""
        images = self.execution.images
        if not (images.may_be_fetched and urls_in(request.messages, SCHEMES)):
            return request
        try:
            messages = await images.inlined(request.messages, SCHEMES, within=self.execution.deadline.left)
        except ImageUnavailableError:
            return request  # and so one that the guardrail cannot read
        return replace(request, messages=messages)

    async def _pictures(self, request: ChatRequest) -> None:
        pictures, unreadable = shown_in(request.messages)
        if unreadable and self.guardrail.on_unreachable == "fail_closed":
            text = f"the guardrail cannot read {unreadable[0]}: besides text it takes PNG and JPEG images of up to 4 MB"
            raise InvalidRequestError(f"{text}, sent as data URLs", param=unreadable[0], ledger=self.execution.ledger)
        if unreadable:
            self._note("input", Outcome.UNCHECKED)
        for start in range(0, len(pictures), MOST_PICTURES):
            batch = pictures[start : start + MOST_PICTURES]
            await self._judged("input", self.execution.deadline, partial(self._guard.check_pictures, "input", batch))

    async def choices(self, choices: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """A whole answer's choices as the caller may have them."""
        messages = [choice["message"] for choice in choices]
        found = texts_in(messages)
        checked = await self.texts("output", found, self.execution.deadline)
        if checked == found:
            return choices
        # The logprobs spell out the tokens that were masked.
        rewritten = with_texts(messages, iter(checked))
        self._keep_json(json_in(messages), json_in(rewritten))
        if is_structured(self.execution.request):
            self._keep_json(*([str(message.get("content")) for message in both] for both in (messages, rewritten)))
        return [
            {**choice, "message": message, "logprobs": None} for choice, message in zip(choices, rewritten, strict=True)
        ]

    async def texts(self, source: Source, texts: Sequence[str], time: Deadline) -> list[str]:
        """The texts as they may go on, each in its place; JSON stays JSON wherever that can be."""
        shown = [readable(text) for text in texts]
        checked = await self._checked(source, shown, time)
        return [_put_back(*one) for one in zip(texts, shown, checked, strict=True)]

    async def json(self, texts: Sequence[str], time: Deadline) -> list[str]:
        """Texts of an answer, of which those that are JSON must stay it."""
        checked = await self.texts("output", texts, time)
        self._keep_json(texts, checked)
        return checked

    async def _checked(self, source: Source, texts: Sequence[str], time: Deadline) -> list[str]:
        checked: list[str] = []
        for batch in _batches(texts):
            if len(batch) == 1 and len(batch[0]) > MAX_CHARACTERS:
                checked.append(await self._long(source, batch[0], time))
            else:
                checked += await self._verdict(source, batch, time)
        self._note(source, Outcome.PASSED)
        return checked

    async def window(self, windows: Windows, window: str, time: Deadline) -> str:
        """What may be released of an answer's window."""
        try:
            return windows.release(window, (await self._checked("output", [window], time))[0])
        except UncertainMaskError:
            raise self._without_verdict(UNCERTAIN) from None

    def refusal(self, blocked: Blocked) -> RouterError:
        """A block as an error."""
        what = "request" if blocked.source == "input" else "answer"
        message = f"the guardrail blocked the {what}: {blocked.message}"
        param = "messages" if blocked.source == "input" else None
        return ContentPolicyError(message, param=param, ledger=self.execution.ledger)

    def unchecked_output(self) -> None:
        """Note that a stream is passed on as it comes."""
        self._note("output", Outcome.UNCHECKED)

    async def _long(self, source: Source, text: str, time: Deadline) -> str:
        windows = Windows(MAX_CHARACTERS)
        windows.feed(text)
        checked = ""
        while (window := windows.due) is not None:
            given_back = (await self._verdict(source, [window], time))[0]
            try:
                checked += windows.release(window, given_back)
            except UncertainMaskError:
                raise self._without_verdict(UNCERTAIN) from None
        return checked + (await self._verdict(source, [windows.pending], time))[0]

    async def _verdict(self, source: Source, texts: Sequence[str], time: Deadline) -> Sequence[str]:
        if not any(text.strip() for text in texts):
            return texts
        verdict = await self._judged(source, time, partial(self._guard.check, source, texts))
        return texts if verdict is None else verdict.texts

    async def _judged(self, source: Source, time: Deadline, ask: Ask) -> Verdict | None:
        """What the guardrail says; None: nothing, and what it was asked about goes on unchecked."""
        if source in self._given_up:
            return None
        try:
            verdict = await self._asked(ask, time)
        except GuardUnreachableError as error:
            self._set(unreachable=str(error))
            if self.guardrail.on_unreachable == "fail_closed":
                raise self._without_verdict("the guardrail gave no verdict") from error
            # No further check is sent: each window of a stream would wait for another timeout.
            self._given_up.add(source)
            self._note(source, Outcome.UNCHECKED)
            return None
        self._note(source, verdict.outcome)
        if verdict.outcome is Outcome.BLOCKED:
            raise Blocked(source, verdict.message)
        return verdict

    async def _asked(self, ask: Ask, time: Deadline) -> Verdict:
        clock = asyncio.get_running_loop()
        began = clock.time()
        try:
            async with asyncio.timeout(time.left):
                verdict = await ask()
        except TimeoutError as error:
            # The caller sets this time: it must not become a way past a guardrail that fails open.
            message = "the request's time ran out before the guardrail's verdict"
            raise DeadlineExceededError(message, ledger=self.execution.ledger) from error
        finally:
            record = self.record
            self._set(checks=record.checks + 1, seconds=record.seconds + clock.time() - began)
        record = self.record
        reasons = tuple(dict.fromkeys((*record.reasons, *verdict.reasons)))
        self._set(units=dict(Counter(record.units) + Counter(verdict.units)), reasons=reasons)
        return verdict

    def _keep_json(self, texts: Sequence[str], masked: Sequence[str]) -> None:
        for before, after in zip(texts, masked, strict=True):
            if before != after and is_json(before) and not is_json(after):
                raise self._without_verdict(NO_JSON)

    def _without_verdict(self, why: str) -> RouterError:
        message = f"{why}, and without one nothing is answered; try again later"
        return GuardrailUnreachableError(message, ledger=self.execution.ledger)

    def _note(self, source: Source, outcome: Outcome) -> None:
        if source == "input":
            self._set(input=worst(self.record.input, outcome))
        else:
            self._set(output=worst(self.record.output, outcome))

    def _set(self, **changes: Any) -> None:
        self.record = replace(self.record, **changes)


def _put_back(text: str, shown: str, checked: str) -> str:
    if checked == shown:
        return text
    return still_json(text, checked if shown == text else written(checked))


def _batches(texts: Sequence[str]) -> Iterator[list[str]]:
    """The texts in groups that are asked about together; one that is too long stands alone."""
    batch: list[str] = []
    size = 0
    for text in texts:
        if batch and size + len(text) > MAX_CHARACTERS:
            yield batch
            batch, size = [], 0
        batch.append(text)
        size += len(text)
    if batch:
        yield batch


def _as_read(request: ChatRequest) -> ChatRequest:
    """The request without a body that holds more than is read: what its translation left out would go unchecked."""
    if request.native is None or not request.adjusted:
        return request
    return replace(request, native=masked(request.native, request.messages))
