"""What each command of `fallback-router` does."""
