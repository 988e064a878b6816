"""Choosing a chain by evidence: asking models directly, scoring what they said, proposing orders. No AWS, no HTTP."""
