"""The log-mel features, on one clock with the frames."""
