"""What all environments of a stage share: circuits, rate windows, the callers' key records, and kept responses."""

from __future__ import annotations

from aws_cdk import RemovalPolicy
from aws_cdk.aws_dynamodb import (
    Attribute,
    AttributeType,
    BillingMode,
    PointInTimeRecoverySpecification,
    Table,
    TableEncryption,
)
from aws_cdk.aws_iam import PolicyStatement
from constructs import Construct

from .acknowledged import RESPONSES, acknowledge

PARTITION_KEY = "pk"
TTL = "ttl"


class State(Construct):
    """One on-demand table. `keep`: it outlives the stack, as it holds the callers' keys (their hashes)."""

    def __init__(self, scope: Construct, id: str, *, keep: bool) -> None:
        super().__init__(scope, id)
        self.table = Table(
            self,
            "Table",
            partition_key=Attribute(name=PARTITION_KEY, type=AttributeType.STRING),
            billing_mode=BillingMode.PAY_PER_REQUEST,
            encryption=TableEncryption.AWS_MANAGED,
            point_in_time_recovery_specification=PointInTimeRecoverySpecification(point_in_time_recovery_enabled=True),
            time_to_live_attribute=TTL,
            deletion_protection=keep,
            removal_policy=RemovalPolicy.RETAIN if keep else RemovalPolicy.DESTROY,
        )


class KeptResponses(Construct):
    """Conversations that callers go on from, in a table of their own: encrypted, gone after their time, and in no
    backup that would outlive it."""

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id)
        self.table = Table(
            self,
            "Table",
            partition_key=Attribute(name=PARTITION_KEY, type=AttributeType.STRING),
            billing_mode=BillingMode.PAY_PER_REQUEST,
            encryption=TableEncryption.AWS_MANAGED,
            time_to_live_attribute=TTL,
            removal_policy=RemovalPolicy.DESTROY,
        )
        acknowledge(RESPONSES, self.table)

    def statement(self) -> PolicyStatement:
        """What the router may do with it."""
        actions = ["dynamodb:BatchGetItem", "dynamodb:BatchWriteItem"]
        return PolicyStatement(actions=actions, resources=[self.table.table_arn])
