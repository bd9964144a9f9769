"""What runs when: definitions, jobs, schedules, sensors, presets, the CLI."""

import warnings

# Dagster's notices to developers, one for every asset, in the log of whoever only opens the UI.
warnings.filterwarnings("ignore", message=".* is currently in (beta|preview)")
