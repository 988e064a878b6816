"""Amazon Bedrock's OpenAI-compatible endpoint (Mantle): OpenAI's format, with a key of Bedrock's or AWS credentials.

LiteLLM 1.106.2 signs for the service `bedrock`, which this endpoint refuses (BerriAI/litellm pull request 31984).
Sources: Amazon Bedrock User Guide, "bedrock-mantle"; openai/openai-node, `docs/bedrock.md`, "Endpoints".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from ..routing.types import Deployment
from .addresses import Address, below
from .aws import Credentials, signed
from .exchange import Outgoing
from .failures import unsendable
from .loading import chat_config, litellm
from .openai import OpenAIFormat

SERVICE = "bedrock-mantle"
BY_CREDENTIALS = ""
"""In place of a key."""
_HOST = re.compile(r"https?://bedrock-mantle\.([a-z0-9-]+)\.api\.aws(?=/|$)")


def mantle_format(deployment: Deployment) -> MantleFormat | None:
    """None for Claude, which has an API of its own there."""
    library = litellm()
    model, *_ = library.get_llm_provider(model=deployment.litellm_model)
    config = chat_config(model, "bedrock_mantle")
    if not isinstance(config, library.BedrockMantleChatConfig):
        return None
    _, _, name = deployment.litellm_model.partition("/")  # a Region may stand before the model
    where = SimpleNamespace(aws_region_name=deployment.region)
    base, key = config.get_openai_compatible_provider_info(deployment.api_base, None, where, name)
    url = below(base, lambda place: str(config.get_complete_url(place, None, model, {}, {})))
    return MantleFormat(deployment, Address(model, key, base, url, config), _region(deployment, base, model))


class MantleFormat(OpenAIFormat):
    """One deployment at that endpoint."""

    def __init__(self, deployment: Deployment, at: Address, region: str) -> None:
        super().__init__(deployment, at)
        self._region = region
        self._credentials = Credentials(deployment, region)

    def _key_of(self, key: str | None) -> str | None:
        return key or self._key or BY_CREDENTIALS

    def _signed(self, messages: list[Any], optional: dict[str, Any], key: str) -> dict[str, str]:
        return {} if key == BY_CREDENTIALS else {"authorization": f"Bearer {key}"}

    async def sent(self, headers: Mapping[str, str], body: bytes, key: str) -> Outgoing:
        if key != BY_CREDENTIALS:
            return await super().sent(headers, body, key)
        try:
            credentials = await self._credentials.get()
        except Exception as error:
            raise unsendable(error) from error
        return Outgoing(self.url, signed(credentials, self._region, self.url, headers, body, service=SERVICE), body)


def _region(deployment: Deployment, base: str, model: str) -> str:
    """What a request is signed for: the Region in the address, else the mapping's or the environment's."""
    if named := _HOST.match(base):
        return named[1]
    known = {} if deployment.region is None else {"aws_region_name": deployment.region}
    region: str = litellm().llms.bedrock.base_aws_llm.BaseAWSLLM().get_aws_region_name(known, model, None)
    return region
