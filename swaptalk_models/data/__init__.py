"""Data, from whatever videos people have to the snapshot that a training reads: sources, stages, the store that they write to."""
