"""What all environments of a stage share: circuits, rate windows, the callers' key records, what is kept of answers."""

from __future__ import annotations

from collections.abc import Sequence

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

from .acknowledged import FORGETFUL, acknowledge

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


class Forgetful(Construct):
    """What callers said or were told, in a table of its own: encrypted, gone after its time, and in no backup that
    would outlive it."""

    def __init__(self, scope: Construct, id: str, *, actions: Sequence[str]) -> None:
        """`actions`: what the router may do with it, without `dynamodb:`."""
        super().__init__(scope, id)
        self._actions = [f"dynamodb:{action}" for action in actions]
        self.table = Table(
            self,
            "Table",
            partition_key=Attribute(name=PARTITION_KEY, type=AttributeType.STRING),
            billing_mode=BillingMode.PAY_PER_REQUEST,
            encryption=TableEncryption.AWS_MANAGED,
            time_to_live_attribute=TTL,
            removal_policy=RemovalPolicy.DESTROY,
        )
        acknowledge(FORGETFUL, self.table)

    def statement(self) -> PolicyStatement:
        """What the router may do with it."""
        return PolicyStatement(actions=self._actions, resources=[self.table.table_arn])


def kept_responses(scope: Construct, id: str) -> Forgetful:
    """Conversations that callers go on from."""
    return Forgetful(scope, id, actions=("BatchGetItem", "BatchWriteItem"))


def kept_answers(scope: Construct, id: str) -> Forgetful:
    """Answers that are given again to equal requests."""
    return Forgetful(scope, id, actions=("GetItem", "PutItem"))
