"""The domain: which deployment is asked, in which order, for how long, and what happens when it fails."""
