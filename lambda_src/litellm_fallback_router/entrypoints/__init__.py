"""The entry points that servers and AWS call."""
