"""What the simulator does on every request, as opposed to faults on some."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from local.simulator.answers import Continuation
from local.simulator.bedrock.prompt_library import LIBRARY

AWS_ACCESS_KEY_ID = "AKIDSIMULATOR"


class Settings(BaseModel):
    """May be changed at any time, and is checked when it is. The keys are made up and open nothing else."""

    model_config = ConfigDict(validate_assignment=True, extra="forbid")

    latency: float = Field(default=0.0, ge=0, le=60)
    """Seconds before the first byte of every answer."""
    chunk_delay: float = Field(default=0.0, ge=0, le=60)
    """Seconds between two content chunks of a stream."""
    continuation: Continuation = "exact"
    """How an answer goes on when a request continues it: only the rest, all of it again, the last words again and then
    the rest, or small talk and then the rest."""
    openai_keys: list[str] = ["sim-openai-key"]
    """Bearer keys that OpenAI takes."""
    anthropic_keys: list[str] = ["sim-anthropic-key"]
    """Values of x-api-key that Anthropic takes."""
    bedrock_keys: list[str] = ["sim-bedrock-key"]
    """Bearer keys that Bedrock takes."""
    aws_credentials: dict[str, str] = {AWS_ACCESS_KEY_ID: "sim-bedrock-secret"}
    """Access key ids that Bedrock accepts, each with its secret access key."""
    buckets: list[str] = ["sim-bucket"]
    """S3's buckets."""
    evaluation_seconds: float = Field(default=0.0, ge=0, le=3600)
    """How long Bedrock's evaluation jobs take."""
    prompts: list[dict[str, Any]] = Field(default_factory=lambda: list(LIBRARY))
    """Bedrock's managed prompts, one for each version, as GetPrompt answers; without `arn` and times."""
