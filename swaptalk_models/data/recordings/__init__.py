"""Whether one recording is there under several names, by its sound or by its picture."""
