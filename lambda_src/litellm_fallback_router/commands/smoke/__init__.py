"""`fallback-router smoke`: a deployed stage, used as its callers would use it, and looked at."""
