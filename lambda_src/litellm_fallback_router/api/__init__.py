"""HTTP: the wire formats and a few small endpoints beside them. Knows the Router, never an adapter."""
