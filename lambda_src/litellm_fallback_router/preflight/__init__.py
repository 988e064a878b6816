"""What an AWS account must have before the gateway is deployed into it."""
