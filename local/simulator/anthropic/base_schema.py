"""What the parts of a message request are made of."""

from typing import Literal

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class CacheControl(Strict):
    type: Literal["ephemeral"]
    ttl: Literal["5m", "1h"] | None = None
    scope: Literal["global"] | None = None
    """Beta; Claude Code sends it: Portkey-AI/gateway issue 1589, teamchong/pxpipe issue 95."""


class Cacheable(Strict):
    cache_control: CacheControl | None = None
