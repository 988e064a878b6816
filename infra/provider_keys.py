"""Providers' keys: one secret each, created empty and filled by hand."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import ArnFormat, RemovalPolicy, Stack
from aws_cdk.aws_secretsmanager import CfnSecret
from constructs import Construct

from litellm_fallback_router.routing.mapping import secret_name

from .acknowledged import SECRET, acknowledge


class ProviderKeys(Construct):
    """The secrets `PREFIX/PROVIDER`. The L1 construct, because the L2 one always fills a secret. `regions`: where they
    are too; the first of them makes them, and Secrets Manager keeps the copies alike."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        prefix: str,
        providers: Sequence[str],
        keep: bool,
        regions: Sequence[str] = (),
        region: str | None = None,
    ) -> None:
        super().__init__(scope, id)
        self.names = [secret_name(prefix, provider) for provider in providers]
        made_here = providers if not regions or region == regions[0] else ()
        copies = [CfnSecret.ReplicaRegionProperty(region=one) for one in regions[1:]]
        self.secrets = [
            CfnSecret(
                self,
                provider,
                name=secret_name(prefix, provider),
                description=f"Key of {provider}, for the gateway",
                replica_regions=copies or None,
            )
            for provider in made_here
        ]
        acknowledge(SECRET, *self.secrets)
        for secret in self.secrets:
            secret.apply_removal_policy(RemovalPolicy.RETAIN if keep else RemovalPolicy.DESTROY)

    @property
    def arns(self) -> list[str]:
        """ARNs by name. Secrets Manager ends each with a hyphen and six characters of its own."""
        return [
            Stack.of(self).format_arn(
                service="secretsmanager",
                resource="secret",
                resource_name=f"{name}-??????",
                arn_format=ArnFormat.COLON_RESOURCE_NAME,
            )
            for name in self.names
        ]
