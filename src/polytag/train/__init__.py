"""The training loop and what it stands on; it knows the protocol of a method, and no method."""
