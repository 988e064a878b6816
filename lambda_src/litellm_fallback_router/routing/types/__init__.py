"""The values that travel through the router. Frozen; one docstring line per field, with its unit."""

from .answer import ChatResult, Chunk, NativeEvent, ProviderAnswer
from .deployment import Deployment, ModelInfo, VectorSpace
from .request import OWN_MODEL, ChatRequest, Message, NativeRequest, Prompt, RoutingConstraints

__all__ = [
    "OWN_MODEL",
    "ChatRequest",
    "ChatResult",
    "Chunk",
    "Deployment",
    "Message",
    "ModelInfo",
    "NativeEvent",
    "NativeRequest",
    "Prompt",
    "ProviderAnswer",
    "RoutingConstraints",
    "VectorSpace",
]
