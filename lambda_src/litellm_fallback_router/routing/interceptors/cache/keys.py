"""What an answer is kept under: everything that it depends on, as one hash. Pure."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from ...mapping import RouterConfig
from ...types import ChatRequest

VERSION = 1
"""Of what is kept: another one finds nothing of this one's."""


def key_of(request: ChatRequest, config: RouterConfig, *, streamed: bool) -> str:
    """SHA-256 of the request as it is sent, of the caller, and of what the mapping says of its chain and guardrail.

    Left out is what no answer depends on: ids, time limits, `router.explain`. `streamed`: what a provider wrote in the
    caller's own format is given again as it came, whole or as events; all else can be given again as either.

    Raises UnknownModelError.
    """
    name = config.resolve(request.model, param=request.param("model"))
    native, prompt, narrowed = request.native, request.prompt, request.constraints
    rules, guardrail = config.cache, config.guardrail
    told: dict[str, Any] = {
        "version": VERSION,
        "caller": None if rules is not None and rules.shared else [request.caller, request.tag],
        "chain": [name, config.chain_revision(name)],
        "messages": list(request.messages),
        "params": request.params,
        "native": native and [native.format, native.body, native.headers, streamed],
        "prompt": prompt and [prompt.id, prompt.version, prompt.variables],
        "guardrail": guardrail and guardrail.model_dump(),
        "narrowed": [narrowed.providers, narrowed.regions, narrowed.fallback, narrowed.resume],
    }
    written = json.dumps(told, sort_keys=True, separators=(",", ":"), default=dict)
    return hashlib.sha256(written.encode("ascii")).hexdigest()
