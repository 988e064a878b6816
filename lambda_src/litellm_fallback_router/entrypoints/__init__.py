"""The doors that servers and AWS call."""
