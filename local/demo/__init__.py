"""`python -m local.demo`: the fallback chain at work, over HTTP, with the official OpenAI client."""
