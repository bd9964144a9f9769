"""The console script `swaptalk`: one file a command."""
