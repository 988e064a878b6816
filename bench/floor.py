"""The floor of any gateway over LiteLLM: FastAPI, and bare `litellm.acompletion`.

UPSTREAM=http://127.0.0.1:PORT/v1 uvicorn bench.floor:app
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from typing import Any

import litellm
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

app = FastAPI()
CALL = {"api_base": os.environ.get("UPSTREAM"), "api_key": "bench", "num_retries": 0, "max_retries": 0}


@app.get("/health")
async def health() -> dict[str, str]:
    return {"status": "ok"}


@app.post("/v1/chat/completions")
async def chat(request: Request) -> Response:
    body = await request.json()
    answer = await litellm.acompletion(**{**body, "model": f"openai/{body['model']}"}, **CALL)
    if body.get("stream"):
        return StreamingResponse(_events(answer), media_type="text/event-stream")
    return JSONResponse(answer.model_dump())


async def _events(chunks: Any) -> AsyncIterator[str]:
    async for chunk in chunks:
        yield f"data: {chunk.model_dump_json(exclude_none=True)}\n\n"
    yield "data: [DONE]\n\n"
