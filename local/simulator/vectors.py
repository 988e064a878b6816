"""Embeddings of the simulated models: a function of the model and of the text, the same in every process.

Two models never agree on a text, and one model always agrees with itself, in every Region and of every account; so a
test can tell vector spaces apart.
"""

import array
import base64
import hashlib
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class EmbeddingModel:
    """A model that embeds texts."""

    name: str
    """The model's name in a request."""
    dimensions: int
    """Of its vectors, unless fewer are requested."""
    fewer: tuple[int, ...] | None = ()
    """The other numbers that a request may have; None is any number up to its own."""
    max_tokens: int = 8192
    """Of one text."""
    space: str = ""
    """What its vectors are of; its own name when empty."""


_OPENAI = (
    EmbeddingModel("text-embedding-3-small", 1536, None),
    EmbeddingModel("text-embedding-3-large", 3072, None),
    EmbeddingModel("text-embedding-ada-002", 1536),
)
# docs.aws.amazon.com/bedrock/latest/userguide: model-parameters-titan-embed-text, model-parameters-embed-v3 and -v4.
_BEDROCK = (
    EmbeddingModel("amazon.titan-embed-text-v1", 1536),
    EmbeddingModel("amazon.titan-embed-text-v2:0", 1024, (512, 256)),
    EmbeddingModel("cohere.embed-english-v3", 1024, max_tokens=512),
    EmbeddingModel("cohere.embed-multilingual-v3", 1024, max_tokens=512),
    *(
        EmbeddingModel(f"{scope}cohere.embed-v4:0", 1536, (1024, 512, 256), 128_000, "cohere.embed-v4:0")
        for scope in ("", "us.", "eu.", "global.")
    ),
)
_BY_PROVIDER = {
    "openai": {model.name: model for model in _OPENAI},
    "bedrock": {model.name: model for model in _BEDROCK},
}


def find_embedder(provider: str, name: str) -> EmbeddingModel | None:
    """The model, or None when the provider does not have it. Any name that begins `sim-embed` exists at OpenAI."""
    if provider == "openai" and name.startswith("sim-embed"):
        return EmbeddingModel(name, 64, None)
    return _BY_PROVIDER[provider].get(name)


def vector(model: EmbeddingModel, text: str, dimensions: int | None = None) -> list[float]:
    """What the model makes of a text: of length 1, in the precision that is sent.

    Of fewer dimensions it is the beginning of the whole one, made as long again, as OpenAI's third generation does it
    (openai.com/index/new-embedding-models-and-api-updates).
    """
    seed = hashlib.sha256(f"{model.space or model.name} {text}".encode(errors="surrogatepass")).digest()
    dice = random.Random(seed)  # noqa: S311 - repeatable on purpose
    drawn = [dice.gauss(0, 1) for _ in range(model.dimensions)][:dimensions]
    length = math.sqrt(sum(one * one for one in drawn))
    return list(array.array("f", (one / length for one in drawn)))


def packed(numbers: Sequence[float]) -> str:
    """As OpenAI packs a vector: little-endian 32-bit floats in base64 (`embeddings.py` of the `openai` client)."""
    floats = array.array("f", numbers)
    return base64.b64encode(floats.tobytes()).decode()
