"""One KMS key of the operator's for what the stack stores: tables, logs, secrets, mappings."""

from __future__ import annotations

from aws_cdk import ArnFormat, Aws, RemovalPolicy, Stack
from aws_cdk.aws_appconfig import CfnConfigurationProfile
from aws_cdk.aws_dynamodb import CfnTable
from aws_cdk.aws_iam import PolicyStatement, ServicePrincipal
from aws_cdk.aws_kms import IKey, Key
from aws_cdk.aws_logs import CfnLogGroup
from aws_cdk.aws_secretsmanager import CfnSecret
from constructs import Construct

from .stage import NEW, Stage

READ = ["kms:Decrypt", "kms:DescribeKey"]
WRITE = ["kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo"]
"""Beside READ. Source: DynamoDB developer guide, "DynamoDB encryption at rest: how it works"."""


class OwnKey(Construct):
    """`key`: `new`, or the ARN of one that exists, whose policy must let this account's roles and CloudWatch Logs use
    it: nobody but its owner can change that (docs/aws.md has the statement)."""

    def __init__(self, scope: Construct, id: str, *, stage: Stage, key: str) -> None:
        super().__init__(scope, id)
        self.key: IKey = self._new(stage) if key == NEW else Key.from_key_arn(self, "Key", key)

    def encrypt(self, stack: Stack) -> None:
        """Every table, log group, secret and mapping of the stack, whichever construct made it."""
        for one in stack.node.find_all():
            if isinstance(one, CfnTable):
                one.sse_specification = CfnTable.SSESpecificationProperty(
                    sse_enabled=True, sse_type="KMS", kms_master_key_id=self.key.key_arn
                )
            elif isinstance(one, CfnLogGroup | CfnSecret):
                one.kms_key_id = self.key.key_arn
            elif isinstance(one, CfnConfigurationProfile):
                # Its id: CloudFormation refuses a key's ARN here (github.com/aws/aws-cdk/issues/36819).
                one.kms_key_identifier = self.key.key_id

    def statement(self, *services: str, write: bool) -> PolicyStatement:
        """What a role must be allowed, through these services alone."""
        through = [f"{service}.{Aws.REGION}.amazonaws.com" for service in services]
        return PolicyStatement(
            actions=READ + WRITE * write,
            resources=[self.key.key_arn],
            conditions={"StringEquals": {"kms:ViaService": through}},
        )

    def _new(self, stage: Stage) -> Key:
        key = Key(
            self,
            "Key",
            description=f"Tables, logs, secrets and mappings of {stage.service}",
            alias=f"alias/{stage.service}",
            enable_key_rotation=True,
            removal_policy=RemovalPolicy.RETAIN if stage.keeps_data else RemovalPolicy.DESTROY,
        )
        groups = Stack.of(self).format_arn(
            service="logs", resource="log-group", resource_name="*", arn_format=ArnFormat.COLON_RESOURCE_NAME
        )
        # Source: CloudWatch Logs user guide, "Encrypt log data in CloudWatch Logs using AWS Key Management Service".
        logs = PolicyStatement(
            principals=[ServicePrincipal(f"logs.{Aws.REGION}.amazonaws.com")],
            actions=["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"],
            resources=["*"],
            conditions={"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}},
        )
        key.add_to_resource_policy(logs)
        return key
