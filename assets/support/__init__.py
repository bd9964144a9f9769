"""What the asset files lean on: resources, metadata, pictures, checks, and the process in which a model is trained."""
