"""What all environments of a stage share: circuits, rate windows, the callers' key records, what is kept of answers."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import RemovalPolicy
from aws_cdk.aws_dynamodb import (
    Attribute,
    AttributeType,
    BillingMode,
    ITable,
    PointInTimeRecoverySpecification,
    ReplicaTableProps,
    Table,
    TableEncryption,
    TableEncryptionV2,
    TableV2,
)
from aws_cdk.aws_iam import PolicyStatement
from constructs import Construct

from .acknowledged import FORGETFUL, acknowledge

PARTITION_KEY = "pk"
TTL = "ttl"


class State(Construct):
    """One on-demand table. `keep`: it outlives the stack, as it holds the callers' keys (their hashes). `regions`:
    where it is, if in several; the first of them makes it, under `name`, and the others use their copy."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        keep: bool,
        name: str,
        regions: Sequence[str] = (),
        region: str | None = None,
    ) -> None:
        super().__init__(scope, id)
        self.table: ITable
        if not regions:
            self.table = self._alone(keep)
        elif region == regions[0]:
            self.table = self._everywhere(keep, name, regions[1:])
        else:
            self.table = Table.from_table_name(self, "Table", name)

    def _everywhere(self, keep: bool, name: str, others: Sequence[str]) -> TableV2:
        """A global table. A write is in the other Region within about a second; of two at once the later one stays."""
        restorable = PointInTimeRecoverySpecification(point_in_time_recovery_enabled=True)
        replicas = [
            ReplicaTableProps(region=one, deletion_protection=keep, point_in_time_recovery_specification=restorable)
            for one in others
        ]
        return TableV2(
            self,
            "Table",
            table_name=name,
            partition_key=Attribute(name=PARTITION_KEY, type=AttributeType.STRING),
            encryption=TableEncryptionV2.aws_managed_key(),
            point_in_time_recovery_specification=restorable,
            time_to_live_attribute=TTL,
            deletion_protection=keep,
            removal_policy=RemovalPolicy.RETAIN if keep else RemovalPolicy.DESTROY,
            replicas=replicas,
        )

    def _alone(self, keep: bool) -> Table:
        return Table(
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
