"""Choosing a chain by evidence: models are asked directly, their answers are scored, and orders proposed."""
