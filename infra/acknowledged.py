"""What cdk-nag's AwsSolutions rules object to and why it stays, each at the one construct it concerns."""

from __future__ import annotations

from aws_cdk import Acknowledgment, Validations
from constructs import IConstruct

_SHIFT_ALIAS = "Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSCodeDeployRoleForLambdaLimited"
_PUSH_LOGS = "Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"

SECRET = {"SMG4": "Providers' keys are issued on the providers' own pages; the gateway reads a new one by itself."}
SEAL = {"SMG4": "With another key every report before it would look forged; it leaves Secrets Manager for no caller."}
ROLE = {"IAM5[Resource::*]": "Only X-Ray: its two actions know no resources (X-Ray's service authorization reference)."}
ROLLOUT_ROLE = {f"IAM4[{_SHIFT_ALIAS}]": "The policy that CodeDeploy's documentation names for moving aliases."}
KEEPER_REASON = "It deletes versions of this one function, whose numbers nobody knows before."
PROBE = {
    "APIG4": "Route 53 can send no key. The path has the stack's own number in it, and answers a few times a second.",
    "COG4": "As above.",
}
AGENT_ROLE = {"IAM5[Resource::*]": "bedrock:InvokeGuardrailChecks, whose checks belong to no guardrail to be named."}
FUNCTION = {"L1": "The package is compiled for Python 3.13, and moves to the next version as a whole."}
API = {"APIG2": "Bodies are validated by the gateway, which answers in OpenAI's envelope and names the field."}
BUCKET = {"S1": "Access is logged by CloudTrail's data events where an account wants them; this bucket logs nothing."}
FORGETFUL = {"DDB3": "What is in it ends with its TTL; a point-in-time backup would keep it for weeks longer."}
MAPPING_ALARMS = {"IAM5[Resource::*]": "cloudwatch:DescribeAlarms, as AppConfig's user guide has it; it only reads."}
STAGE = {
    "APIG3": "A web ACL costs money each month and is asked for with -c waf=true; every method asks for a key.",
    "APIG6": "Execution logs land in a group of their own that outlives the stack; the access log has each request.",
}
METHOD = {"COG4": "OpenAI clients send a key of ours, which a Lambda authorizer checks; no Cognito user is involved."}
LOG_ROLE = {f"IAM4[{_PUSH_LOGS}]": "The policy that API Gateway's documentation names for its account-wide log role."}


def acknowledge(findings: dict[str, str], *constructs: IConstruct) -> None:
    """`findings`: rule -> reason, for each of the constructs and what is in them."""
    for construct in constructs:
        for rule, reason in findings.items():
            acknowledgment = Acknowledgment(id=f"AwsSolutions::AwsSolutions-{rule}", reason=reason)
            Validations.of(construct).acknowledge(acknowledgment)
