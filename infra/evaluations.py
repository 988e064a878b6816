"""A bucket for evaluations and for samples of fallbacks' answers, and the role that Bedrock's judges take."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import ArnFormat, Duration, RemovalPolicy, Stack
from aws_cdk.aws_iam import PolicyStatement, Role, ServicePrincipal
from aws_cdk.aws_s3 import BlockPublicAccess, Bucket, BucketEncryption, CfnBucket, IBucket, LifecycleRule
from constructs import Construct

from litellm_fallback_router.routing.types import Deployment

from .acknowledged import BUCKET, acknowledge
from .model_access import bedrock_statements
from .stage import NEW

SAMPLES = "fallbacks"
"""Folder that the gateway writes to."""
RUNS = "evaluations"
"""Folder for `fallback-router evaluate --out`."""
SAMPLES_KEPT = Duration.days(30)
FOLDER = "One folder of one bucket: the names of its objects are not known before."


def judge_statements(scope: Stack, model: str) -> list[PolicyStatement]:
    """What a role must be allowed to ask the judge in the stack's Region. Raises ConfigurationError."""
    return bedrock_statements(scope, [judge_deployment(model)])


def judge_deployment(model: str) -> Deployment:
    """The judge as one of the mapping's would be: it reads prompts and answers."""
    name = "evaluation_judge"
    return Deployment(name, name, "bedrock", model, f"bedrock/converse/{model}", name)


class Evaluations(Construct):
    """`bucket`: `new`, or the name of one that exists. `judge`: what the role may invoke; empty: there is no role."""

    def __init__(self, scope: Construct, id: str, *, bucket: str, judge: Sequence[PolicyStatement], keep: bool) -> None:
        super().__init__(scope, id)
        self.bucket: IBucket = self._new(keep) if bucket == NEW else Bucket.from_bucket_name(self, "Bucket", bucket)
        self.role = self._role(judge) if judge else None
        acknowledge({**BUCKET, **self.findings}, self)

    @property
    def samples_uri(self) -> str:
        return f"s3://{self.bucket.bucket_name}/{SAMPLES}"

    @property
    def findings(self) -> dict[str, str]:
        """cdk-nag's word for each wildcard in the statements here, and why it stays."""
        if isinstance(self.bucket.node.default_child, CfnBucket):
            arn = f"<{Stack.of(self).get_logical_id(self.bucket.node.default_child)}.Arn>"
        else:
            arn = f"arn:<AWS::Partition>:s3:::{self.bucket.bucket_name}"
        return {f"IAM5[Resource::{arn}/{folder}/*]": FOLDER for folder in (SAMPLES, RUNS)}

    def sample_statement(self) -> PolicyStatement:
        """What the gateway must be allowed to keep samples: to write, not to read."""
        return PolicyStatement(actions=["s3:PutObject"], resources=[self.bucket.arn_for_objects(f"{SAMPLES}/*")])

    def _new(self, keep: bool) -> Bucket:
        return Bucket(
            self,
            "Bucket",
            encryption=BucketEncryption.S3_MANAGED,
            block_public_access=BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            lifecycle_rules=[LifecycleRule(prefix=f"{SAMPLES}/", expiration=SAMPLES_KEPT)],
            removal_policy=RemovalPolicy.RETAIN if keep else RemovalPolicy.DESTROY,
        )

    def _role(self, judge: Sequence[PolicyStatement]) -> Role:
        """Source: Amazon Bedrock user guide, "Service role requirements for creating a model evaluation job that uses a
        judge model"."""
        stack = Stack.of(self)
        job = stack.format_arn(
            service="bedrock",
            resource="evaluation-job",
            resource_name="*",
            arn_format=ArnFormat.SLASH_RESOURCE_NAME,
        )
        trusted = {"StringEquals": {"aws:SourceAccount": stack.account}, "ArnLike": {"aws:SourceArn": job}}
        role = Role(self, "Judge", assumed_by=ServicePrincipal("bedrock.amazonaws.com", conditions=trusted))
        own = {"StringEquals": {"aws:ResourceAccount": stack.account}}
        folders = [self.bucket.arn_for_objects(f"{folder}/*") for folder in (RUNS, SAMPLES)]
        role.add_to_policy(PolicyStatement(actions=["s3:GetObject"], resources=folders, conditions=own))
        write = ["s3:PutObject", "s3:AbortMultipartUpload"]
        role.add_to_policy(PolicyStatement(actions=write, resources=folders[:1], conditions=own))
        look = ["s3:ListBucket", "s3:GetBucketLocation"]
        role.add_to_policy(PolicyStatement(actions=look, resources=[self.bucket.bucket_arn], conditions=own))
        for statement in judge:
            role.add_to_policy(statement)
        return role
