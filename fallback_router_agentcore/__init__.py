"""The gateway's models as tools of an AgentCore Gateway: what is offered, and the Lambda function that answers."""
