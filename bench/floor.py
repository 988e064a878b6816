"""The floor of any gateway over LiteLLM: FastAPI, and bare `litellm.acompletion`.

UPSTREAM=http://127.0.0.1:PORT uvicorn bench.floor:app
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from typing import Any

import litellm
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from . import wire

app = FastAPI()
UPSTREAM = os.environ.get("UPSTREAM", "")
ONCE = {"num_retries": 0, "max_retries": 0, "_skip_mcp_handler": True}
"""The last: LiteLLM would look for tools of its own proxy among a body's, and import that proxy, which is not there."""
AWS = {"aws_access_key_id": "AKIDBENCH", "aws_secret_access_key": "bench", "aws_region_name": "us-east-1"}
CALLS: dict[str, dict[str, Any]] = {
    wire.MODEL: {"model": f"openai/{wire.MODEL}", "api_base": f"{UPSTREAM}/v1", "api_key": "bench"},
    wire.CLAUDE: {"model": f"anthropic/{wire.CLAUDE}", "api_base": f"{UPSTREAM}/anthropic", "api_key": "bench"},
    wire.BEDROCK: {
        "model": f"bedrock/converse/{wire.BEDROCK}",
        "aws_bedrock_runtime_endpoint": UPSTREAM,
        **AWS,
    },
}


@app.get("/health")
async def health() -> dict[str, str]:
    return {"status": "ok"}


@app.post("/v1/chat/completions")
async def chat(request: Request) -> Response:
    body = await request.json()
    answer = await litellm.acompletion(**{**body, **CALLS[body["model"]]}, **ONCE)
    if body.get("stream"):
        return StreamingResponse(_events(answer), media_type="text/event-stream")
    return JSONResponse(answer.model_dump())


async def _events(chunks: Any) -> AsyncIterator[str]:
    async for chunk in chunks:
        yield f"data: {chunk.model_dump_json(exclude_none=True)}\n\n"
    yield "data: [DONE]\n\n"
