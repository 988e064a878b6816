"""Questions for Bedrock through boto3's own client, which blocks and is therefore asked in a thread."""

import asyncio
from typing import Any

from botocore.credentials import Credentials

from local.simulator import AWS_ACCESS_KEY_ID

KNOWN = Credentials(AWS_ACCESS_KEY_ID, "sim-bedrock-secret")
HAIKU = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
SONNET = "us.anthropic.claude-sonnet-4-6"
LLAMA = "us.meta.llama3-3-70b-instruct-v1:0"
QUESTION: Any = [{"role": "user", "content": [{"text": "Count to 5"}]}]
SPEC = {"name": "get_weather", "inputSchema": {"json": {"type": "object", "properties": {"city": {"type": "string"}}}}}
TOOLS: Any = {"tools": [{"toolSpec": SPEC}]}


async def converse(client: Any, **request: Any) -> dict[str, Any]:
    answer: dict[str, Any] = await asyncio.to_thread(
        client.converse, **{"modelId": HAIKU, "messages": QUESTION, **request}
    )
    return answer


async def stream(client: Any, **request: Any) -> list[dict[str, Any]]:
    """Events until the end of the stream; the one that fails it raises."""

    def read() -> list[dict[str, Any]]:
        response = client.converse_stream(**{"modelId": HAIKU, "messages": QUESTION, **request})
        return list(response["stream"])

    return await asyncio.to_thread(read)
