"""The data stages, one file each, their table (registry.py), and cleaning up after videos that have gone."""
