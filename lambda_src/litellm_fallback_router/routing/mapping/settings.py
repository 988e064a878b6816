"""`settings` of the mapping: every number that the router goes by."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?")
"""As browsers send it. Source: RFC 6454, section 6.1."""


class Hedge(BaseModel):
    """`settings.hedge`, or one chain's of `hedge`: a slow answer is raced by the next candidate."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    after: Literal["p95"] = "p95"
    """When the next candidate is started: once the deployment has taken longer than 95 % of its recent answers."""
    at_most: float = Field(0.05, gt=0, le=1)
    """Largest share of a chain's requests that is hedged."""


class RouterSettings(BaseModel):
    """`settings` of the mapping. Times are seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    deadline: float = Field(120.0, gt=0, le=900)
    """Budget of one request, over all attempts, for whole answers and a stream's first token."""
    answer_timeout: float = Field(60.0, gt=0, le=900)
    """A whole answer from one deployment."""
    first_token_timeout: float = Field(10.0, gt=0, le=900)
    """A stream's first token from one deployment."""
    reasoning_first_token_timeout: float = Field(60.0, gt=0, le=900)
    """The same where reasoning is on: models think before their first token."""
    stall_timeout: float = Field(10.0, gt=0, le=900)
    """Longest pause between two chunks of a stream."""
    candidate_reserve: float = Field(5.0, ge=0, le=300)
    """Kept back for each candidate behind an attempt, so that the last one always has its chance."""
    max_attempts: int = Field(6, ge=1, le=20)
    """Attempts of one request, over all candidates."""
    tries_per_deployment: int = Field(2, ge=1, le=10)
    """Tries on one deployment while another candidate is left."""
    tries_on_last: int = Field(3, ge=1, le=10)
    """Tries on the last candidate."""
    backoff_base: float = Field(0.25, ge=0, le=30)
    """First backoff is drawn from 0 to this; it doubles with each further try."""
    backoff_max: float = Field(2.0, ge=0, le=60)
    """Longest backoff."""
    waste_requests: float = Field(0.1, ge=0, le=1)
    """Retries and hedges, as a share of the answers of a chain; used up, the chain is walked without retries."""
    waste_usd: float = Field(0.02, ge=0, le=1)
    """The same for what wasted attempts cost, as a share of what the answers of a chain cost."""
    hedge: Hedge | None = None
    """Races a slow answer with the next candidate, in each chain that has no `hedge` of its own; null: never."""
    retry_after_max: float = Field(3.0, ge=0, le=60)
    """Longest Retry-After that is waited out; a longer one cools the deployment instead."""
    circuit_failures: int = Field(3, ge=1, le=100)
    """Consecutive failures that open a deployment's circuit."""
    circuit_open_seconds: float = Field(5.0, gt=0, le=600)
    """How long until one request may probe a deployment with an open circuit; short timeouts are remembered as long."""
    return_seconds: float = Field(10.0, ge=0, le=600)
    """After its circuit has closed, a deployment gets a tenth of the requests, and all of them after this time."""
    adaptive_concurrency: bool = True
    """True: a deployment that answers 429 or slows down is sent fewer requests at once, until it takes more again."""
    concurrency_latency: float = Field(6.0, ge=0, le=100)
    """It slows down where its average first token takes so many times as long as of late; 0: that is not looked at."""
    queue_seconds: float = Field(5.0, ge=0, le=300)
    """How long a request waits where each deployment left has as many under way as it takes: then a batch request is
    refused, and an interactive one is sent. As long a batch request waits for its share of `max_concurrent`."""
    queue_size: int = Field(100, ge=0, le=10_000)
    """Requests that wait for one deployment, and batch requests that wait for their share of `max_concurrent`, 64 of
    those at most; more are not kept waiting."""
    batch_share: float = Field(0.8, gt=0, le=1)
    """Requests of keys with the priority `batch` are taken while less than this share is in use of `max_concurrent`,
    and sent while less than it is of what a deployment takes at once or in a minute (`rpm`)."""
    prefer_faster: float = Field(1.5, ge=0, le=100)
    """Of two deployments of a group the one that is so many times as fast goes first; 0: weights alone decide."""
    credential_block_seconds: float = Field(60.0, ge=0, le=3600)
    """How long a refused credential is passed over."""
    content_policy_fallback: bool = False
    """True: a content-policy refusal goes to the next candidate instead of to the caller."""
    hold_structured: bool = False
    """True: tool calls and structured output are held back until complete, so that they can fall back."""
    cache_affinity: bool = True
    """True: a conversation stays on the deployment whose provider has its prompt cached, until that is cold."""
    sample_fallbacks: float = Field(0.0, ge=0, le=1)
    """Share of the answers from a fallback that is stored in S3 (`ROUTER_SAMPLES`) with prompt and text; 0: none."""
    responses_store: Literal["memory", "dynamodb"] | None = None
    """Where responses are kept for `previous_response_id`; None: nowhere. `memory`: in this process."""
    responses_store_seconds: int = Field(86_400, ge=60, le=2_592_000)
    """How long they are kept; OpenAI keeps its own for 30 days."""
    fetch_images: bool = False
    """True: images by URL are fetched for models that do not fetch them themselves; False: those are passed over."""
    max_request_bytes: int = Field(6_000_000, ge=1_000, le=100_000_000)
    """Largest request body the gateway reads; Lambda itself takes no more than 6 MB."""
    max_messages: int = Field(2048, ge=1, le=100_000)
    """Messages of one request; OpenAI takes 2,048."""
    max_parts: int = Field(5_000, ge=1, le=1_000_000)
    """Content parts and tool calls in all messages of one request together."""
    max_tools: int = Field(512, ge=1, le=10_000)
    """Tools of one request."""
    max_values: int = Field(25_000, ge=100, le=10_000_000)
    """JSON values in one request, and in its arguments of calls; in a schema a `$ref` counts as what it stands for."""
    max_depth: int = Field(100, ge=10, le=190)
    """Levels of objects and arrays inside each other, in a schema with each `$ref` as what it stands for."""
    max_concurrent: int = Field(900, ge=1, le=900)
    """Requests the gateway on this machine answers at once, `/health` apart; beyond them 503."""
    max_concurrent_per_key: int = Field(300, ge=1, le=900)
    """The same for one caller: an API key, else an address; beyond them 429."""
    max_bytes_held: int = Field(200_000_000, ge=1_000, le=10_000_000_000)
    """Bytes of the bodies of all requests under way together, one caller's at most half of them; beyond 503, or 429."""
    cors_origins: tuple[str, ...] = Field((), max_length=50, strict=False)
    """Origins whose pages may call the gateway from a browser, such as `https://app.example.com`; `*`: all."""

    @field_validator("cors_origins")
    @classmethod
    def _origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            if origin != "*" and not _ORIGIN.fullmatch(origin):
                raise ValueError("an origin is https://HOST or https://HOST:PORT, without a path, or *")
        return origins
