"""What exists: Dagster asset definitions, thin over swaptalk_models."""
