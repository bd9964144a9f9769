"""From whatever videos people have to the snapshot that a training reads: sources, stages, the store they write to."""
