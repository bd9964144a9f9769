"""What runs the networks of a generation: torch, which is the reference, or an inference engine on graphs that were exported from it."""
