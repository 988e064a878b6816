"""What Bedrock offers an account in one Region. Blocking; raises botocore's errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_bedrock.client import BedrockClient


@dataclass(frozen=True, slots=True)
class OfferedModel:
    """A foundation model of the Region."""

    on_demand: bool
    """May be asked by its own id; otherwise only through an inference profile, or where capacity was bought."""
    legacy: bool
    """Its maker is taking it away."""


@dataclass(frozen=True, slots=True)
class Availability:
    """Whether the account may use a model. Source of the values: GetFoundationModelAvailability, Amazon Bedrock API
    reference."""

    agreement: str
    """The subscription: AVAILABLE, PENDING, NOT_AVAILABLE or ERROR."""
    problem: str
    """What Bedrock says about the subscription, where it does."""
    authorized: bool
    entitled: bool
    in_region: bool


class BedrockCatalog:
    """Reads each of Bedrock's lists once."""

    def __init__(self, client: BedrockClient) -> None:
        self._client = client
        self._known: dict[str, Availability] = {}

    @cached_property
    def models(self) -> Mapping[str, OfferedModel]:
        """By id."""
        summaries = self._client.list_foundation_models()["modelSummaries"]
        return {
            one["modelId"]: OfferedModel(
                on_demand="ON_DEMAND" in one.get("inferenceTypesSupported", ["ON_DEMAND"]),
                legacy=one.get("modelLifecycle", {}).get("status") == "LEGACY",
            )
            for one in summaries
        }

    @cached_property
    def profiles(self) -> Mapping[str, tuple[str, ...]]:
        """The models behind the Region's cross-Region inference profiles, by the profiles' ids."""
        pages = self._client.get_paginator("list_inference_profiles").paginate(typeEquals="SYSTEM_DEFINED")
        return {
            one["inferenceProfileId"]: _models_of(one) for page in pages for one in page["inferenceProfileSummaries"]
        }

    def profile(self, arn: str) -> tuple[str, ...] | None:
        """The models behind one profile, which may be the account's own; None: there is no such profile."""
        try:
            return _models_of(self._client.get_inference_profile(inferenceProfileIdentifier=arn))
        except self._client.exceptions.ResourceNotFoundException:
            return None

    def availability(self, model: str) -> Availability:
        """By a foundation model's id."""
        if model in self._known:
            return self._known[model]
        found = self._client.get_foundation_model_availability(modelId=model)
        agreement = found["agreementAvailability"]
        self._known[model] = Availability(
            agreement=agreement["status"],
            problem=agreement.get("errorMessage", ""),
            authorized=found["authorizationStatus"] == "AUTHORIZED",
            entitled=found["entitlementAvailability"] == "AVAILABLE",
            in_region=found["regionAvailability"] == "AVAILABLE",
        )
        return self._known[model]

    def has_use_case(self) -> bool:
        """Whether the account has handed in the form about its use of Anthropic's models."""
        try:
            self._client.get_use_case_for_model_access()
        except self._client.exceptions.ResourceNotFoundException:
            return False
        return True


def _models_of(profile: Mapping[str, Any]) -> tuple[str, ...]:
    """Ids, each once: a profile names a model once for each of its Regions."""
    return tuple(dict.fromkeys(model["modelArn"].rpartition("/")[2] for model in profile["models"]))
