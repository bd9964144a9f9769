"""Faces, sound and tensors: plain Python and PyTorch. Never imports dagster."""
