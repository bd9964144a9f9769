"""Finding, following and aligning one face, and what its 68 landmarks tell."""
